"""What runs in the cloud have cost and may yet cost: one file for each folder of runs.

A job reserves its estimate before it is launched; what it really cost takes that place when it has ended.
All launchers go through one lock, so that two of them together cannot pass the budget that each would keep.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mad.report.atomic import write_atomically
from mad.report.reading import brief, json_in
from mad.report.seal import sealed, unsealed

PATIENCE_SECONDS = 30.0

CENT_FRACTION = 1e-9
"""Sums of decimal fractions may miss each other by so much."""


MOST_USD = 10**9
"""Of one launch."""


class OverBudget(ValueError):
    """The reservation would pass the budget."""


@dataclass(frozen=True)
class Ledger:
    """The ledger of a folder of runs."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "ledger.json"

    def total(self) -> float:
        """USD spent and reserved. Raises ValueError for an unreadable ledger."""
        return sum(float(entry["usd"]) for entry in self._read().values())

    def reserve(self, launch: str, *, run: str, usd: float, budget_usd: float | None) -> None:
        """Sets ``usd`` aside for a launch. Raises OverBudget if that would pass the budget."""
        with self._held():
            entries = self._read()
            total = sum(float(entry["usd"]) for entry in entries.values())
            if budget_usd is not None and total + usd > budget_usd + CENT_FRACTION:
                raise OverBudget(
                    f"${usd:.4g} would pass launch.budget_usd={budget_usd:g}: ${total:.4g} are spent or set "
                    f"aside in {self.path}; raise it, or wait for runs that cost less than was set aside"
                )
            self._write({**entries, launch: {"run": run, "usd": usd, "state": "reserved"}})

    def settle(self, launch: str, *, usd: float) -> None:
        """Puts what a launch really cost in the place of what was set aside."""
        with self._held():
            entries = self._read()
            known = entries.get(launch, {"run": ""})
            self._write({**entries, launch: {**known, "usd": usd, "state": "spent"}})

    def release(self, launch: str) -> None:
        """Forgets a launch that did not come about."""
        with self._held():
            self._write({name: entry for name, entry in self._read().items() if name != launch})

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            return _checked(json_in(self.path))
        except ValueError as error:
            raise ValueError(
                f"{self.path} is no ledger ({brief(error)}); restore it, or move it away to count from zero"
            ) from error

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        write_atomically(self.path, json.dumps(sealed(entries), indent=1, allow_nan=False) + "\n")

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keeps all others out for the moment that a change takes; the kernel frees a killed one's lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "ledger.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, self.path)
            yield
        finally:
            os.close(descriptor)


def _checked(content: Any) -> dict[str, dict[str, Any]]:
    """The entries by launch. Raises ValueError for what is none, and for a changed one."""
    if not isinstance(content, dict):
        raise ValueError("a mapping from launches to their dollars is expected")
    entries = unsealed(content)
    for launch, entry in entries.items():
        usd = entry.get("usd") if isinstance(entry, dict) else None
        if not isinstance(usd, int | float) or isinstance(usd, bool) or not 0 <= usd <= MOST_USD:
            raise ValueError(
                f"{launch[:60]} expects usd, a number from 0 to {MOST_USD:,}; got {str(entry)[:60]}"
            )
    return {launch: {**entry, "usd": float(entry["usd"])} for launch, entry in entries.items()}


def _lock(descriptor: int, path: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise ValueError(f"{path} is held by another process; try again") from None
            time.sleep(0.01)
