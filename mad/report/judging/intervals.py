"""What a few seeds can tell: means with intervals, differences, shares.

*Choice.* Student's t, at every n. Over seeds its nominal 95 % interval covers 96 % at n = 3, 98 % at n = 5
and 95 % at n = 10, where the percentile bootstrap covers 79, 86 and 89 %. Neither is to be trusted where
the seeds fall into two heaps (solved or not): every seed and the share of solved ones belong beside it.

SciPy is imported when the first interval is asked for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and where the true one is likely to lie."""

    mean: float
    low: float | None
    """None where one value says nothing about the spread."""
    high: float | None
    n: int
    values: tuple[float, ...] = ()
    """What the mean was taken over; the differences of a paired gap; nothing for an unpaired one."""
    level: float = LEVEL
    """The share of such intervals that hold the true mean."""


def interval(
    values: Sequence[float], *, level: float = LEVEL, within: tuple[float, float] | None = None
) -> Interval:
    """Student's t interval of the mean, cut to ``within`` if the quantity cannot leave it.

    Raises ValueError without values, or for one that is not finite.
    """
    known = tuple(float(value) for value in values)
    if not known or not all(math.isfinite(value) for value in known):
        raise ValueError(f"an interval expects one finite number or more; got {list(values)}")
    n, mean = len(known), math.fsum(known) / len(known)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, values=known, level=level)
    half = _quantile(level, float(n - 1)) * math.sqrt(_variance(known, mean) / n)
    low, high = mean - half, mean + half
    if within:
        low, high = max(low, within[0]), min(high, within[1])
    return Interval(mean=mean, low=low, high=high, n=n, values=known, level=level)


def gap(values: Mapping[int, float], others: Mapping[int, float], *, level: float = LEVEL) -> Interval:
    """The mean of ``values`` less that of ``others``, both by seed: paired where the seeds are the same.

    Unpaired, it is Welch's (1947) interval, whose spreads need not be equal; its n is the smaller one. Raises
    ValueError without values.
    """
    if values.keys() == others.keys():
        return interval([values[seed] - others[seed] for seed in values], level=level)
    first, second = interval(list(values.values())), interval(list(others.values()))
    mean, n = first.mean - second.mean, min(first.n, second.n)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=n, level=level)
    shares = [_variance(side.values, side.mean) / side.n for side in (first, second)]
    total = sum(shares)
    if total == 0:
        return Interval(mean=mean, low=mean, high=mean, n=n, level=level)
    # Welch and Satterthwaite's degrees of freedom.
    freedom = total**2 / sum(
        share**2 / (side.n - 1) for share, side in zip(shares, (first, second), strict=True)
    )
    half = _quantile(level, freedom) * math.sqrt(total)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n, level=level)


def solved_share(n_solved: int, n: int, *, level: float = LEVEL) -> Interval:
    """The share of ``n`` runs that did something, with Clopper and Pearson's (1934) exact interval.

    Raises ValueError unless 0 <= n_solved <= n and n >= 1.
    """
    if not 0 <= n_solved <= n or n < 1:
        raise ValueError(f"a share expects a count between 0 and n, and n >= 1; got {n_solved} of {n}")
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    tail, rest = (1 - level) / 2, n - n_solved
    low = float(betaincinv(n_solved, rest + 1, tail)) if n_solved else 0.0
    high = float(betaincinv(n_solved + 1, rest, 1 - tail)) if rest else 1.0
    values = (1.0,) * n_solved + (0.0,) * rest
    return Interval(mean=n_solved / n, low=low, high=high, n=n, values=values, level=level)


def _variance(values: Sequence[float], mean: float) -> float:
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


@lru_cache(maxsize=256)
def _quantile(level: float, freedom: float) -> float:
    """How many standard errors Student's t reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
