"""What a sweep shows while it runs: a table that is redrawn on a terminal, plain lines elsewhere."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mad.launch.ending import Ending
from mad.launch.silence import Silence
from mad.progress import duration
from mad.report.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A job as the board shows it."""

    label: str
    metrics: Metrics


class Board(ABC):
    """Is told what happens to the jobs, which go by their index."""

    def shown(self) -> AbstractContextManager[object]:
        """The span in which it may draw."""
        return nullcontext()

    @abstractmethod
    def started(self, index: int) -> None:
        """A job has been given a process."""

    @abstractmethod
    def ended(self, index: int, ending: Ending) -> None:
        """A job has ended, one way or another."""

    @abstractmethod
    def refresh(self) -> None:
        """Some time has passed."""


def outcome(ending: Ending, *, split: str = "test") -> str:
    """An ending in a few words."""
    accuracy = ending.result.metrics.get(f"{split}/accuracy") if ending.result else None
    if ending.result and ending.result.done and accuracy is not None:
        return f"{split} accuracy {accuracy:.1%}"
    return (ending.error or "").partition("\n")[0]


class PlainBoard(Board):
    """One line when a job starts, one when it ends."""

    def __init__(self, entries: Sequence[Entry], *, console: Console, split: str = "test") -> None:
        """``split``: whose accuracy is told."""
        self._entries, self._console, self._n_ended = entries, console, 0
        self._split = split
        self._silence = Silence([entry.metrics.path.parent for entry in entries])

    def started(self, index: int) -> None:
        """Says so."""
        self.begun(index)
        self._print(f"started  {self._entries[index].label}")

    def begun(self, index: int) -> None:
        """Listens for it from now on, without a word."""
        self._silence.started(index)

    def ended(self, index: int, ending: Ending) -> None:
        """Says how, and how many have ended."""
        self._silence.ended(index)
        self._n_ended += 1
        parts = [
            f"{ending.status} ({self._n_ended}/{len(self._entries)})",
            self._entries[index].label,
            outcome(ending, split=self._split),
            duration(ending.seconds or 0),
        ]
        self._print("  ".join(part for part in parts if part))

    def refresh(self) -> None:
        """Names the runs that have fallen silent."""
        for line in self._silence.news():
            self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveBoard(Board):
    """A table of the jobs under way, below the lines of those that have ended."""

    def __init__(self, entries: Sequence[Entry], *, console: Console, split: str = "test") -> None:
        """``split``: whose accuracy is told of those that have ended."""
        self._entries, self._console = entries, console
        self._plain = PlainBoard(entries, console=console, split=split)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._since: dict[int, float] = {}
        self._n_ended, self._drawn_at = 0, 0.0

    def shown(self) -> AbstractContextManager[object]:
        """While it is open, the table stands at the foot of the terminal."""
        return self._live

    def started(self, index: int) -> None:
        """A new row."""
        self._since[index] = time.monotonic()
        self._plain.begun(index)

    def ended(self, index: int, ending: Ending) -> None:
        """Its row becomes a line above the table."""
        self._since.pop(index, None)
        self._n_ended += 1
        self._plain.ended(index, ending)

    def refresh(self) -> None:
        """Redraws, twice a second at most."""
        self._plain.refresh()
        if time.monotonic() - self._drawn_at >= 0.5:
            self._drawn_at = time.monotonic()
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        waiting = len(self._entries) - self._n_ended - len(self._since)
        table = Table(title=f"{self._n_ended} ended, {len(self._since)} running, {waiting} waiting", box=None)
        for column in ("run", "step", "validation", "time"):
            table.add_column(column, justify="left" if column == "run" else "right", no_wrap=True)
        for index, since in list(self._since.items())[: max(self._console.height - 6, 1)]:
            row = self._entries[index].metrics.last() or {}
            accuracy = row.get("validation/accuracy")
            shown = "" if accuracy is None else f"{accuracy:.1%}"
            label = self._entries[index].label
            table.add_row(label, str(row.get("step", "")), shown, duration(time.monotonic() - since))
        return table
