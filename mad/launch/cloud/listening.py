"""Ctrl-C, SIGTERM and a closed terminal while jobs are under way: noted; nothing is left half done."""

import signal
from types import FrameType, TracebackType

from mad.signals import answered

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Impatient(KeyboardInterrupt):
    """A second signal came: from here, and not out of a container."""


class Ears:
    """Notes the first signal while it is open; a second one raises Impatient, for who cannot wait."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._answered = answered(SIGNALS, self._note)

    def __enter__(self) -> "Ears":
        self._answered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answered.__exit__(kind, error, trace)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            raise Impatient
        self.received = signal.Signals(number)
