"""At most one process works in a folder, and a dead one in none."""

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
