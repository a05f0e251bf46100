"""The curves in the run's folder."""

from collections.abc import Callable, Mapping
from typing import Any

from mad.progress import Run
from mad.report.result import Result
from mad.track.base import Tracker


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
