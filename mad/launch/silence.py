"""Runs that have said nothing for long: nobody stops them unasked, but somebody is told."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

LONG_SECONDS = 600.0
"""A run that lives writes a row every few steps, and a line every few seconds."""

LOOK_EVERY_SECONDS = 10.0


class Silence:
    """Which runs under way have written nothing for long; each is named once, until it writes again.

    ``folders`` are those of the runs; ``clock`` gives seconds since the epoch, as files do.
    """

    def __init__(self, folders: Sequence[Path], *, clock: Callable[[], float] = time.time) -> None:
        self._folders, self._clock = folders, clock
        self._since: dict[int, float] = {}
        self._named: set[int] = set()
        self._looked_at = 0.0

    def started(self, index: int) -> None:
        """A run is under way."""
        self._since[index] = self._clock()

    def ended(self, index: int) -> None:
        """It is no more."""
        self._since.pop(index, None)

    def news(self) -> list[str]:
        """A line for each that has fallen silent since this was asked last."""
        if self._clock() - self._looked_at < LOOK_EVERY_SECONDS:
            return []
        self._looked_at = self._clock()
        silent = {index for index in self._since if self._quiet_seconds(index) >= LONG_SECONDS}
        fresh, self._named = silent - self._named, silent
        return [self._line(index) for index in sorted(fresh)]

    def _line(self, index: int) -> str:
        minutes = self._quiet_seconds(index) / 60
        return (
            f"silent for {minutes:.0f} min: {self._folders[index] / 'console.log'}; "
            "launch.timeout_seconds=N stops a run that takes longer"
        )

    def _quiet_seconds(self, index: int) -> float:
        files = (self._folders[index] / name for name in ("metrics.jsonl", "console.log"))
        written = [file.stat().st_mtime for file in files if file.exists()]
        return self._clock() - max([self._since[index], *written])
