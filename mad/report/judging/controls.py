"""Whether anything was measured: controls that must succeed or fail, and arms that must leave the floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mad.report.judging.arms import Group
from mad.report.judging.bars import MIN_SEEDS
from mad.report.judging.evidence import Arm
from mad.report.judging.experiment import Experiment
from mad.report.judging.missing import Missing, counted
from mad.report.judging.selector import Selector, text_of

ABOVE_FLOOR = 0.02
"""By how much a seed must exceed the floor to have learned anything."""


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What they show, one sentence each."""

    broken: tuple[str, ...] = ()
    """Why nothing was measured."""
    open_points: tuple[str, ...] = ()
    """Why that is not known yet."""
    needless: tuple[str, ...] = ()
    """Negative controls that succeed."""


def controls_of(experiment: Experiment, *, groups: Sequence[Group], missing: Sequence[Missing]) -> Controls:
    """Judges the controls by the rules of a criterion: enough seeds, none missing, a diverged one is 0."""
    broken, open_points = _positive(experiment, groups, missing)
    judged = [group for group in groups if not _is(experiment.roles.negative_control, group)]
    ended = [group for group in judged if any(run.done for run in group.results)]
    awaited = [each for each in missing if not _is_negative(experiment, each)]
    if ended and not awaited and all(_sits_at_floor(group) for group in ended):
        broken.append("every arm but the negative controls sits at the no-binding floor: nothing was learned")
    return Controls(
        broken=tuple(broken), open_points=tuple(open_points), needless=tuple(_needless(experiment, groups))
    )


def floor_of(bounds: Mapping[str, float | None]) -> float | None:
    """What a model scores that binds nothing; chance, where the task has no such floor."""
    floor = bounds.get("floor_accuracy")
    return bounds.get("chance_accuracy") if floor is None else floor


def ended_values(arm: Arm) -> tuple[float, ...]:
    """Test accuracy of each seed of the best setting that came to its end; of a diverged one 0."""
    values = arm.best.test.values if arm.best.test else ()
    return (*values, *(0.0,) * arm.best.n_diverged)


def _positive(
    experiment: Experiment, groups: Sequence[Group], missing: Sequence[Missing]
) -> tuple[list[str], list[str]]:
    """Why the control is broken, and why that is open."""
    control = experiment.roles.positive_control
    if control is None:
        return [], []
    awaited = [each for each in missing if each.may_be(control)]
    arms = [group.arm for group in groups if group.is_meant(control)]
    if awaited:
        return [], [f"the positive control ({text_of(control)}) is not judged: {counted(awaited)}"]
    if not any(ended_values(arm) for arm in arms):
        return [], [f"the positive control ({text_of(control)}) has no finished run"]
    seeds = {str(run.config.get("seed")) for group in groups for run in group.results}
    needed = min(MIN_SEEDS, experiment.n_seeds or len(seeds))
    few = {arm.name: _few(arm, needed) for arm in arms}
    failed = [_failed(arm, experiment.control_at) for arm in arms if not few[arm.name]]
    return [reason for reason in failed if reason], [reason for reason in few.values() if reason]


def _few(arm: Arm, needed: int) -> str:
    """Why its seeds cannot tell: too few, or without a number. Empty if they can."""
    n, least = len(ended_values(arm)), max(needed, arm.best.n_ended)
    if n >= least:
        return ""
    return f"the positive control {arm.name} is not judged: n = {n} is too small, {least} are needed"


def _failed(arm: Arm, bar: float) -> str:
    """Why it does not do what it must; empty if it does."""
    values, n_diverged = ended_values(arm), arm.best.n_diverged
    mean = sum(values) / len(values)
    if mean >= bar:
        return ""
    if n_diverged == len(values):
        return f"the positive control {arm.name} diverged in every run"
    counted = f" ({n_diverged} of {len(values)} seeds diverged and count as 0)" if n_diverged else ""
    return (
        f"the positive control {arm.name} reaches {100 * mean:.1f} % on the test{counted}, "
        f"not the {100 * bar:.1f} % that it must"
    )


def _sits_at_floor(group: Group) -> bool:
    """Whether no seed at any setting shows that the arm has learned."""
    floor = floor_of(group.arm.bounds)
    tests = [value for setting in group.arm.settings if setting.test for value in setting.test.values]
    if not tests:
        return True
    return floor is not None and max(tests) <= floor + ABOVE_FLOOR


def _needless(experiment: Experiment, groups: Sequence[Group]) -> list[str]:
    negative = [group.arm for group in groups if _is(experiment.roles.negative_control, group)]
    return [
        f"the negative control {arm.name} reaches {100 * arm.best.test.mean:.1f} %: "
        "the task does not need what it lacks"
        for arm in negative
        if arm.best.test is not None and arm.best.test.mean >= experiment.solved_at
    ]


def _is(selector: Selector | None, group: Group) -> bool:
    return selector is not None and group.is_meant(selector)


def _is_negative(experiment: Experiment, missing: Missing) -> bool:
    """Whether the missing run is known to be one of the negative control."""
    control = experiment.roles.negative_control
    if control is None or not missing.may_be(control):
        return False
    return missing.config is not None or all(key in missing.typed for key in control)
