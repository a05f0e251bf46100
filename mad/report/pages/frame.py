"""The frame of a chart: where numbers lie on paper, its axes, and the bounds of every score."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mad.report.pages.svg import Point, Svg, group, label, line

BOUNDS = {"best_accuracy": "ceiling", "floor_accuracy": "floor", "chance_accuracy": "chance"}
"""The task's bounds and what charts call them."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """How numbers become places along one side."""

    first: float
    last: float
    start: float
    """Where ``first`` lies on paper."""
    stop: float
    """Where ``last`` lies on paper."""
    kind: Literal["linear", "log"] = "linear"

    def place(self, value: float) -> float:
        """Where a number lies; one outside the axis lies at its end."""
        low, high, at = (self._even(number) for number in (self.first, self.last, value))
        share = (at - low) / (high - low) if high != low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start)

    def _even(self, number: float) -> float:
        return math.log(number) if self.kind == "log" else number


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Two axes; the upright one is accuracy."""

    x: Axis
    y: Axis

    def at(self, x: float, y: float) -> Point:
        """Where a pair of numbers lies."""
        return self.x.place(x), self.y.place(y)

    def shares(self, *, step: float = 0.25) -> Svg:
        """The axis of accuracy: a thin line for each of its values."""
        parts = []
        for number in range(round(1 / step) + 1):
            y = self.y.place(number * step)
            parts.append(line((self.x.start, y), (self.x.stop, y), classes="grid"))
            parts.append(label(f"{100 * number * step:.0f}", (self.x.start - 5, y + 4), classes="end"))
        return group("axis", parts)

    def numbers(self, ticks: Mapping[float, str]) -> Svg:
        """The lower axis: its values by their names; names that would touch the one before are left out."""
        base, parts, free = self.y.start, [], -math.inf
        for value, name in ticks.items():
            x, half = self.x.place(value), 3.2 * len(name) + 3
            parts.append(line((x, base), (x, base + 4), classes="tick"))
            if x - half >= free:
                parts.append(label(name, (x, base + 16), classes="middle"))
                free = x + half
        return group("axis", [line((self.x.start, base), (self.x.stop, base), classes="base"), *parts])

    def bounds(self, bounds: Mapping[str, float | None]) -> Svg:
        """The task's ceiling, floor and chance as dashed lines."""
        places = self._known(bounds)
        ends = ((name, (self.x.start, y), (self.x.stop, y)) for name, y in places.items())
        return group("bounds", [line(first, last, classes=f"bound {name}") for name, first, last in ends])

    def bound_names(self, bounds: Mapping[str, float | None], *, inside: bool = False) -> Svg:
        """Their names, beside the right ends of the lines, or above the left ends inside the frame."""
        places = self._known(bounds)
        beside = spaced(list(places.values()), gap=11, low=self.y.stop, high=self.y.start)
        x, lower = (self.x.start + 4, -3.0) if inside else (self.x.stop + 4, 3.5)
        at = ((name, (x, y + lower)) for name, y in zip(places, beside, strict=True))
        return group("bounds", [label(name, place, classes="small") for name, place in at])

    def _known(self, bounds: Mapping[str, float | None]) -> dict[str, float]:
        known = {name: bounds.get(key) for key, name in BOUNDS.items()}
        return {name: self.y.place(value) for name, value in known.items() if value is not None}


def spaced(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in the same order, at least ``gap`` apart; as far as there is room."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    places, free = list(wanted), low
    for index in order:
        places[index] = max(wanted[index], free)
        free = places[index] + gap
    free = max(high, low + gap * (len(order) - 1))
    for index in reversed(order):
        places[index] = min(places[index], free)
        free = places[index] - gap
    return places


def steps_ticks(last: float) -> dict[float, str]:
    """Four or five round numbers from 0 to ``last``: ``0, 500, 1k``."""
    if last <= 0:
        return {0.0: "0"}
    rough = last / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    step = max(step, 1)
    return {step * number: thousands(step * number) for number in range(int(last / step) + 1)}


def log_ticks(low: float, high: float) -> dict[float, str]:
    """Round numbers between two positive ones: powers of ten, and 2 and 5 times these where they are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(powers) > 5 else (1, 2, 5)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return {value: thousands(value) for value in values if low <= value <= high}


def thousands(value: float) -> str:
    """``500``, ``2.5k``, ``3M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
