"""The server of the workers is there when it is needed, and gone when it is not."""

import io
import os
import signal
from importlib.util import find_spec
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.server import OF_A_RUN, started
from mad.launch.sweep import sweep
from mad.run import main
from tests.launch.test_sweep import BY_SEED, configs

STAND_INS = ("tests.launch.stand_ins",)


@pytest.fixture(autouse=True)
def _without_a_server() -> None:
    """Another test's server would be taken for ours."""
    with started(STAND_INS):
        pass


def server_pid() -> Any:
    """The server's process, or None."""
    return vars(forkserver._forkserver)["_forkserver_pid"]


def test_a_server_is_gone_once_it_is_not_needed() -> None:
    with started(STAND_INS):
        pid = server_pid()
        os.kill(pid, 0)
    assert server_pid() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_is_gone_after_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), started(STAND_INS):
        signal.raise_signal(signal.SIGINT)
    assert server_pid() is None


def test_a_refused_sweep_leaves_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["-m", "seed=0,x"]) == 2
    assert server_pid() is None
    assert list(tmp_path.iterdir()) == []


def test_a_server_does_not_hear_an_interrupt(tmp_path: Path) -> None:
    with started(STAND_INS):
        pid = server_pid()
        os.kill(pid, signal.SIGINT)
        jobs = configs(tmp_path, [0, 2])
        console = Console(file=io.StringIO())
        assert sweep(jobs, ["seed=0", "seed=2"], console=console, function=BY_SEED) == 0
        assert server_pid() == pid


@pytest.mark.parametrize("module", OF_A_RUN)
def test_what_a_server_imports_is_there(module: str) -> None:
    assert find_spec(module)
