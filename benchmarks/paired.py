"""Times two or more sides against one another, by turns, in one process.

No machine is quiet for long, and what disturbs it disturbs neighbours alike: a comparison is therefore the
median of ratios within a round, never the ratio of times that were taken apart. A round runs every side
once, every other round in the opposite order, so that no side always comes first.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Side = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The middle of ``n`` measurements, and how far they reach."""

    median: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        if not values:
            raise ValueError("a spread needs at least one measurement; got none")
        return cls(median=median(values), lowest=min(values), highest=max(values), n=len(values))

    def times(self, factor: float) -> "Spread":
        """The same in another unit."""
        return Spread(
            median=factor * self.median, lowest=factor * self.lowest, highest=factor * self.highest, n=self.n
        )


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Seconds a call, by side, one entry a round."""

    seconds: Mapping[str, tuple[float, ...]]

    def spread(self, side: str) -> Spread:
        """Seconds a call of one side."""
        return Spread.of(self.seconds[side])

    def spreads(self) -> dict[str, Spread]:
        """Seconds a call of every side."""
        return {side: self.spread(side) for side in self.seconds}

    def ratio(self, slow: str, fast: str) -> Spread:
        """How many times longer ``slow`` takes than ``fast``, round by round."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return Spread.of([first / second for first, second in pairs])

    def exponent(self, sizes: Mapping[str, int]) -> Spread:
        """The power of size with which the time grows: least squares on logarithms, by round."""
        rounds = zip(*(self.seconds[side] for side in sizes), strict=True)
        return Spread.of([_slope(list(sizes.values()), times) for times in rounds])


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long a comparison may take."""

    budget_seconds: float = 8.0
    """After so long no further round begins, once there have been ``least_rounds``; warm-up not counted."""
    least_rounds: int = 5
    most_rounds: int = 41
    warm_ups: int = 2
    """Calls of each side before the first round."""
    sample_seconds: float = 0.01
    """A side that is shorter is called several times in a row, so that the clock's grain does not count."""


def by_turns(
    sides: Mapping[str, Side], *, pace: Pace | None = None, clock: Clock = time.perf_counter
) -> Paired:
    """Seconds a call of each side, in rounds that run them all."""
    pace = pace or Pace()
    repeats = {name: _repeats(side, pace, clock) for name, side in sides.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    order, started, n_rounds = list(sides), clock(), 0
    while n_rounds < pace.least_rounds or (
        n_rounds < pace.most_rounds and clock() - started < pace.budget_seconds
    ):
        for name in order:
            seconds[name].append(_sample(sides[name], repeats[name], clock))
        order.reverse()
        n_rounds += 1
    return Paired(seconds={name: tuple(samples) for name, samples in seconds.items()})


def _repeats(side: Side, pace: Pace, clock: Clock) -> int:
    """Warms a side up; the calls in a row that make a sample long enough."""
    last = math.inf
    for _ in range(pace.warm_ups):
        last = _sample(side, 1, clock)
    return max(1, math.ceil(pace.sample_seconds / max(last, 1e-7)))


def _sample(side: Side, repeats: int, clock: Clock) -> float:
    started = clock()
    for _ in range(repeats):
        side()
    return (clock() - started) / repeats


def _slope(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Of the straight line through (log size, log time)."""
    x, y = [math.log(size) for size in sizes], [math.log(time) for time in times]
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    products = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return products / sum((a - x_mean) ** 2 for a in x)
