"""Processes of the faults: what they do until they are killed."""

import os
import random
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mad.report.lock import AlreadyRunning
from mad.report.metrics import Metrics
from mad.report.record import RunFolder
from tests.results import small_config


def write_rows(path: str, told: Connection, *, torn_at: int | None) -> None:
    """Appends rows and tells of each, for ever; dies in the midst of one after ``torn_at``."""
    metrics = Metrics(Path(path))
    metrics.truncate(metrics.offset)
    first, write = len(metrics.rows()), os.write

    def tearing(descriptor: int, content: bytes) -> int:
        write(descriptor, content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    for step in range(first, 1_000_000):
        if torn_at == step - first:
            os.write = tearing  # type: ignore[assignment]
        metrics.append({"step": step, "train/loss_nats": 1 / (step + 1)})
        told.send(step)


def claim_all(results: str, n_folders: int, seed: int, start: Any, found: Any) -> None:
    """Claims every folder once, in an order of its own, at the same time as others do."""
    order = random.Random(seed).sample(range(n_folders), n_folders)
    start.wait()
    answers = [(number, _claimed(small_config(Path(results), seed=number))) for number in order]
    found.put(answers)


def _claimed(config: dict[str, Any]) -> str:
    folder = RunFolder.of(config)
    try:
        with folder.claim(config) as state:
            (folder.path / "occupied").mkdir()  # fails if somebody else is in
            (folder.path / "occupied").rmdir()
            return state
    except AlreadyRunning:
        return "running"
