"""Ids in the style of the service: a prefix for the kind, then something that never comes again."""

import itertools
import secrets


class Names:
    """Gives ids such as ``fc-9f2c41d00007``; the middle differs from one plane to the next."""

    def __init__(self) -> None:
        self._plane = secrets.token_hex(4)
        self._count = itertools.count(1)

    def new(self, kind: str) -> str:
        """Returns a fresh id of a kind: ``ap`` app, ``fu`` function, ``fc`` call, ``ta`` container ..."""
        return f"{kind}-{self._plane}{next(self._count):04d}"
