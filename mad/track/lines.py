"""Plain lines: in the run's console log, and where there is no terminal to redraw."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mad.progress import Clock, Progress, Run, accuracy_bounds, loss_bounds
from mad.report.redaction import redacted
from mad.report.result import Result
from mad.track.base import Tracker


class Lines(Tracker):
    """Says from time to time, in plain lines, how far the run is; to a file, or to standard output (None)."""

    def __init__(self, file: Path | None, *, every_seconds: float, clock: Clock = time.monotonic) -> None:
        self._file, self._every_seconds, self._clock = file, every_seconds, clock
        self._progress = Progress(Run(name="", total_steps=0), clock)
        self._said_at, self._said_step = 0.0, 0

    def start(self, run: Run) -> None:
        """Says which run it is."""
        self._progress = Progress(run, self._clock)
        self._said_at, self._said_step = self._clock(), run.first_step
        resumed = f", from step {run.first_step}" if run.first_step else ""
        self._say(f"{run.name}: {run.total_steps} steps{resumed}")
        self._say(f"accuracy: {accuracy_bounds(run.bounds)}; loss: {loss_bounds(run.bounds)}")

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Says it if the last line is old enough."""
        self._progress.update(step, metrics)
        if self._clock() - self._said_at >= self._every_seconds:
            self._say_where()

    def finish(self, result: Result) -> None:
        """Says how it ended."""
        if self._progress.step > self._said_step:
            self._say_where()
        self._say(f"{result.status}" + (f": {result.error}" if result.error else ""))

    def _say_where(self) -> None:
        self._said_at, self._said_step = self._clock(), self._progress.step
        self._say(self._progress.line())

    def _say(self, line: str) -> None:
        line = redacted(line)
        if self._file is None:
            print(line, flush=True)
            return
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def is_standard_output(file: Path) -> bool:
    """Whether what is printed goes to this file already, as in a worker process."""
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), file.stat())
    except (OSError, ValueError):
        return False
