"""A stream that hides secrets in what passes through it, a line at a time."""

import io
import os
from typing import TextIO

from mad.report.redaction import Redaction


class CleanOutput(io.TextIOBase):
    """Writes to another stream what is written to it, less the secrets.

    A line is held back until it is whole or flushed: a secret may come in pieces.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._held = stream, ""
        self._redaction = Redaction.of(os.environ)

    def write(self, text: str) -> int:
        """Takes any text; passes on all whole lines."""
        whole, newline, rest = (self._held + text).rpartition("\n")
        self._held = rest
        if newline:
            self._stream.write(self._redaction.text(whole) + newline)
        return len(text)

    def flush(self) -> None:
        """Passes on the rest, too."""
        if self._held:
            self._stream.write(self._redaction.text(self._held))
            self._held = ""
        self._stream.flush()

    def fileno(self) -> int:
        """Of the stream behind."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """As the stream behind."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Yes."""
        return True
