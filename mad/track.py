"""Who watches a run: its files, always, and whoever sits before the terminal.

A tracker is told and never asked: it cannot change a result. A metric is named ``split/quantity``; one
that the clock or the machine determines is named ``cost/...`` and never reaches ``metrics.jsonl``, which
two equal runs share byte for byte.
"""

import atexit
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.live import Live as RichLive

from mad.progress import Clock, Progress, Run, accuracy_bounds, loss_bounds
from mad.report.result import Result


class Tracker(ABC):
    """Somebody who watches a run."""

    @abstractmethod
    def start(self, run: Run) -> None:
        """The run begins, or goes on."""

    @abstractmethod
    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Numbers as of ``step`` steps done."""

    @abstractmethod
    def finish(self, result: Result) -> None:
        """The run has ended, one way or another."""


def tracker(
    settings: Mapping[str, Any], *, append: Callable[[dict[str, Any]], None], console_file: Path
) -> Tracker:
    """The trackers that the config's ``track`` asks for, as one.

    ``append`` takes the rows of ``metrics.jsonl``; ``console_file`` keeps the run's lines.
    """
    seconds = float(settings.get("every_seconds", 5.0))
    watchers: list[Tracker] = [Files(append), Lines(console_file, every_seconds=seconds)]
    if settings.get("console", True) and not _is_standard_output(console_file):
        watchers.append(Live() if is_live(sys.stdout) else Lines(None, every_seconds=seconds))
    return Fan(watchers)


def is_live(stream: IO[str]) -> bool:
    """Whether a stream is a terminal that can redraw and wants colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown")
    return stream.isatty() and not plain


class Files(Tracker):
    """Keeps the curves: one row a call, without the clock's numbers."""

    def __init__(self, append: Callable[[dict[str, Any]], None]) -> None:
        self._append = append

    def start(self, run: Run) -> None:
        """Nothing: the rows speak for themselves."""

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Appends the row."""
        row = {name: value for name, value in metrics.items() if not name.startswith("cost/")}
        if row:
            self._append({"step": step, **row})

    def finish(self, result: Result) -> None:
        """Nothing: the result has its own file."""


class Fan(Tracker):
    """Several trackers as one."""

    def __init__(self, watchers: Sequence[Tracker]) -> None:
        self._watchers = watchers

    def start(self, run: Run) -> None:
        """Tells all."""
        for watcher in self._watchers:
            watcher.start(run)

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Tells all."""
        for watcher in self._watchers:
            watcher.log(step, metrics)

    def finish(self, result: Result) -> None:
        """Tells all."""
        for watcher in self._watchers:
            watcher.finish(result)


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
        if self._file is None:
            print(line, flush=True)
            return
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Live(Tracker):
    """A view that is redrawn in place, at most ten times a second and without a thread of its own."""

    def __init__(self, *, console: Console | None = None, clock: Clock = time.monotonic) -> None:
        self._console, self._clock = console or Console(), clock
        self._live = RichLive(console=self._console, auto_refresh=False, transient=True)
        self._progress = Progress(Run(name="", total_steps=0), clock)
        self._drawn_at = 0.0

    def start(self, run: Run) -> None:
        """Opens the view."""
        self._progress = Progress(run, self._clock)
        self._live.start()
        atexit.register(self._live.stop)  # a terminal without its cursor is a nuisance
        self._draw()

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Redraws it, unless it has just been drawn."""
        self._progress.update(step, metrics)
        if self._clock() - self._drawn_at >= 0.1:
            self._draw()

    def finish(self, result: Result) -> None:
        """Takes it away; what remains is said by the command line."""
        self._live.stop()

    def _draw(self) -> None:
        self._drawn_at = self._clock()
        self._live.update(self._progress.panel(), refresh=True)


def _is_standard_output(file: Path) -> bool:
    """Whether what is printed goes to this file already, as in a worker process."""
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), file.stat())
    except (OSError, ValueError):
        return False
