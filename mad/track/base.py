"""What a tracker is: somebody who is told how a run goes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from mad.progress import Run
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
