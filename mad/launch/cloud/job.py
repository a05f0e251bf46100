"""A job at Modal, held by its ticket: looked at, and settled when it has ended."""

import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mad.launch.cloud.attempts import Attempt, seconds_of
from mad.launch.cloud.calls import Outcome, check_place
from mad.launch.cloud.gather import gathered, last_row, tried_of
from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.store import Gone, NoAnswer, Store
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.report.lock import locked
from mad.report.metrics import Metrics
from mad.report.record import RunFolder
from mad.report.result import Result


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A job under way."""

    state: str
    """``queued``, or ``running``."""
    attempt: int = 0
    seconds: float = 0.0
    """Of all attempts."""
    usd: float = 0.0
    row: dict[str, Any] | None = None
    """The newest row of its curves."""


@dataclass(frozen=True)
class Job:
    """A run whose ticket is open."""

    folder: Path
    ticket: Ticket

    def standing(self, *, store: Store) -> Standing:
        """How far it is, as the volume shows. Raises NoAnswer where it shows nothing that can be read."""
        try:
            return self._standing(store)
        except ValueError as error:  # the files change while they are read
            raise NoAnswer(
                f"the volume could not be read: {error}; it is asked again, or run mad collect"
            ) from error

    def _standing(self, store: Store) -> Standing:
        tried = self.attempts(store=store)
        if not tried:
            return Standing(state="queued")
        seconds = seconds_of(tried[:-1]) + _age(tried[-1])
        return Standing(
            state="running",
            attempt=len(tried),
            seconds=seconds,
            usd=self.ticket.rate.usd(seconds),
            row=last_row(self.ticket, store=store),
        )

    def attempts(self, *, store: Store) -> list[Attempt]:
        """What the volume shows of its goes."""
        return tried_of(self.ticket, store=store)

    def settle(self, outcome: Outcome, *, store: Store) -> Ending:
        """Fetches what there is, writes down what it cost, closes the ticket, and says how it ended.

        If somebody else has settled it meanwhile, it only says how. Raises ValueError for a record that
        cannot be the run's, and AlreadyRunning if a process works in the folder.
        """
        if not self.folder.exists():  # refused there, and settled by somebody else
            return Ending(status="refused", error="it was refused; its folder is gone")
        with locked(self.folder):
            now = Ticket.read(self.folder)
            if now and now.launch == self.ticket.launch and now.is_open:
                return self._settled(outcome, store)
            return _settled_elsewhere(now, self.ticket, self.folder)

    def _settled(self, outcome: Outcome, store: Store) -> Ending:
        ticket = self.ticket
        try:
            RunFolder(self.folder, ticket.identity, ticket.code).put_aside()
            result, tried = gathered(ticket, self.folder, store=store)
        except Gone as error:
            check_place(ticket, error)
            # what it cost is not known either: what was set aside stands in the ledger
            self.ticket.closed("lost").write(self.folder)
            return Ending(status="failed", error=str(error))
        seconds = seconds_of(tried)
        Ledger(self.folder.parent).settle(self.ticket.launch, usd=self.ticket.rate.usd(seconds))
        ending = _ending(outcome, result, seconds)
        if ending.status == "refused" and ticket.made_folder and not _has_progress(self.folder):
            shutil.rmtree(self.folder)
            return ending
        _keep(outcome.traceback, self.folder / "console.log")
        self.ticket.closed(ending.status).write(self.folder)
        return ending


def open_jobs(folders: list[Path]) -> list[Job]:
    """The jobs under way of these run folders; a ticket that cannot be read is named, and the others go on.

    Raises ValueError if there is such a ticket, and no other job.
    """
    found, complaints = list[Job](), list[ValueError]()
    for folder in folders:
        try:
            ticket = Ticket.read(folder)
        except ValueError as error:
            complaints.append(error)
            continue
        if ticket and ticket.is_open:
            found.append(Job(folder, ticket))
    if complaints and not found:
        raise complaints[0]
    for complaint in complaints:
        print(f"mad: {complaint}", file=sys.stderr)
    return found


def _ending(outcome: Outcome, result: Result | None, seconds: float) -> Ending:
    """A run that came to its end has ended, whatever became of the call that brought it there."""
    if result and result.done:
        return Ending(status=result.status, result=result, error=result.error, seconds=seconds)
    if outcome.status in ("finished", "diverged"):
        return Ending(status="failed", error="the volume does not hold its result", seconds=seconds)
    return Ending(
        status=outcome.status, result=result, error=outcome.error, raised=outcome.raised, seconds=seconds
    )


def _settled_elsewhere(now: Ticket | None, ticket: Ticket, folder: Path) -> Ending:
    """How a job ended that is not this process's to settle any more."""
    if now is None or now.launch != ticket.launch:
        return Ending(status="running", error="it has been launched again since; mad collect fetches that")
    file = folder / "result.json"
    result = Result.read(file) if file.exists() else None
    if result and result.done:
        return Ending(status=result.status, result=result, error=result.error)
    status = now.outcome if now.outcome in ("cancelled", "refused", "preempted") else "failed"
    return Ending(status=status, result=result, error=f"it was fetched by another command: {now.outcome}")


def _has_progress(folder: Path) -> bool:
    files = (folder / "result.json", Metrics(folder / "metrics.jsonl").path, folder / "superseded")
    return any(file.exists() for file in files) or any(folder.glob("checkpoint*"))


def _keep(text: str, console_file: Path) -> None:
    """Adds a traceback to the run's console log, unless the run itself has put it there."""
    known = console_file.read_text(encoding="utf-8", errors="replace") if console_file.exists() else ""
    last = text.strip().rpartition("\n")[2]
    if last and last not in known:
        with console_file.open("a", encoding="utf-8") as file:
            file.write(text)


def _age(attempt: Attempt) -> float:
    """Seconds since it began; of one that has ended, as many as it lasted."""
    if attempt.ended:
        return attempt.seconds
    return max(time.time() - datetime.fromisoformat(attempt.began).astimezone(UTC).timestamp(), 0.0)
