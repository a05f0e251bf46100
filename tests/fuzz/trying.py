"""The law that every reader obeys, tried on many broken files."""

import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tests.cases import Cases
from tests.faults.lines import MUTATIONS
from tests.fuzz.mutations import mutants
from tests.fuzz.readers import Reader

MOST_SECONDS = 30
"""For one file: many times what the slowest takes on a busy machine; it tells slow from hanging."""

LONGEST = 2000
"""Characters of a message."""


class Hangs(BaseException):
    """The time is over; no reader catches it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises Hangs if the block takes longer."""

    def stop(number: int, frame: Any) -> NoReturn:
        raise Hangs(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refused(reader: Reader, folder: Path, *, cases: Cases, n: int = MUTATIONS) -> int:
    """How many of n broken files were refused. Raises AssertionError with what went wrong, if any."""
    file = reader.write(folder)
    content, written = file.read_bytes(), reader.read(file)
    n_refused, wrong = 0, list[str]()
    for what, changed in mutants(content, seed=zlib.crc32(reader.name.encode()), n=n):
        file.write_bytes(changed)
        complaint, is_refused = _tried(reader, file, written)
        n_refused += is_refused
        cases.tried += 1
        cases.survived += not complaint
        if complaint:
            wrong.append(f"{what}: {complaint}")
    assert not wrong, f"{len(wrong)} of {n}:\n" + "\n".join(wrong[:20])
    return n_refused


def _tried(reader: Reader, file: Path, written: Any) -> tuple[str, bool]:
    """What is wrong with how the file is read, and whether it was refused."""
    try:
        with within(MOST_SECONDS):
            found = reader.read(file)
    except ValueError as error:
        named = not reader.names_it or file.name.partition(".")[0] in str(error)
        sound = named and len(str(error)) <= LONGEST
        return "" if sound else f"the file is not named, or too much is said: {str(error)[:300]}", True
    except (Exception, Hangs) as error:
        return f"{type(error).__name__}: {str(error)[:300]}", False
    sound = not reader.seen or found == written or reader.begun(found, written)
    return "" if sound else "taken for sound", False
