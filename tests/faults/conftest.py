"""Cases that are counted by the test itself: what it tried, and what was survived, goes into its report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


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


@pytest.fixture
def cases(record_property: Callable[[str, object], None]) -> Iterator[Cases]:
    """Counts what a test tries; ``scripts/soak`` reads it from pytest's report."""
    found = Cases()
    yield found
    record_property("tried", found.tried)
    record_property("survived", found.survived)
