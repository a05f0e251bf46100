"""A view that is redrawn on the terminal."""

import atexit
import os
import time
from collections.abc import Mapping
from typing import IO

from rich.console import Console
from rich.live import Live as RichLive

from mad.progress import Clock, Progress, Run
from mad.report.result import Result
from mad.track.base import Tracker


def is_live(stream: IO[str]) -> bool:
    """Whether a stream is a terminal that can redraw and wants colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown")
    return stream.isatty() and not plain


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
