"""What the tests leave behind of the surroundings in which they are started, and what all of them share."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.cases import Cases

# No test tells a dashboard anything unless it sets one up: the key of whoever runs the tests is not seen.
for name in [name for name in os.environ if name.startswith(("WANDB_", "TRACKIO_"))]:
    del os.environ[name]
os.environ["NETRC"] = os.devnull

# A shell has its background jobs ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cases(record_property: Callable[[str, object], None]) -> Iterator[Cases]:
    """Counts what a test tries; ``scripts/soak`` reads it from pytest's report."""
    found = Cases()
    yield found
    record_property("tried", found.tried)
    record_property("survived", found.survived)
