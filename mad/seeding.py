"""One named stream of randomness per purpose, each a pure function of the run's seed.

Streams are derived, never continued: nothing has to be saved for a resumed run to draw what the
uninterrupted one would have drawn, and no purpose can disturb another.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as ``derived_seed(0, "train", epoch)``.

    Distinct purposes give independent streams: the numbers are cut from a SHA-256 of the words.
    """
    words = "\x1f".join(repr(word) for word in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose."""
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """Torch's global generator set for one purpose, and put back afterwards.

    For code that draws from the global generator only: initialisers and dropout.
    """
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, *purpose))
        yield
