"""What a verdict does not say by itself: seeds that fall into two heaps, runs of several codes, copies."""

from collections.abc import Sequence

from mad.report.judging.arms import Group
from mad.report.judging.check import meant_by
from mad.report.judging.controls import ABOVE_FLOOR, ended_values, floor_of
from mad.report.judging.criterion import Criterion
from mad.report.judging.evidence import Arm
from mad.report.judging.experiment import Experiment
from mad.report.judging.intervals import solved_share
from mad.report.judging.selector import Selector
from mad.report.result import Result


def once_each(results: Sequence[Result]) -> tuple[list[Result], list[str]]:
    """Every run once, by name, and what was left out: a copied folder is no further seed."""
    kept: dict[str, Result] = {}
    copies = []
    for result in sorted(results, key=_originals_first):
        first = kept.get(result.identity)
        if first is None:
            kept[result.identity] = result
        elif first.run_id == result.run_id:
            copies.append(f"{result.run_id} is recorded twice and counts once")
        else:
            copies.append(f"{result.run_id} is a copy of {first.run_id} and does not count")
    return sorted(kept.values(), key=lambda result: result.run_id), copies


def mixed_codes(experiment: Experiment, groups: Sequence[Group]) -> tuple[list[str], list[str]]:
    """That the runs which decide were made by several codes; that only others were. One of them is empty."""
    selectors = list(_deciding(experiment))
    deciding = [group for group in groups if any(group.is_meant(selector) for selector in selectors)]
    codes, all_codes = _codes(deciding), _codes(groups)
    if len(codes) > 1:
        told = ", ".join(f"{n} of {code[:12]}" for code, n in codes.items())
        return [
            f"the runs that decide were made by {len(codes)} versions of the code ({told}): "
            "make those of older ones again"
        ], []
    if len(all_codes) > 1 and codes:
        return [], ["runs that do not decide were made by other code than those that do"]
    return [], []


def heaps(experiment: Experiment, criteria: Sequence[Criterion], groups: Sequence[Group]) -> list[str]:
    """Of the arms that accuracies decide about: what few seeds that solve a task, or do not, leave open."""
    arms: dict[str, Arm] = {}
    for criterion in criteria:
        if criterion.metric.endswith("/accuracy") or criterion.metric == "solved":
            partners = [] if criterion.gap_to is None else [g for g in groups if g.is_meant(criterion.gap_to)]
            arms |= {group.arm.name: group.arm for group in [*meant_by(criterion, groups), *partners]}
    return [_heap(arm, experiment.solved_at) for arm in arms.values() if _falls_into_heaps(arm)]


def _deciding(experiment: Experiment) -> list[Selector]:
    selectors = [
        selector
        for criterion in experiment.criteria
        if criterion.decides
        for selector in (criterion.where, criterion.gap_to)
    ]
    selectors.append(experiment.roles.positive_control)
    return [selector for selector in selectors if selector is not None]


def _codes(groups: Sequence[Group]) -> dict[str, int]:
    """How many ended runs each version of the code has made."""
    codes = sorted(run.code for group in groups for run in group.results if run.done)
    return {code: codes.count(code) for code in codes}


def _falls_into_heaps(arm: Arm) -> bool:
    """Whether every seed solves the task, or some do while others bind nothing."""
    values, floor = ended_values(arm), floor_of(arm.bounds)
    if not arm.solved:
        return False
    return arm.solved == len(values) or (floor is not None and min(values) <= floor + ABOVE_FLOOR)


def _heap(arm: Arm, bar: float) -> str:
    n = len(ended_values(arm))
    share = solved_share(arm.solved, n)
    return (
        f"with a caution: {arm.solved} of {n} seeds of {arm.name} reach {100 * bar:.0f} %, so of all seeds "
        f"{100 * (share.low or 0):.0f} to {100 * (share.high or 0):.0f} % may do so"
    )


def _originals_first(result: Result) -> tuple[bool, bool, str]:
    """Ended runs first, then those in a folder of their own name, which ends in their identity."""
    return not result.done, not result.run_id.endswith(result.identity[:10]), result.run_id
