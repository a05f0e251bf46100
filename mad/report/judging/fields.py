"""Reads a mapping that a person wrote, one typed key at a time; every complaint names the key."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True)
class Fields:
    """A mapping at ``path``, such as ``experiment.criteria[2]``."""

    path: str
    mapping: Mapping[str, Any]

    @classmethod
    def of(cls, value: Any, *, path: str, known: Sequence[str]) -> "Fields":
        """Raises ValueError for anything but a mapping whose keys are all ``known``."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{path} expects a mapping with {', '.join(known)}; got {_shown(value)}")
        for key in value:
            if key not in known:
                raise ValueError(f"unknown key {path}.{key}{suggestion(str(key), known)}")
        return cls(path, value)

    def required(self, key: str) -> None:
        """Raises ValueError if the key is missing or null."""
        if self.mapping.get(key) is None:
            raise ValueError(f"{self.path}.{key} is missing; write it down")

    def text(self, key: str, default: str = "") -> str:
        """Text, or ``default`` where there is none; whitespace is made single."""
        value = self.mapping.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(key, "text")
        return " ".join(value.split())

    def number(self, key: str) -> float | None:
        """A finite number or None; ``1e-3``, which YAML 1.1 takes for text, is a number, too."""
        value = self.mapping.get(key)
        return None if value is None else self._number(key, value)

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        value = self.number(key)
        if value is not None and not 0 <= value <= 1:
            raise self.wrong(key, "a share between 0 and 1, such as 0.9")
        return default if value is None else value

    def pair(self, key: str) -> tuple[float, float] | None:
        """Two numbers in ascending order, or None."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.wrong(key, "two numbers, such as [0.6, 0.7]")
        low, high = (self._number(key, entry) for entry in value)
        if low > high:
            raise self.wrong(key, "the smaller number first")
        return low, high

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.mapping.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return default if value is None else value

    def entries(self, key: str) -> Sequence[Any]:
        """A list; empty where there is none."""
        value = self.mapping.get(key)
        if value is not None and not isinstance(value, list | tuple):
            raise self.wrong(key, "a list")
        return value or ()

    def wrong(self, key: str, expected: str) -> ValueError:
        """The complaint that the key holds something else than expected."""
        return ValueError(f"{self.path}.{key} expects {expected}; got {_shown(self.mapping.get(key))}")

    def _number(self, key: str, value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise self.wrong(key, "a finite number")
        return number


def suggestion(name: str, known: Sequence[str]) -> str:
    """The end of a complaint: the likely meaning, or all that is known."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
