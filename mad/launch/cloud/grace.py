"""Being told to stop inside a container, without losing what was done.

Modal interrupts a container that it needs elsewhere (SIGINT) and cancels an input whose time is over or that
nobody wants any more (SIGUSR1). Both become what a run knows how to answer: a checkpoint, and the end.
"""

import signal
from types import FrameType, TracebackType

from mad.signals import answered

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(BaseException):
    """The container was told to stop before or after the run itself, which has its own way to stop."""


class Grace:
    """While it is open, signals end the work in good order: see :meth:`saving` and :attr:`received`."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        """The first signal that came."""
        self._is_saving = False
        self._answered = answered(SIGNALS, self._receive)

    def __enter__(self) -> "Grace":
        self._answered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answered.__exit__(kind, error, trace)

    def saving(self) -> None:
        """From now on signals are only noted: what remains to be done must be done."""
        self._is_saving = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or signal.Signals(number)
        if self._is_saving:
            return
        if number == signal.SIGUSR1:  # while the run holds SIGTERM, it answers; else this very handler does
            signal.raise_signal(signal.SIGTERM)
            return
        raise Stopped
