"""What is shown of jobs at Modal: a table that is redrawn on a terminal, plain lines elsewhere."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mad.launch.board import Board, Entry, LiveBoard, PlainBoard
from mad.launch.cloud.job import Standing
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.progress import duration
from mad.track import is_live


class Watcher(Board):
    """A board that is also told how far a job is."""

    @abstractmethod
    def stands(self, index: int, ticket: Ticket, standing: Standing) -> None:
        """A job was looked at."""


def watcher(entries: Sequence[Entry], *, console: Console, split: str) -> Watcher:
    """The one that suits the output."""
    kind = LiveWatcher if is_live(console.file) else PlainWatcher
    return kind(entries, console=console, split=split)


class PlainWatcher(PlainBoard, Watcher):
    """One line when a job begins there, or begins again, and one when it has ended."""

    def __init__(self, entries: Sequence[Entry], *, console: Console, split: str = "test") -> None:
        """``split``: whose accuracy is told."""
        super().__init__(entries, console=console, split=split)
        self._attempts: dict[int, int] = {}

    def stands(self, index: int, ticket: Ticket, standing: Standing) -> None:
        """Says that it is under way, once for each attempt."""
        if standing.attempt > self._attempts.get(index, 0):
            self._attempts[index] = standing.attempt
            again = f" (attempt {standing.attempt})" if standing.attempt > 1 else ""
            self._print(f"running  {self._entries[index].label} on {ticket.gpu or 'no GPU'}{again}")


class LiveWatcher(LiveBoard, Watcher):
    """A table of the jobs, below the lines of those that have ended."""

    def __init__(self, entries: Sequence[Entry], *, console: Console, split: str = "test") -> None:
        """``split``: whose accuracy is told of those that have ended."""
        super().__init__(entries, console=console, split=split)
        self._standings: dict[int, tuple[Ticket, Standing]] = {}
        self._usd_of_ended = 0.0

    def stands(self, index: int, ticket: Ticket, standing: Standing) -> None:
        """Keeps it for the next time that the table is drawn."""
        self._standings[index] = ticket, standing

    def ended(self, index: int, ending: Ending) -> None:
        """Its row becomes a line above the table."""
        ticket, standing = self._standings.pop(index, (None, None))
        cost = (ending.result.cost.get("usd") if ending.result else None) or 0.0
        if not cost and ticket and standing:
            cost = ticket.rate.usd(ending.seconds) if ending.seconds else standing.usd
        self._usd_of_ended += cost
        super().ended(index, ending)

    def _table(self) -> Table:
        usd = self._usd_of_ended + sum(standing.usd for _, standing in self._standings.values())
        title = f"{self._n_ended} ended, {len(self._standings)} at Modal, ${usd:.2f} so far"
        table = Table(title=title, box=None)
        for column in ("run", "state", "GPU", "time", "USD", "step", "validation"):
            table.add_column(column, justify="left" if column in ("run", "state") else "right", no_wrap=True)
        for index in list(self._standings)[: max(self._console.height - 6, 1)]:
            table.add_row(*self._cells(index))
        return table

    def _cells(self, index: int) -> list[Text]:
        ticket, standing = self._standings[index]
        row: dict[str, Any] = standing.row or {}
        accuracy = row.get("validation/accuracy")
        label = Text(self._entries[index].label, style=f"link {ticket.url}" if ticket.url else "")
        cells = [
            standing.state + (f" {standing.attempt}" if standing.attempt > 1 else ""),
            ticket.gpu or "",
            duration(standing.seconds) if standing.seconds else "",
            f"{standing.usd:.3f}" if standing.usd else "",
            str(row.get("step", "")),
            "" if accuracy is None else f"{accuracy:.1%}",
        ]
        return [label, *map(Text, cells)]
