"""Runs at Modal: they come back as if they had been made here, whatever happens on the way."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from mad.door.compose import compose
from mad.execute import execute
from mad.launch.cloud.ticket import Ticket
from mad.report.record import RunFolder
from mad.report.result import Result
from mad.report.seal import unsealed
from mad.report.stamp import sources
from mad.run import main
from tests.cloud.plane.control import Plane
from tests.cloud.small import (
    PATIENCE,
    command,
    committed_step,
    folders,
    record,
    said,
    time_out,
    wait_for_progress,
    words,
)

OWN_PARTS = """
import torch

class Norm(torch.nn.LayerNorm):
    def __init__(self, width: int, *, eps: float, number: int) -> None:
        super().__init__(width, eps=eps)
        if number == 3:
            raise RuntimeError("number three is broken")
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made_here(results: Path, *more: str) -> tuple[dict[str, Any], bytes]:
    """The same run in this process."""
    config = compose(words(*more, results=results, there=False))
    execute(config)
    return record(RunFolder.of(config).path)


def test_a_run_comes_back_as_if_made_here(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    assert main(words("launch.gpu=L4", results=there)) == 0
    shown = capsys.readouterr().out
    [folder] = folders(there)
    assert record(folder) == made_here(tmp_path / "here")
    result = Result.from_json((folder / "result.json").read_text())
    assert result.cost["usd"] == pytest.approx(0.6 * (result.cost["billed_seconds"] or 0) / 3600)
    assert result.stamp["commit"] == sources()[0]
    [call] = plane.calls
    assert (call.gpu, call.timeout, call.retries, call.attempts) == ("L4", 3600, 2, 1)
    assert f"https://modal.com/id/{call.id}" in shown
    assert "1 job on L4 at $0.600 an hour (launch.usd_per_hour)" in shown
    assert (folder / "console.log").read_text().endswith("finished\n")
    assert main(words("launch.gpu=L4", results=there)) == 0
    assert "finished before" in capsys.readouterr().out
    assert main(words(results=there, there=False)) == 0
    assert len(plane.calls) == 1


def test_a_sweep_of_six_with_one_that_fails(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_parts.py").write_text(OWN_PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    more = ("allow=[own_parts]", "model.norm._target_=own_parts.Norm", "+model.norm.number=0,1,2,3,4,5")
    assert main(["-m", *words(*more, results=tmp_path / "there")]) == 1
    shown = capsys.readouterr().out
    assert shown.count("finished (") == 5
    assert shown.count("failed (") == 1
    assert 'raise RuntimeError("number three is broken")' in shown
    assert len(plane.calls) == 6
    assert [call.attempts for call in plane.calls] == [1] * 6
    assert main(["-m", *words(*more, results=tmp_path / "here", there=False)]) == 1
    pairs = list(zip(folders(tmp_path / "there"), folders(tmp_path / "here"), strict=True))
    assert [a.name for a, _ in pairs] == [b.name for _, b in pairs]
    ended = [(a, b) for a, b in pairs if (b / "result.json").exists()]
    assert [record(a) for a, _ in ended] == [record(b) for _, b in ended]
    [(there, here)] = [pair for pair in pairs if pair not in ended]  # it broke while the model was built
    assert not (there / "result.json").exists()
    for folder in (there, here):
        assert (folder / "console.log").read_text().count("RuntimeError: number three is broken") == 1


def test_modals_own_command_does_the_same(plane: Plane, tmp_path: Path) -> None:
    app = str(Path(__file__).parents[2] / "modal_app.py")
    program = ("-m", "modal", "run", app)
    code, shown = said(command(words(results=tmp_path / "there"), plane=plane, cwd=tmp_path, program=program))
    assert code == 0, shown
    [folder] = folders(tmp_path / "there")
    assert record(folder) == made_here(tmp_path / "here")


def test_what_was_left_there_is_collected_later(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = words("launch.wait=false", results=Path("runs"))
    code, shown = said(command(left, plane=plane, cwd=tmp_path))
    assert code == 0, shown
    [folder] = folders(tmp_path / "runs")
    assert f"mad collect runs/{folder.name}" in shown
    assert main(["collect", folder.name, "--wait"]) == 0
    assert "finished (1/1)" in capsys.readouterr().out
    assert record(folder) == made_here(tmp_path / "here")
    assert main(["collect"]) == 0
    assert capsys.readouterr().out == "no job is under way at Modal\n"


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(plane: Plane, tmp_path: Path) -> None:
    waiting = command(words("trainer.steps=60", results=Path("runs")), plane=plane, cwd=tmp_path)
    plane.wait(lambda: plane.calls and plane.calls[0].state == "running", seconds=PATIENCE)
    waiting.send_signal(signal.SIGINT)
    code, shown = said(waiting)
    assert code == 130, shown
    [folder] = folders(tmp_path / "runs")
    assert f"mad collect runs/{folder.name}" in shown
    assert f"mad cancel runs/{folder.name}" in shown
    assert "Traceback" not in shown
    again = command(words("trainer.steps=60", results=Path("runs")), plane=plane, cwd=tmp_path)
    code, shown = said(again)
    assert code == 0, shown
    assert len(plane.calls) == 1
    assert record(folder) == made_here(tmp_path / "here", "trainer.steps=60")


def test_a_job_called_off_keeps_its_checkpoint_and_goes_on_when_asked_again(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("trainer.steps=300", "launch.mirror_seconds=0.2")
    config = compose(words(*more, results=Path("runs")))
    assert main(words(*more, "launch.wait=false", results=Path("runs"))) == 0
    wait_for_progress(plane, config)
    assert main(["cancel", "--all"]) == 0
    folder = RunFolder.of(config)
    ticket = Ticket.read(folder.path)
    assert ticket is not None
    assert (ticket.state, ticket.outcome, folder.state()) == ("closed", "cancelled", "unfinished")
    assert list(folder.path.glob("checkpoint-*.pt"))
    [spent] = unsealed(json.loads((folder.path.parent / "ledger.json").read_text())).values()
    assert (spent["state"], spent["usd"] > 0) == ("spent", True)
    assert main(words(*more, results=Path("runs"))) == 0
    assert ", from step " in folder.console_file.read_text()
    assert record(folder.path) == made_here(tmp_path / "here", *more[:1])


def test_three_preemptions_and_a_timeout_change_nothing(plane: Plane, tmp_path: Path) -> None:
    more = ("trainer.steps=1000", "launch.mirror_seconds=0.2")
    config = compose(words(*more, results=tmp_path / "there"))
    plane.limits.grace_seconds = PATIENCE
    waiting = command(words(*more, results=tmp_path / "there"), plane=plane, cwd=tmp_path)
    plane.wait(lambda: plane.calls, seconds=PATIENCE)
    [call] = plane.calls
    for number in range(1, 4):
        wait_for_progress(plane, config)
        plane.preempt(call)
        plane.wait(lambda number=number: call.preemptions == number, seconds=PATIENCE)
    wait_for_progress(plane, config)
    time_out(plane, call)
    code, shown = said(waiting)
    assert code == 0, shown
    assert (call.preemptions, call.attempts, call.state) == (3, 2, "success")
    folder = RunFolder.of(config)
    assert record(folder.path) == made_here(tmp_path / "here", *more[:1])
    said_there = folder.console_file.read_text()
    assert said_there.count(", from step ") == 4
    assert [line for line in said_there.splitlines() if line.startswith("preempted")] == [
        *["preempted: SIGINT"] * 3,
        "preempted: SIGTERM",
    ]


def test_a_job_that_dies_goes_on_from_its_last_copy(plane: Plane, tmp_path: Path) -> None:
    more = ("trainer.steps=160", "launch.mirror_seconds=0.2")
    config = compose(words(*more, results=tmp_path / "there"))
    assert main(words(*more, "launch.wait=false", results=tmp_path / "there")) == 0
    [call] = plane.calls
    plane.kill(call, after=lambda: committed_step(plane, config) >= 8)
    assert main(["collect", str(tmp_path / "there"), "--wait"]) == 0
    assert call.attempts == 2
    assert record(RunFolder.of(config).path) == made_here(tmp_path / "here", *more[:1])


def test_a_job_that_never_ends_in_time_says_so_and_can_go_on(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("trainer.steps=160", "launch.mirror_seconds=0.2", "launch.retries=0")
    config = compose(words(*more, results=tmp_path / "there"))
    plane.limits.grace_seconds = PATIENCE
    assert main(words(*more, "launch.wait=false", results=tmp_path / "there")) == 0
    wait_for_progress(plane, config)
    time_out(plane, plane.calls[0])
    assert main(["collect", str(tmp_path / "there"), "--wait"]) == 1
    assert "no end after 1 attempt of 3600 s (launch.timeout_seconds)" in capsys.readouterr().out
    assert main(words(*more, results=tmp_path / "there")) == 0
    assert record(RunFolder.of(config).path) == made_here(tmp_path / "here", *more[:1])
