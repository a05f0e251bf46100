"""The goes that a job has had in containers: how many, how long, how ended. Kept on the volume."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mad.launch.cloud.mirror import put

NAME = "attempts.json"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One go."""

    began: str
    """UTC."""
    seconds: float = 0.0
    """As far as is known: one that was killed is known up to its last sign of life."""
    ended: str = ""
    """How; empty while it runs, and for one that was killed."""


def attempts_of(content: bytes | str) -> list[Attempt]:
    """Reads a file of attempts. Raises ValueError for anything else."""
    try:
        return [Attempt(**entry) for entry in json.loads(content)]
    except TypeError as error:
        raise ValueError(f"attempts expect a list of known fields: {error}") from error


def seconds_of(attempts: Sequence[Attempt]) -> float:
    """What all of them took together."""
    return sum(attempt.seconds for attempt in attempts)


class Logbook:
    """The attempts of a job, seen from inside the present one."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._earlier = attempts_of(self._file.read_bytes()) if self._file.exists() else []
        self._began = time.monotonic()
        self._one_at_a_time = threading.Lock()
        self._now = Attempt(began=datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def number(self) -> int:
        """Of the present attempt, from 1."""
        return len(self._earlier) + 1

    def sign(self, *, ended: str = "") -> None:
        """Writes down how long the present attempt has lasted, and how it ended if it has. Any thread may."""
        with self._one_at_a_time:
            ended = ended or self._now.ended
            self._now = replace(self._now, seconds=time.monotonic() - self._began, ended=ended)
            text = json.dumps(self.entries(), indent=1, allow_nan=False)
            put(self._file, f"{text}\n".encode())

    def entries(self) -> list[dict[str, Any]]:
        """All attempts, plain."""
        return [asdict(attempt) for attempt in (*self._earlier, self._now)]
