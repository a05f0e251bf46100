"""What a search has said to optuna, in a file: one line of JSON for each thing, sealed.

A line's seal covers the lines before it, too: none can be changed, taken out or put elsewhere unseen. Only
the end may be missing, as it is when a process is killed. A journal belongs to one process at a time.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mad.report.atomic import write_atomically
from mad.report.reading import json_of, text_of
from mad.report.seal import SEAL, digest


class Journal:
    """A backend for optuna's JournalStorage."""

    def __init__(self, file: Path) -> None:
        """Reads the file, if there is one. Raises ValueError, naming it, for one that is no journal."""
        self._file, self._seal = file, ""
        self._logs: list[dict[str, Any]] = []
        for number, line in enumerate(_whole_lines(file), start=1):
            self._take(number, line)

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """What was said, from so many on."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: Sequence[dict[str, Any]]) -> None:
        """Brings what is said to the disk."""
        lines = b"".join(self._sealed(log) for log in logs)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sealed(self, log: dict[str, Any]) -> bytes:
        log = json.loads(json.dumps(log, allow_nan=False))
        self._seal = digest([self._seal, log])
        self._logs.append(log)
        return json.dumps({"log": log, SEAL: self._seal}).encode() + b"\n"

    def _take(self, number: int, line: bytes) -> None:
        where = f"{self._file}:{number}"
        entry = json_of(text_of(line, file=where), file=where)
        known = isinstance(entry, dict) and entry.keys() == {"log", SEAL} and isinstance(entry["log"], dict)
        if not known or entry[SEAL] != digest([self._seal, entry["log"]]):
            raise ValueError(
                f"{where} is not what a search wrote there: its seal does not fit; restore the file, or move "
                "it away to search anew (runs that have finished are not run again)"
            )
        self._seal = entry[SEAL]
        self._logs.append(entry["log"])


def _whole_lines(file: Path) -> list[bytes]:
    """The lines of the file; the one in whose midst a process was killed is cut off."""
    content = file.read_bytes() if file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_atomically(file, whole)
    return whole.split(b"\n")[:-1]
