"""How the end of a call is told: what a container raised, what Modal did, and what is the way there."""

import hashlib
import io
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.board import Entry
from mad.launch.cloud import calls, waiting
from mad.launch.cloud.calls import Outcome, outcome
from mad.launch.cloud.cancelling import main as cancel
from mad.launch.cloud.gather import gathered
from mad.launch.cloud.job import Job, Standing, open_jobs
from mad.launch.cloud.listening import Ears, Impatient
from mad.launch.cloud.order import Order
from mad.launch.cloud.remote import carry_out
from mad.launch.cloud.store import NoAnswer
from mad.launch.cloud.ticket import Ticket
from mad.launch.cloud.waiting import Vigil
from mad.launch.cloud.watchers import LiveWatcher, PlainWatcher
from mad.launch.ending import Ending
from mad.launch.settings import Cloud
from mad.report.lock import locked
from mad.report.metrics import Metrics
from mad.report.record import RunFolder
from tests.cloud.tickets import ticket
from tests.results import small_config

SECRET = "s3cret-s3cret-s3cret"


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MY_API_KEY", SECRET)


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return small_config(tmp_path / "runs")


@pytest.fixture
def job(config: dict[str, Any]) -> Job:
    folder = RunFolder.of(config)
    with folder.claim(config):
        ticket(config).write(folder.path)
    return Job(folder.path, ticket(config))


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the client give an answer, or raise it, and reach Modal besides or not."""
    import modal

    class Called:
        def __init__(self, given: Any) -> None:
            self.given = given

        def get(self, timeout: float) -> Any:
            if isinstance(self.given, BaseException):
                raise self.given
            return self.given

    def hydrated(error: Exception | None) -> object:
        class Volume:
            def hydrate(self) -> None:
                if error:
                    raise error

        return Volume()

    def given(what: Any, *, silence: Exception | None = None) -> None:
        monkeypatch.setattr(modal.FunctionCall, "from_id", lambda call: Called(what))
        monkeypatch.setattr(modal.Volume, "from_name", lambda name: hydrated(silence))

    return given


@pytest.mark.parametrize(
    "raised", [OSError("no space"), TimeoutError("too slow"), RuntimeError("odd"), KeyError("x")]
)
def test_what_a_container_raises_ends_its_job(
    config: dict[str, Any], answer: Callable[..., None], raised: Exception
) -> None:
    answer(raised)
    came = outcome(ticket(config))
    assert came
    assert (came.status, came.by_itself) == ("failed", False)
    assert str(raised) in came.error


def test_what_is_raised_on_the_way_ends_nothing(config: dict[str, Any], answer: Callable[..., None]) -> None:
    answer(TimeoutError())
    assert outcome(ticket(config)) is None
    answer(OSError(101, "unreachable"), silence=OSError(101, "unreachable"))
    with pytest.raises(NoAnswer):
        outcome(ticket(config))
    answer(ConnectionResetError("gone"))
    with pytest.raises(NoAnswer):
        outcome(ticket(config))
    answer(Impatient())
    with pytest.raises(Impatient):
        outcome(ticket(config))


def test_a_call_unknown_in_another_environment_has_not_ended(
    config: dict[str, Any], answer: Callable[..., None]
) -> None:
    from modal.exception import NotFoundError

    answer(NotFoundError("no"))
    assert outcome(ticket(config)) is not None
    with pytest.raises(NoAnswer, match="was launched at elsewhere"):
        outcome(replace(ticket(config), place="elsewhere"))


def test_secrets_in_an_envelope_are_not_passed_on(
    config: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer({"status": "failed", "error": SECRET, "traceback": f"no {SECRET}"})
    came = outcome(ticket(config))
    assert came
    assert came.raised
    assert SECRET not in f"{came.error}{came.traceback}"


class Disk:
    """A volume that is a folder, and breaks if told so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def commit(self) -> None:
        """Nothing is held back."""

    def reload(self) -> None:
        """Nothing is hidden."""
        if self.error:
            raise self.error


@pytest.mark.parametrize("where", ["volume", "user", "mad"])
def test_a_container_tells_every_exception(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def execute(given: Any) -> None:
        if where == "mad":
            Cloud(kind="wrong")
        raise ValueError(SECRET)

    monkeypatch.setattr("mad.execute.execute", execute)
    monkeypatch.setenv("MAD_VOLUME_PATH", str(tmp_path / "volume"))
    order = Order.of(config, settings=Cloud(), folder="one/launch")
    disk = Disk(OSError(SECRET) if where == "volume" else None)
    envelope = carry_out(order, volume=disk, cancelled=lambda number: KeyboardInterrupt())
    assert envelope["status"] == ("failed" if where == "volume" else "refused")
    assert bool(envelope["traceback"]) == (where != "mad")
    assert SECRET not in json.dumps(envelope)


class Kept:
    """A store that is a mapping."""

    def __init__(self, **files: bytes) -> None:
        self.files = files

    def names(self, folder: str) -> list[str]:
        return list(self.files)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path.rpartition("/")[2])


def test_checkpoints_go_only_for_a_sound_newer_one(job: Job) -> None:
    for step in (2, 8):
        (job.folder / f"checkpoint-0000000{step}.pt").write_bytes(b"mine")
    digest = hashlib.sha256(b"theirs").hexdigest().encode()
    name = "checkpoint-00000004.pt"
    for wrong, left in ((b"0" * 64, {"2", "4", "8"}), (digest, {"4", "8"})):
        files = {name: b"theirs", f"{name}.sha256": wrong}
        gathered(job.ticket, job.folder, store=Kept(**files))  # type: ignore[arg-type]
        assert {file.stem[-1] for file in job.folder.glob("checkpoint-*.pt")} == left


def looked(job: Job, monkeypatch: pytest.MonkeyPatch, came: Outcome) -> tuple[dict[int, Ending], str]:
    monkeypatch.setattr(waiting, "outcome", lambda given: came)
    monkeypatch.setattr(waiting, "Store", lambda name: Kept())
    out = io.StringIO()
    console = Console(file=out, width=200)
    entries = [Entry(label="one", metrics=Metrics(job.folder / "metrics.jsonl"))]
    board = PlainWatcher(entries, console=console)
    return Vigil({0: job}, watcher=board, console=console, ears=Ears()).look(), out.getvalue()


def test_a_job_that_another_command_fetches_has_not_ended_yet(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(job.folder):
        assert looked(job, monkeypatch, Outcome(status="failed"))[0] == {}
    job.ticket.closed("failed").write(job.folder)
    endings, _ = looked(job, monkeypatch, Outcome(status="failed"))
    assert endings[0].status == "failed"


def test_a_full_disk_here_ends_one_job_and_not_the_wait(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mad.launch.cloud.ledger.Ledger.settle", full)
    endings, _ = looked(job, monkeypatch, Outcome(status="failed"))
    assert "could not be written here" in (endings[0].error or "")
    assert open_jobs([job.folder]) == [job]


def test_a_failure_of_the_runs_own_is_told_as_such(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    came = Outcome(status="failed", error="broken", traceback="Traceback\nbroken", by_itself=True)
    endings, shown = looked(job, monkeypatch, came)
    assert endings[0].raised
    assert "Traceback" in shown


def test_an_unreadable_ticket_does_not_keep_others(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ticket.json").write_text("{")
    assert open_jobs([broken, job.folder]) == [job]
    assert "ticket.json is no ticket" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is no ticket"):
        open_jobs([broken])


@pytest.mark.parametrize("app, line", [("", "it was never launched"), ("ap-1", "modal app stop ap-1")])
def test_cancel_clears_a_launch_that_was_cut_off(
    job: Job, capsys: pytest.CaptureFixture[str], app: str, line: str
) -> None:
    replace(job.ticket, state="launching", app=app).write(job.folder)
    assert cancel([str(job.folder)]) == 0
    assert line in capsys.readouterr().out.replace("\n", " ")
    now = Ticket.read(job.folder)
    assert now
    assert now.state == "closed"


def test_dollars_of_ended_jobs_stay_in_the_sum(job: Job) -> None:
    screen = io.StringIO()
    entries = [Entry(label="one", metrics=Metrics(job.folder / "metrics.jsonl"))]
    board = LiveWatcher(entries, console=Console(file=screen, force_terminal=True, width=80, height=20))
    with board.shown():
        board.stands(0, job.ticket, Standing(state="running", attempt=1, seconds=60.0, usd=0.01))
        board.ended(0, Ending(status="failed", seconds=3600.0))
        board.refresh()
    assert "$0.60 so far" in screen.getvalue()


def test_a_closed_terminal_is_heard() -> None:
    with Ears() as ears:
        signal.raise_signal(signal.SIGHUP)
        assert ears.received == signal.SIGHUP
        with pytest.raises(Impatient):
            signal.raise_signal(signal.SIGINT)


def test_the_place_names_server_profile_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = calls.place()
    monkeypatch.setenv("MODAL_ENVIRONMENT", "other")
    assert calls.place() != before
