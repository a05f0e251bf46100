"""Signals answered by somebody else for a while."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


@contextmanager
def answered(
    numbers: Sequence[signal.Signals], answer: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Has these signals answered while the context is open; then the handlers from before are put back."""
    previous = {number: signal.signal(number, answer) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
