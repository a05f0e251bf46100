"""Criteria held against what was observed: met, not met, or undecided.

A criterion is met when the whole interval lies on its bar's right side, not met when the whole interval
lies on the wrong one (`bars`). Fewer than three seeds decide nothing, nor does part of a sweep: while a run
of the arms that it names is missing, a criterion is undecided. It is not met by the survivors of an arm that
lost seeds, and not missed by a gap that the ceiling leaves no room for.
"""

from collections.abc import Sequence

from mad.report.judging.arms import Group
from mad.report.judging.bars import WORST_FIRST, level_for, lowest_of, margin, standing_of
from mad.report.judging.criterion import COUNTS, Criterion
from mad.report.judging.evidence import Check, Standing
from mad.report.judging.intervals import Interval, gap, interval, solved_share
from mad.report.judging.missing import Missing, counted
from mad.report.judging.selector import Selector, canonical, text_of
from mad.report.judging.settings import known, over

Held = tuple[Interval | None, Standing, str]
"""What was observed, how it stands, and why."""


def check_of(criterion: Criterion, *, groups: Sequence[Group], missing: Sequence[Missing] = ()) -> Check:
    """Holds one criterion against the arms that it is about: it must hold in each."""
    observed, standing, reason = _so_far(criterion, groups)
    awaited = [each for each in missing if _is_awaited(criterion, each)]
    if awaited:
        standing, reason = "undecided", f"{counted(awaited)}; so far: {reason}"
    return Check(criterion=criterion, observed=observed, standing=standing, reason=reason)


def meant_by(criterion: Criterion, groups: Sequence[Group]) -> list[Group]:
    """The arms that the criterion is about, less the one that is subtracted."""
    meant = [group for group in groups if group.is_meant(criterion.where)]
    if criterion.gap_to is None:
        return meant
    return [group for group in meant if not group.is_meant(criterion.gap_to)]


def _is_awaited(criterion: Criterion, missing: Missing) -> bool:
    selectors = (criterion.where, criterion.gap_to)
    return any(missing.may_be(selector) for selector in selectors if selector is not None)


def _so_far(criterion: Criterion, groups: Sequence[Group]) -> Held:
    meant = meant_by(criterion, groups)
    if not meant:
        return None, "undecided", _none(criterion.where)
    if criterion.metric == "diverged":
        return _diverged(criterion, meant)
    held = [(_held(criterion, group, groups), group.arm.name) for group in meant]
    (observed, standing, reason), name = min(held, key=lambda entry: _rank(criterion, entry[0]))
    where = f" ({name}, the weakest of {len(meant)} arms)" if len(meant) > 1 else ""
    return observed, standing, reason + where


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
    if standing == "met":
        lost = [(each.arm.name, _n_lost(criterion, each)) for each in others]
        survivors = "; ".join(f"{n} of the seeds of {name}" for name, n in lost if n)
        return (observed, "undecided", _without(survivors)) if survivors else (observed, standing, reason)
    unreachable = _out_of_reach(criterion, *others)
    is_worse = observed.high is not None and observed.high < 0
    if unreachable and not is_worse:
        return observed, "undecided", unreachable
    return observed, standing, reason


def _without(survivors: str) -> str:
    return f"without {survivors}, which did not finish"


def _observed(criterion: Criterion, groups: Sequence[Group]) -> Interval | None:
    """The value of the first arm, less that of the second if there is one."""
    level = max(level_for(_n_settings(group)) for group in groups)
    if criterion.metric == "solved":
        n = groups[0].arm.best.n_ended
        return solved_share(groups[0].arm.solved, n, level=level) if n else None
    values = [_by_seed(group, criterion.metric) for group in groups]
    if not all(values):
        return None
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
    """How many the best one was chosen from."""
    return sum(bool(setting.results) and setting.is_eligible for setting in group.arm.settings)


def _n_lost(criterion: Criterion, group: Group) -> int:
    """Seeds of the best setting that do not enter; a diverged one counts as unsolved, and enters there."""
    best = group.arm.best
    if criterion.metric == "solved":
        return best.n_lost - best.n_diverged
    if criterion.metric in COUNTS:
        return 0
    return len(best.results) + best.n_lost - len(known(best.results, criterion.metric))


def _out_of_reach(criterion: Criterion, group: Group, partner: Group | None = None) -> str:
    """Why no arm can pass the bar of a gap: the other one stands too near the ceiling. Empty if one can."""
    lowest = lowest_of(criterion)
    if partner is None or lowest is None or not criterion.metric.endswith("/accuracy"):
        return ""
    values = _by_seed(partner, criterion.metric)
    mean, best = sum(values.values()) / len(values), group.arm.bounds.get("best_accuracy")
    ceiling = 1.0 if best is None or criterion.metric.startswith("cells/") else best
    if mean + lowest < ceiling:
        return ""
    return (
        f"no arm can be {criterion.shown(lowest)} above {partner.arm.name}, "
        f"which is at {100 * mean:.1f} % of at most {100 * ceiling:.1f} %"
    )


def _diverged(criterion: Criterion, groups: Sequence[Group]) -> Held:
    """The share of diverged runs, over all arms and settings."""
    ended = [result for group in groups for result in group.results if result.done]
    if not ended:
        return None, "undecided", "no run has come to its end"
    n_diverged = sum(result.status == "diverged" for result in ended)
    observed = solved_share(n_diverged, len(ended))
    standing, reason = standing_of(criterion, observed)
    more = f"; {reason}" if criterion.equals is None else ""
    return observed, standing, f"{n_diverged} of {len(ended)} runs{more}"


def _partners(criterion: Criterion, group: Group, groups: Sequence[Group]) -> list[Group]:
    """The arms to subtract: of several, those that differ from the arm only in what the criterion names."""
    assert criterion.gap_to is not None
    found = [other for other in groups if other.is_meant(criterion.gap_to)]
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


def _rank(criterion: Criterion, held: Held) -> tuple[int, float]:
    observed, standing, _ = held
    return WORST_FIRST.index(standing), margin(criterion, observed.mean) if observed else float("-inf")


def _none(selector: Selector) -> str:
    return f"no results: {text_of(selector)}"
