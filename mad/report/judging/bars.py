"""How an interval lies to the bar of a criterion, and how wide it must be for that to decide.

*Choosing costs.* The best of k settings is chosen on the same seeds that are then judged, which favours
whatever was lucky. From k = 2, intervals that decide are therefore widened (Bonferroni's inequality, one
side): ``level_for``.
"""

from mad.report.judging.criterion import COUNTS, Criterion
from mad.report.judging.evidence import Standing
from mad.report.judging.intervals import Interval

MIN_SEEDS = 3
"""Fewer decide nothing."""

WORST_FIRST: tuple[Standing, ...] = ("not met", "undecided", "met")

CHOSEN_ERROR = 0.04
"""How likely a mean on the wrong side may pass after a choice; 5 % less what 2,000 simulations may stray."""


def standing_of(criterion: Criterion, observed: Interval) -> tuple[Standing, str]:
    """How an interval lies to the bar, and that in words."""
    if criterion.equals is not None or criterion.metric in COUNTS:
        met = _is_inside(criterion, observed.mean, observed.mean)
        return ("met", "it is so") if met else ("not met", "it is not so")
    if observed.n < MIN_SEEDS or observed.low is None or observed.high is None:
        return "undecided", f"n = {observed.n} is too small"
    if _is_inside(criterion, observed.low, observed.high):
        return "met", "the whole interval is on the right side"
    if _is_outside(criterion, observed.low, observed.high):
        return "not met", "the whole interval is on the wrong side"
    return "undecided", "the interval straddles the bar"


def level_for(n_settings: int) -> float:
    """The level of an interval that decides, where the best of so many settings was taken."""
    return 1 - 2 * min(0.025, CHOSEN_ERROR / max(n_settings, 1))


def margin(criterion: Criterion, value: float) -> float:
    """How far a value is on the right side of the bar."""
    if criterion.above is not None:
        return value - criterion.above
    if criterion.below is not None:
        return criterion.below - value
    if criterion.between is not None:
        return min(value - criterion.between[0], criterion.between[1] - value)
    assert criterion.equals is not None
    return -abs(value - criterion.equals)


def lowest_of(criterion: Criterion) -> float | None:
    """What must be exceeded; None where nothing must."""
    return criterion.between[0] if criterion.between is not None else criterion.above


def _is_inside(criterion: Criterion, low: float, high: float) -> bool:
    if criterion.between is not None:
        return criterion.between[0] <= low and high <= criterion.between[1]
    if criterion.above is not None:
        return low > criterion.above
    if criterion.below is not None:
        return high < criterion.below
    return low == high == criterion.equals


def _is_outside(criterion: Criterion, low: float, high: float) -> bool:
    if criterion.between is not None:
        return high < criterion.between[0] or low > criterion.between[1]
    if criterion.above is not None:
        return high <= criterion.above
    return criterion.below is not None and low >= criterion.below
