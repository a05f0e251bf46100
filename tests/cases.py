"""Cases that are counted by the test itself: what it tried, and what was survived, goes into its report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Cases:
    """How many there were so far."""

    tried: int = 0
    survived: int = 0

    @contextmanager
    def of(self, number: int = 1) -> Iterator[None]:
        """These cases are tried; they are survived if the block comes to its end."""
        self.tried += number
        yield
        self.survived += number
