"""How one job of a sweep ended, seen from outside."""

from dataclasses import dataclass

from mad.report.result import Result


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A job's end: also of one whose process never lived to write a result."""

    status: str
    """A result's status, ``refused`` for a config that cannot be, or ``waiting`` for one that never began."""
    result: Result | None = None
    error: str | None = None
    seconds: float | None = None
    """In this sweep; None for a job that had finished before."""
