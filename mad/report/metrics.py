"""The curves of a run: one JSON object a line, appended while the run lives.

A killed run leaves at most one torn line, at the end: readers skip it. A resumed run cuts the file back
to the offset that its checkpoint remembers, so that no step is written twice.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mad.report.reading import json_of, text_of
from mad.report.result import finite


@dataclass(frozen=True)
class Metrics:
    """A ``metrics.jsonl``."""

    path: Path

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds one row in a single write, so that a kill tears one at most; NaN and infinity become null.

        Raises OSError if the disk refuses a part of it, which leaves a torn row at the end.
        """
        line = (json.dumps(finite(row), allow_nan=False, ensure_ascii=False) + "\n").encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            n_written = os.write(descriptor, line)
            while n_written < len(line):  # the disk is nearly full: the next write says so
                n_written += os.write(descriptor, line[n_written:])
        finally:
            os.close(descriptor)

    def rows(self) -> list[dict[str, Any]]:
        """All complete rows. Raises ValueError for a broken line that is not the torn tail."""
        return [self._row(number, line) for number, line in enumerate(self._lines(), start=1)]

    def last(self, *, within: int = 4096) -> dict[str, Any] | None:
        """The last complete row, looked for in the last ``within`` bytes; None if there is none."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            file.seek(max(self.path.stat().st_size - within, 0))
            lines = [line for line in file.read().splitlines(keepends=True)[-2:] if line.endswith(b"\n")]
        try:
            return self._row(0, lines[-1]) if lines else None
        except ValueError:  # the line began before the bytes that were read
            return None

    def sha256(self) -> str:
        """The digest of the file as it is, by which a result knows its curves."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def offset(self) -> int:
        """The number of bytes that the complete rows take: what a checkpoint remembers."""
        return sum(len(line) for line in self._lines())

    def truncate(self, offset: int) -> None:
        """Forgets what was written after ``offset`` bytes. Raises ValueError if the file is shorter."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if offset > size:
            raise ValueError(
                f"{self.path} holds {size} bytes, not the {offset} of its checkpoint; start the run anew"
            )
        if size:
            os.truncate(self.path, offset)

    def _lines(self) -> list[bytes]:
        content = self.path.read_bytes() if self.path.exists() else b""
        return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        where = f"{self.path}:{number}"
        row = json_of(text_of(line, file=where), file=where)
        if not isinstance(row, dict):
            raise ValueError(f"{where} is no JSON object ({line[:60]!r}); restore the file, or move it away")
        return row
