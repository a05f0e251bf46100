"""Criteria held against what was observed: met, not met, or undecided.

A criterion is met when the whole interval lies on its bar's right side, not met when the whole interval
lies on the wrong one. Fewer than three seeds decide nothing, and a criterion is not met by the survivors
of an arm that lost seeds.

*Choosing costs.* The best of k settings is chosen on the same seeds that are then judged, which favours
whatever was lucky. From k = 2, intervals that decide are therefore widened (Bonferroni's inequality, one
side): ``level_for``.
"""

from collections.abc import Sequence

from mad.report.judging.arms import Group, known, over
from mad.report.judging.criterion import COUNTS, Criterion
from mad.report.judging.evidence import Check, Standing
from mad.report.judging.intervals import Interval, gap, interval, solved_share
from mad.report.judging.selector import Selector, canonical, matches, text_of

MIN_SEEDS = 3

CHOSEN_ERROR = 0.04
"""How likely a mean on the wrong side may pass after a choice; 5 % less what 2,000 simulations may stray."""

WORST_FIRST: tuple[Standing, ...] = ("not met", "undecided", "met")

Held = tuple[Interval | None, Standing, str]
"""What was observed, how it stands, and why."""


def check_of(criterion: Criterion, *, groups: Sequence[Group]) -> Check:
    """Holds one criterion against the arms that it is about: it must hold in each."""
    meant = [group for group in groups if _is_meant(criterion.where, group)]
    if criterion.gap_to is not None:
        meant = [group for group in meant if not _is_meant(criterion.gap_to, group)]
    if not meant:
        return Check(criterion=criterion, observed=None, standing="undecided", reason=_none(criterion.where))
    if criterion.metric == "diverged":
        observed, standing, reason = _diverged(criterion, meant)
        return Check(criterion=criterion, observed=observed, standing=standing, reason=reason)
    held = [(_held(criterion, group, groups), group.arm.name) for group in meant]
    (observed, standing, reason), name = min(held, key=lambda entry: _rank(criterion, entry[0]))
    where = f" ({name}, the weakest of {len(meant)} arms)" if len(meant) > 1 else ""
    return Check(criterion=criterion, observed=observed, standing=standing, reason=reason + where)


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


def _held(criterion: Criterion, group: Group, groups: Sequence[Group]) -> Held:
    """The criterion in one arm; met only if none of its seeds is lost."""
    others = [group]
    if criterion.gap_to is not None:
        partners = _partners(criterion, group, groups)
        if len(partners) != 1:
            names = ", ".join(partner.arm.name for partner in partners)
            means = f"{text_of(criterion.gap_to)} means {len(partners)} arms ({names}); name one of them"
            return None, "undecided", means if partners else _none(criterion.gap_to)
        others += partners
    observed = _observed(criterion, others)
    if observed is None:
        return None, "undecided", f"no finished run has {criterion.metric}"
    standing, reason = standing_of(criterion, observed)
    lost = [(each.arm.name, _n_lost(criterion, each)) for each in others]
    if standing == "met" and any(n for _, n in lost):
        told = "; ".join(f"{n} of the seeds of {name}" for name, n in lost if n)
        return observed, "undecided", f"without {told}, which did not finish"
    return observed, standing, reason


def _observed(criterion: Criterion, groups: Sequence[Group]) -> Interval | None:
    """The value of the first arm, less that of the second if there is one."""
    if criterion.metric == "solved":
        n = groups[0].n_ended
        return solved_share(groups[0].arm.solved, n) if n else None
    values = [_by_seed(group, criterion.metric) for group in groups]
    if not all(values):
        return None
    level = max(level_for(_n_settings(group)) for group in groups)
    if len(values) > 1:
        return gap(values[0], values[1], level=level)
    if criterion.metric in COUNTS:
        return interval(list(values[0].values()))
    return over(list(values[0].values()), metric=criterion.metric, level=level)


def _by_seed(group: Group, metric: str) -> dict[int, float]:
    results = group.arm.best.results
    if metric not in COUNTS:
        return known(results, metric)
    counts = {int(result.config["seed"]): result.stamp.get(metric) for result in results}
    return {seed: float(count) for seed, count in counts.items() if count is not None}


def _n_settings(group: Group) -> int:
    return sum(bool(setting.results) for setting in group.arm.settings)


def _n_lost(criterion: Criterion, group: Group) -> int:
    """Seeds of the best setting that do not enter; a diverged one counts as unsolved, and enters there."""
    best = group.arm.best
    if criterion.metric == "solved":
        return len(best.results) + best.n_failed - group.n_ended
    if criterion.metric in COUNTS:
        return 0
    return len(best.results) + best.n_failed - len(known(best.results, criterion.metric))


def _diverged(criterion: Criterion, groups: Sequence[Group]) -> Held:
    """The share of diverged runs, over all arms and settings."""
    ended = [result for group in groups for result in group.results if result.done]
    if not ended:
        return None, "undecided", "no run has come to its end"
    n_diverged = sum(result.status == "diverged" for result in ended)
    observed = solved_share(n_diverged, len(ended))
    standing, reason = standing_of(criterion, observed)
    return (
        observed,
        standing,
        f"{n_diverged} of {len(ended)} runs" + (f"; {reason}" if criterion.equals is None else ""),
    )


def _partners(criterion: Criterion, group: Group, groups: Sequence[Group]) -> list[Group]:
    """The arms to subtract: of several, those that differ from the arm only in what the criterion names."""
    assert criterion.gap_to is not None
    found = [other for other in groups if _is_meant(criterion.gap_to, other)]
    if len(found) < 2:
        return found
    named = {*criterion.gap_to, *criterion.where}
    kept = {key: canonical(value) for key, value in group.arm.choices.items() if key not in named}
    alike = [
        other
        for other in found
        if all(canonical(other.arm.choices.get(key)) == value for key, value in kept.items())
    ]
    return alike or found


def _is_meant(selector: Selector, group: Group) -> bool:
    return matches(selector, group.results[0])


def _rank(criterion: Criterion, held: Held) -> tuple[int, float]:
    observed, standing, _ = held
    margin = _margin(criterion, observed.mean) if observed else float("-inf")
    return WORST_FIRST.index(standing), margin


def _margin(criterion: Criterion, value: float) -> float:
    """How far a value is on the right side of the bar."""
    if criterion.above is not None:
        return value - criterion.above
    if criterion.below is not None:
        return criterion.below - value
    if criterion.between is not None:
        return min(value - criterion.between[0], criterion.between[1] - value)
    assert criterion.equals is not None
    return -abs(value - criterion.equals)


def _none(selector: Selector) -> str:
    return f"no results: {text_of(selector)}"
