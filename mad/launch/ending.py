"""How one job of a sweep ended, seen from outside."""

from dataclasses import dataclass

from mad.report.result import Result


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A job's end: also of one whose process never lived to write a result."""

    status: str
    """A result's status; or ``refused`` for a config that cannot be, ``unreadable`` for a broken record,
    ``running`` for a job that another process is at, ``waiting`` for one that was not begun."""
    result: Result | None = None
    error: str | None = None
    raised: bool = False
    """Whether it failed by an exception of its own: the process did not die, nor was it stopped."""
    seconds: float | None = None
    """In this sweep; None for a job that had finished before."""
