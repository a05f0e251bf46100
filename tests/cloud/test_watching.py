"""What a user sees of jobs at Modal, and the commands that look after them."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.board import Entry
from mad.launch.cloud.calls import Outcome
from mad.launch.cloud.fetching import named_jobs
from mad.launch.cloud.gather import priced
from mad.launch.cloud.job import Job, Standing
from mad.launch.cloud.launcher import how_to_go_on
from mad.launch.cloud.store import Gone, NoAnswer, Refused, Store, asking
from mad.launch.cloud.watchers import LiveWatcher, PlainWatcher
from mad.launch.ending import Ending
from mad.report.metrics import Metrics
from mad.report.pages.costs import usd_of
from mad.report.record import RunFolder
from mad.report.tables import show_result
from mad.run import main
from tests.cloud.plane.control import Plane
from tests.cloud.tickets import ticket
from tests.results import small_result


def launched(config: Mapping[str, Any]) -> Path:
    """A run folder with an open ticket."""
    folder = RunFolder.of(config)
    with folder.claim(config):
        ticket(config).write(folder.path)
    return folder.path


def configs(results: Path, n: int) -> Iterator[dict[str, Any]]:
    for seed in range(n):
        yield {"seed": seed, "results": str(results)}


RUNNING = Standing(
    state="running", attempt=2, seconds=90.0, usd=0.015, row={"step": 40, "validation/accuracy": 0.25}
)


def test_a_terminal_shows_state_device_time_dollars_and_the_last_metric(tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    entries = [Entry(label=f"seed={n}", metrics=Metrics(tmp_path / "m")) for n in range(2)]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=20)
    board = LiveWatcher(entries, console=console)
    with board.shown():
        board.stands(0, ticket(config), RUNNING)
        board.stands(1, ticket(config), Standing(state="queued"))
        board.refresh()
    shown = screen.getvalue()
    for words in ("running 2", "queued", "T4", "1 min 30 s", "0.015", "40", "25.0%", "$0.01 so far"):
        assert words in shown, words
    assert "https://modal.com/id/fc-1" in shown


def test_a_pipe_gets_one_line_an_attempt(tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    out = io.StringIO()
    entries = [Entry(label="seed=0", metrics=Metrics(tmp_path / "m"))]
    board = PlainWatcher(entries, console=Console(file=out, width=80))
    for standing in (Standing(state="queued"), RUNNING, RUNNING):
        board.stands(0, ticket(config), standing)
    board.ended(0, Ending(status="failed", error="it broke", seconds=3.0))
    assert out.getvalue().splitlines() == [
        "running  seed=0 on T4 (attempt 2)",
        "failed (1/1)  seed=0  it broke  3 s",
    ]


def test_what_to_type_names_few_runs_and_the_folder_of_many() -> None:
    assert how_to_go_on([]) == []
    assert how_to_go_on(["runs/a"])[1:] == ["fetch:     mad collect runs/a", "call off:  mad cancel runs/a"]
    many = how_to_go_on([f"runs/{n}" for n in range(9)])
    assert many[0].startswith("9 runs are under way at Modal")
    assert many[1] == "fetch:     mad collect runs"


def test_jobs_are_found_by_run_experiment_number_or_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = launched({"seed": 0, "results": "runs"})
    swept = launched({"seed": 1, "results": "experiments/008-features/runs"})
    apart = launched({"seed": 2, "results": "elsewhere"})

    def found(*names: str) -> list[Path]:
        return [job.folder for job in named_jobs(names)]

    assert found() == sorted([run, swept])
    assert found(run.name) == found(str(run)) == [run]
    assert found("008") == found("008-features") == found("experiments/008-features/runs") == [swept]
    assert found("elsewhere") == found(str(apart)) == [apart]
    with pytest.raises(ValueError, match="no job was launched for nonsense; mad ls lists the runs"):
        found("nonsense")
    ticket({"seed": 0, "results": "runs"}, state="closed").write(run)
    assert found() == [swept]


def test_cancel_wants_to_know_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cancel"]) == 2
    assert "mad cancel expects names of runs or experiments, or else --all" in capsys.readouterr().err


def test_a_ticket_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (launched({"seed": 0, "results": "runs"}) / "ticket.json").write_text("{")
    assert main(["collect"]) == 2
    assert "ticket.json is no ticket" in capsys.readouterr().err


def test_dollars_are_in_the_result_and_so_in_the_report(tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    from mad.launch.cloud.attempts import Attempt

    tried = [Attempt(began="", seconds=1800.0), Attempt(began="", seconds=1800.0)]
    result = priced(small_result(config), ticket(config), tried)
    assert result.cost["usd"] == pytest.approx(0.6)
    assert usd_of([result]) == pytest.approx(0.6)
    out = io.StringIO()
    show_result(result, console=Console(file=out, width=80))
    assert "3 s, 10 steps, 1,234 parameters, 99 state floats, $0.600" in out.getvalue()


class Emptied:
    """A store whose volume was emptied."""

    def names(self, folder: str) -> list[str]:
        return []

    def read(self, path: str) -> None:
        return None


def test_a_job_whose_record_is_gone_has_failed_and_can_be_launched_again(tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    path = launched(config)
    [job] = named_jobs([str(path)])
    ending = job.settle(Outcome(status="finished"), store=Emptied())  # type: ignore[arg-type]
    assert (ending.status, ending.error) == ("failed", "the volume does not hold its result")
    assert not named_jobs([str(path)])


def test_a_volume_that_is_gone_ends_its_jobs(plane: Plane, tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    path = launched(config)
    [job] = named_jobs([str(path)])
    with pytest.raises(Gone, match="no volume mad-gone any more"):
        Store("mad-gone").read("x")
    ending = job.settle(Outcome(status="finished"), store=Store("mad-gone"))
    assert ending.status == "failed"
    assert "see `modal volume list`" in (ending.error or "")
    assert not named_jobs([str(path)])
    assert plane.requests


def test_what_is_wrong_with_modal_is_told_apart() -> None:
    from modal import exception

    with pytest.raises(Refused, match="run `modal token new`"), asking():
        raise exception.AuthError("no")
    with pytest.raises(NoAnswer, match="ConnectionError: down"), asking():
        raise exception.ConnectionError("down")
    with pytest.raises(KeyError), asking():
        raise KeyError("a mistake of ours")


def test_a_job_knows_its_run(tmp_path: Path) -> None:
    [config] = configs(tmp_path, 1)
    [job] = named_jobs([str(launched(config))])
    assert job == Job(RunFolder.of(config).path, ticket(config))
