"""The open values of a search, read from overrides in Hydra's own grammar: which values a key may take.

``interval(1e-4,1e-1)`` is any number between two; ``int(interval(1,8))`` and ``range(4,17,4)`` are whole
numbers (of a range, the end is left out); ``tag(log,interval(1e-4,1e-1))`` is searched by its logarithm;
``choice(32,64)`` and ``32,64`` are choices without an order.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import OverrideParseException

from mad.door.complaints import complaint

Value = float | int | str

HOW = "KEY=interval(1e-4,1e-1), KEY=tag(log,interval(1e-4,1e-1)), KEY=range(4,17,4) or KEY=32,64"


@dataclass(frozen=True, kw_only=True)
class Span:
    """The numbers from ``low`` to ``high``, both included, in steps of ``step`` if there is one."""

    key: str
    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def probes(self) -> tuple[Value, ...]:
        """The ends, and between them a number that is not whole: they show whether the key takes such."""
        if self.whole or self.step is not None:
            return self.low, self.high
        return self.low, self.high, self.low + 0.382 * (self.high - self.low)

    def word(self, value: Value) -> str:
        """The override that sets the value, exactly."""
        return f"{self.key}={value!r}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Some values, as one writes them."""

    key: str
    values: tuple[str, ...]

    def probes(self) -> tuple[Value, ...]:
        """All of them."""
        return self.values

    def word(self, value: Value) -> str:
        """The override that sets the value."""
        return f"{self.key}={value}"


Open = Span | Choice


@dataclass(frozen=True)
class Space:
    """What a search was asked for."""

    words: tuple[str | Open, ...]
    """The overrides in order, those with open values read; without the seeds."""
    seeds: tuple[str, ...]
    """As overrides; empty where none was named, and the config's own seed holds."""

    @property
    def open(self) -> tuple[Open, ...]:
        """The keys to search."""
        return tuple(word for word in self.words if not isinstance(word, str))

    @property
    def fixed(self) -> tuple[str, ...]:
        """The other overrides."""
        return tuple(word for word in self.words if isinstance(word, str))

    def filled(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """The overrides with a value for each open key, still without a seed."""
        return tuple(word if isinstance(word, str) else word.word(values[word.key]) for word in self.words)

    def runs(self, values: Mapping[str, Value]) -> list[tuple[str, ...]]:
        """The overrides of each run of a trial: one for each seed."""
        filled = self.filled(values)
        return [(*filled, seed) for seed in self.seeds] or [filled]

    def corner(self) -> dict[str, Value]:
        """The first value of each open key."""
        return {entry.key: entry.probes()[0] for entry in self.open}

    @classmethod
    def of(cls, overrides: Sequence[str]) -> "Space":
        """Reads the overrides. Raises ValueError for what cannot be searched, and if nothing is open."""
        words, seeds = list[str | Open](), list[str]()
        for override, text in zip(_parsed(overrides), overrides, strict=True):
            if override.key_or_group == "seed":
                seeds.extend(_seeds(override, text))
            else:
                words.append(_open(override, text) if override.is_sweep_override() else text)
        keys = [word.key for word in words if not isinstance(word, str)]
        if not keys:
            raise ValueError(f"a search expects an open value: {HOW}")
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is searched twice; write it once")
        return cls(tuple(words), tuple(dict.fromkeys(seeds)))


def _parsed(overrides: Sequence[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise ValueError(complaint(error, groups=(), known=())) from error


def _seeds(override: Override, text: str) -> Iterator[str]:
    """The seeds that every trial runs."""
    if not override.is_sweep_override():
        yield text
    elif override.is_discrete_sweep():
        yield from (f"seed={value}" for value in override.sweep_string_iterator())
    else:
        raise ValueError(f"{text}: seeds are not searched, each trial runs all of them; write seed=0,1,2")


def _open(override: Override, text: str) -> Open:
    """An open value. Raises ValueError for one that is empty, or in the wrong order, or of no known kind."""
    sweep, key = override.value(), override.get_key_element()
    tags = set(getattr(sweep, "tags", ()))
    if tags - {"log"}:
        raise ValueError(f"{text}: unknown tag {sorted(tags)[0]}; a search knows tag(log,...)")
    if isinstance(sweep, IntervalSweep):
        return _interval(sweep, key, text)
    if isinstance(sweep, RangeSweep):
        return _range(sweep, key, text)
    if not isinstance(sweep, ChoiceSweep):
        raise ValueError(f"{text} cannot be searched; write {HOW}")
    if tags:
        raise ValueError(f"{text}: choices have no order; tag(log,...) is for interval and range")
    return Choice(key=key, values=tuple(dict.fromkeys(override.sweep_string_iterator())))


def _interval(sweep: IntervalSweep, key: str, text: str) -> Span:
    assert sweep.start is not None
    assert sweep.end is not None
    if not (math.isfinite(sweep.start) and math.isfinite(sweep.end) and sweep.start < sweep.end):
        raise ValueError(f"{text}: an interval expects two numbers, the smaller one first")
    whole = isinstance(sweep.start, int) and isinstance(sweep.end, int)
    return _span(key, text, sweep.start, sweep.end, step=1 if whole else None, log=_log(sweep), whole=whole)


def _range(sweep: RangeSweep, key: str, text: str) -> Span:
    values = sorted(sweep.range())
    if not values:
        raise ValueError(f"{text}: the range is empty; its end is left out, as in range(4,17,4)")
    if _log(sweep) and (sweep.step != 1 or not isinstance(values[0], int)):
        raise ValueError(f"{text}: on a logarithmic scale a range expects whole numbers in steps of 1")
    whole = all(isinstance(value, int) for value in values)
    return _span(key, text, values[0], values[-1], step=abs(sweep.step), log=_log(sweep), whole=whole)


def _span(
    key: str, text: str, low: float, high: float, *, step: float | None, log: bool, whole: bool
) -> Span:
    if log and low <= 0:
        raise ValueError(f"{text}: a logarithmic scale expects numbers above 0")
    return Span(key=key, low=low, high=high, step=step, log=log, whole=whole)


def _log(sweep: Any) -> bool:
    return "log" in sweep.tags
