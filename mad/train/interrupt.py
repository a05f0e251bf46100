"""SIGTERM and SIGINT end a run at a moment from which it can go on."""

import signal
import threading
from types import FrameType, TracebackType

from mad.signals import answered

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preempted(Exception):
    """The run was told to stop. Its text is the signal's name."""


class Interrupts:
    """Notes a signal while the context is open, and raises Preempted where :meth:`check` is called.

    A second SIGINT raises KeyboardInterrupt at once, for who cannot wait. Outside the main thread, where
    Python delivers no signals, nothing is installed. The handlers from before are put back at the end; a
    signal that came too late for any check is then delivered to them.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._raised = False
        is_main = threading.current_thread() is threading.main_thread()
        self._answered = answered(SIGNALS if is_main else (), self._receive)

    def __enter__(self) -> "Interrupts":
        self._answered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answered.__exit__(kind, error, trace)
        if self._received is not None and not self._raised and error is None:
            signal.raise_signal(self._received)

    def check(self) -> None:
        """Raises Preempted if a signal has come."""
        if self._received is not None:
            self._raised = True
            raise Preempted(self._received.name)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received == number == signal.SIGINT:
            self._raised = True
            raise KeyboardInterrupt
        self._received = signal.Signals(number)
