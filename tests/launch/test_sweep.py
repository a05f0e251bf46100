"""A sweep runs every job once, survives each of them, and says what became of it."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.board import Entry, LiveBoard, PlainBoard
from mad.launch.ending import Ending
from mad.launch.jobs import labels_of
from mad.launch.pool import Pool, Work
from mad.launch.settings import Launch
from mad.launch.sweep import sweep
from mad.report.metrics import Metrics
from mad.report.record import RunFolder
from tests.results import small_config, small_result

BY_SEED = "tests.launch.stand_ins:by_seed"
LAUNCH = {"kind": "local", "jobs": 4, "threads": 1, "device": "cpu", "timeout_seconds": None}


def configs(folder: Path, seeds: list[int], **launch: Any) -> list[dict[str, Any]]:
    """One config a seed."""
    return [small_config(folder, seed=seed, launch={**LAUNCH, **launch}) for seed in seeds]


def swept(jobs: list[dict[str, Any]], *, function: str = BY_SEED) -> tuple[int, str]:
    """The exit code and what was shown."""
    console = Console(file=io.StringIO(), width=80)
    code = sweep(jobs, [f"seed={job['seed']}" for job in jobs], console=console, function=function)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_no_job_harms_another_and_each_is_accounted_for(tmp_path: Path) -> None:
    code, shown = swept(configs(tmp_path, [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15], timeout_seconds=4.0))
    assert code == 1
    states = {
        seed: RunFolder.of(config).state() for seed, config in enumerate(configs(tmp_path, list(range(16))))
    }
    assert [seed for seed, state in states.items() if state == "finished"] == [0, 2, 4, 6, 13]
    for words in (
        "seed=1: something broke (",
        "seed=3: the process ended by itself with exit code 139 (",
        "seed=5: killed by SIGSEGV (",
        "seed=7: no end after 4 s (launch.timeout_seconds) (",
        "seed=15: the process ended by itself with exit code 1 (",
        "refused (",
        "seed=9: n_heads (3) must divide d_model (64)\n",
        "finished (",
        "mean, n=4",
    ):
        assert words in shown
    assert "console.log)" in shown
    assert not RunFolder.of(configs(tmp_path, [9])[0]).path.exists()


def test_issued_again_a_sweep_runs_what_is_missing_and_no_more(tmp_path: Path) -> None:
    code, shown = swept(configs(tmp_path, [0, 1, 2]))
    assert code == 1
    assert "3 runs: 0 finished before, 3 to run" in shown
    code, shown = swept(configs(tmp_path, [0, 1, 2]))
    assert code == 1
    assert "3 runs: 2 finished before, 1 to run" in shown
    code, shown = swept(configs(tmp_path, [0, 2]), function="nowhere:nothing")
    assert code == 0
    assert "2 runs: 2 finished before, 0 to run" in shown
    assert "mean, n=2" in shown


def test_jobs_that_mean_the_same_are_one_run(tmp_path: Path) -> None:
    twice = [*configs(tmp_path, [0]), {**configs(tmp_path, [0])[0], "track": {"console": False}}]
    code, shown = swept(twice)
    assert code == 0
    assert "1 runs (2 jobs, some of which mean the same): 0 finished before, 1 to run" in shown
    assert shown.count("started") == 1
    assert shown.count("  finished") >= 2


def test_a_job_talks_into_its_own_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jobs = configs(tmp_path, [0, 1])
    swept(jobs)
    said = [RunFolder.of(job).console_file.read_text() for job in jobs]
    assert said[0] == "seed 0\n"
    assert said[1].startswith("seed 1\nTraceback")
    assert "RuntimeError: something broke" in said[1]
    assert capfd.readouterr() == ("", "")


class Interrupter(PlainBoard):
    """Sends this process a signal as soon as jobs run."""

    def __init__(self, entries: list[Entry], ready: Any, *numbers: signal.Signals) -> None:
        super().__init__(entries, console=Console(file=io.StringIO()))
        self._ready, self._numbers = ready, list(numbers)

    def refresh(self) -> None:
        """Every tick of the pool."""
        if self._numbers and self._ready():
            signal.raise_signal(self._numbers.pop(0))


def interrupted(
    jobs: list[dict[str, Any]], function: str, ready: Any, *numbers: signal.Signals
) -> tuple[Pool, list[Ending]]:
    """A pool of two that gets signals once ``ready``."""
    folders = [RunFolder.of(job) for job in jobs]
    board = Interrupter([Entry(label=f.name, metrics=f.metrics) for f in folders], ready, *numbers)
    pool = Pool(Launch(jobs=2), board=board, function=f"tests.launch.stand_ins:{function}", grace_seconds=30)
    works = [Work(config=job, console_file=RunFolder.of(job).console_file) for job in jobs]
    return pool, pool.run(works)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_lets_its_jobs_save(tmp_path: Path, number: signal.Signals) -> None:
    jobs = configs(tmp_path, [0, 1, 2])
    checkpoints = [RunFolder.of(job).path / "checkpoint.pt" for job in jobs[:2]]
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    pool, endings = interrupted(jobs, "patient", lambda: all(file.exists() for file in checkpoints), number)
    assert pool.signal == number
    assert [ending.status for ending in endings] == ["preempted", "preempted", "waiting"]
    assert [RunFolder.of(job).state() for job in jobs] == ["unfinished", "unfinished", "new"]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_interrupt_waits_for_nobody(tmp_path: Path) -> None:
    jobs = configs(tmp_path, [0, 1])
    started = [tmp_path / f"started-{seed}" for seed in (0, 1)]
    begun = time.monotonic()
    _, endings = interrupted(
        jobs, "stubborn", lambda: all(file.exists() for file in started), signal.SIGINT, signal.SIGINT
    )
    assert [ending.status for ending in endings] == ["preempted", "preempted"]
    assert time.monotonic() - begun < 25


ORPHANS = """
import sys
from pathlib import Path
from tests.launch.test_sweep import configs, swept
if __name__ == "__main__":
    swept(configs(Path(sys.argv[1]), [0]), function="tests.launch.stand_ins:patient")
"""


def test_jobs_do_not_outlive_a_killed_sweep(tmp_path: Path) -> None:
    folder = RunFolder.of(configs(tmp_path, [0])[0])
    with subprocess.Popen([sys.executable, "-c", ORPHANS, str(tmp_path)]) as parent:
        wait_for(lambda: (folder.path / "checkpoint.pt").exists())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    wait_for(lambda: folder.result_file.exists())
    result = folder.result()
    assert result is not None
    assert result.status == "preempted"


def wait_for(condition: Any) -> None:
    """Until something is true, half a minute at most."""
    moment = threading.Event()
    for _ in range(3000):
        if condition():
            return
        moment.wait(0.01)
    raise AssertionError("it did not happen")


def test_a_label_is_what_tells_jobs_apart() -> None:
    assert labels_of([("a=1", "seed=0"), ("a=1", "seed=1")]) == ["seed=0", "seed=1"]
    assert labels_of([("a=1", "seed=0")]) == ["a=1 seed=0"]
    assert labels_of([()]) == ["the defaults"]


def test_a_table_of_running_jobs_shows_how_far_they_are(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.append({"step": 40, "validation/accuracy": 0.25})
    entries = [Entry(label=f"seed={seed}", metrics=metrics) for seed in range(3)]
    screen = io.StringIO()
    board = LiveBoard(entries, console=Console(file=screen, force_terminal=True, width=80, height=20))
    with board.shown():
        board.started(0)
        board.started(1)
        board.ended(1, Ending(status="failed", error="it broke\nmore", seconds=3.0))
        board.refresh()
    shown = screen.getvalue()
    assert "failed (1/3)  seed=1  it broke  3 s" in shown
    assert "1 ended, 1 running, 1 waiting" in shown
    assert all(words in shown for words in ("seed=0", "40", "25.0%"))


def test_a_stale_record_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = configs(tmp_path, [0])
    folder = RunFolder.of(job)
    with folder.claim(job):
        folder.write_result(small_result(job, code="0" * 64))
    _, shown = swept([job])
    assert f"{folder.name} was made by other code and is made again" in shown
    assert (folder.path / "superseded" / ("0" * 10) / "result.json").exists()
