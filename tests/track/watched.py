"""A run that is only told about: what its trackers do costs no training."""

import io
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import yaml

from mad.progress import Run
from mad.report.result import Result
from mad.track import aside, tracker

RUN = Run(name="linear-mqar-s0", total_steps=30, bounds={"chance_accuracy": 0.25, "best_loss": None})
CONFIG = {"seed": 0, "model": {"d_model": 16}, "experiment": {"name": "008-features"}}

PATIENT = {"kind": "wandb", "finish_seconds": 120.0, "console": False}
"""Waits until all has arrived, on however busy a machine."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What came of a run that was watched."""

    seconds: float
    said: str
    """On the terminal."""
    log: str
    rows: list[dict[str, Any]]
    """Of the curves."""


def watch(folder: Path, settings: dict[str, Any], *, steps: range = range(10, 31, 10)) -> Watched:
    """Tells the trackers of a whole run, which takes no time of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "claim.json").write_text(json.dumps({"identity": "1" * 64, "code": "2" * 64}))
    rows, terminal, began = list[dict[str, Any]](), io.StringIO(), time.monotonic()
    with redirect_stdout(terminal):
        watcher = tracker(settings, append=rows.append, console_file=folder / "console.log")
        watcher.start(RUN)
        for step in steps:
            watcher.log(step, {"train/loss_nats": 3.0 - step / 100, "cost/steps_per_second": 7.0})
        watcher.finish(result(steps[-1]))
    return Watched(
        seconds=time.monotonic() - began,
        said=terminal.getvalue(),
        log=(folder / "console.log").read_text(),
        rows=rows,
    )


def result(steps: int) -> Result:
    """The end of the run."""
    return Result(
        run_id=RUN.name,
        identity="1" * 64,
        code="2" * 64,
        status="finished",
        config=CONFIG,
        metrics={"test/accuracy": 0.75},
        cost={"seconds": 1.5},
        stamp={"seed": 0, "device": "a CPU", "commit": "f" * 40},
        steps=steps,
    )


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Popen[bytes]]]:
    """The senders that were started; none is left when the test is over."""
    known, start = list[Popen[bytes]](), aside._started

    def started() -> Popen[bytes]:
        known.append(start())
        return known[-1]

    monkeypatch.setattr(aside, "_started", started)
    yield known
    for process in known:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def black_hole() -> Iterator[str]:
    """The address of a port that lets nobody in and turns nobody away."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for caller in callers:
                caller.close()


def refused_port() -> str:
    """The address of a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
