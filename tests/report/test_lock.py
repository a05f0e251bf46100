"""At most one process works in a folder, and a dead one in none."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mad.report import lock
from mad.report.lock import AlreadyRunning
from mad.report.record import RunFolder
from tests.results import small_config


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A run kept below the test's own folder."""
    return small_config(tmp_path / "runs")


def test_a_held_folder_names_who_holds_it(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with (
        folder.claim(config),
        pytest.raises(AlreadyRunning, match=rf"already running \(pid {os.getpid()} on .+\)"),
        folder.claim(config),
    ):
        pass


def test_a_lock_on_a_discarded_folder_is_worth_nothing(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, try_lock = RunFolder.of(config), lock._try_lock

    def discarded_meanwhile(descriptor: int) -> bool:
        monkeypatch.setattr(lock, "_try_lock", try_lock)
        shutil.rmtree(folder.path)
        return try_lock(descriptor)

    monkeypatch.setattr(lock, "_try_lock", discarded_meanwhile)
    with folder.claim(config):
        assert folder.state() == "running"


HOLDER = """
import sys, time
from pathlib import Path
from mad.report.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_holds_nothing(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert folder.state() == "running"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with folder.claim(config) as found:
        assert found == "new"


def claim_all(results: str, n_folders: int, start: Any, found: Any) -> None:
    """Tries every folder once, at the same moment as others do."""
    start.wait()
    for seed in range(n_folders):
        config = small_config(Path(results), seed=seed)
        folder = RunFolder.of(config)
        try:
            with folder.claim(config) as state:
                (folder.path / "occupied").mkdir()  # fails if somebody else is in
                (folder.path / "occupied").rmdir()
                found.put((seed, state))
        except AlreadyRunning:
            found.put((seed, "running"))


def test_sixteen_processes_share_no_folder(tmp_path: Path) -> None:
    n_processes, n_folders = 16, 20
    context = multiprocessing.get_context("forkserver")
    start, found = context.Barrier(n_processes), context.Queue()
    arguments = (str(tmp_path), n_folders, start, found)
    processes = [context.Process(target=claim_all, args=arguments) for _ in range(n_processes)]
    for process in processes:
        process.start()
    answers = [found.get(timeout=60) for _ in range(n_processes * n_folders)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * n_processes
    assert sorted(seed for seed, state in answers if state == "new") == list(range(n_folders))
    assert len(list(tmp_path.iterdir())) == n_folders
