"""The verdict on an experiment: DEBUG, ABANDON, UNDECIDED or PROCEED, and what it rests on.

DEBUG comes first: where the positive control fails, or nothing rises above the floor, nothing was
measured. Then one deciding criterion that is not met is enough to ABANDON; anything open leaves it
UNDECIDED; PROCEED is what remains.
"""

from collections.abc import Sequence

from mad.report.judging.arms import Group
from mad.report.judging.evidence import Arm, Check, Loss, Verdict
from mad.report.judging.experiment import Experiment
from mad.report.judging.selector import Selector, matches, text_of

ABOVE_FLOOR = 0.02
"""By how much an arm must exceed the floor to have learned anything."""

Ruling = tuple[Verdict, tuple[str, ...]]


def verdict_of(
    experiment: Experiment, *, groups: Sequence[Group], checks: Sequence[Check], losses: Sequence[Loss]
) -> Ruling:
    """The verdict and its reasons, one sentence each."""
    broken = _broken(experiment, groups)
    deciding = [check for check in checks if check.criterion.decides]
    failed = [_told(check) for check in deciding if check.standing == "not met"]
    open_points = [_told(check) for check in deciding if check.standing == "undecided"]
    open_points += _gaps(experiment, groups, deciding, losses)
    remarks = _remarks(experiment, groups)
    if broken:
        return "DEBUG", (*broken, *remarks)
    if failed:
        return "ABANDON", (*failed, *_missing(losses), *remarks)
    if open_points:
        return "UNDECIDED", (*open_points, *remarks)
    n = len(deciding)
    met = "the criterion that decides is met" if n == 1 else f"all {n} criteria that decide are met"
    return "PROCEED", (met, *remarks)


def _broken(experiment: Experiment, groups: Sequence[Group]) -> list[str]:
    """Why nothing was measured."""
    bar = experiment.control_at
    broken = []
    for arm in _arms(experiment.roles.positive_control, groups):
        if arm.best.test is not None and arm.best.test.mean < bar:
            reached = f"reaches {100 * arm.best.test.mean:.1f} % on the test"
            broken.append(
                f"the positive control {arm.name} {reached}, not the {100 * bar:.1f} % that it must"
            )
        elif arm.best.test is None and _has_diverged(arm, groups):
            broken.append(f"the positive control {arm.name} diverged in every run")
    negative = _arms(experiment.roles.negative_control, groups)
    ended = [arm for arm in (group.arm for group in groups) if arm.best.test or _has_diverged(arm, groups)]
    judged = [arm for arm in ended if arm not in negative]
    if judged and all(_sits_at_floor(arm) for arm in judged):
        broken.append("every arm but the negative controls sits at the no-binding floor: nothing was learned")
    return broken


def _sits_at_floor(arm: Arm) -> bool:
    """Whether nothing shows that the arm has learned: no seed solved, no interval above the floor."""
    test, floor = arm.best.test, arm.bounds.get("floor_accuracy", arm.bounds.get("chance_accuracy"))
    if test is None:
        return True
    if floor is None or arm.solved:
        return False
    return (test.mean if test.low is None else test.low) <= floor + ABOVE_FLOOR


def _gaps(
    experiment: Experiment, groups: Sequence[Group], deciding: Sequence[Check], losses: Sequence[Loss]
) -> list[str]:
    """What is open besides the criteria."""
    found = []
    if not experiment.criteria:
        found.append("no criteria were declared")
    elif not deciding:
        found.append("no criterion was declared to decide")
    control = experiment.roles.positive_control
    if control is not None and not any(arm.best.test for arm in _arms(control, groups)):
        found.append(f"the positive control ({text_of(control)}) has no finished run")
    return found + _missing(losses)


def _missing(losses: Sequence[Loss]) -> list[str]:
    """The jobs that may yet be run; a diverged run came to its end."""
    labels = [loss.label for loss in losses if loss.status != "diverged"]
    if not labels:
        return []
    first = "; ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
    return [f"{len(labels)} {'job has' if len(labels) == 1 else 'jobs have'} no result: {first}"]


def _remarks(experiment: Experiment, groups: Sequence[Group]) -> list[str]:
    """What a reader should know, whatever the verdict."""
    bar = experiment.solved_at
    return [
        f"the negative control {arm.name} reaches {100 * arm.best.test.mean:.1f} %: "
        "the task does not need what it lacks"
        for arm in _arms(experiment.roles.negative_control, groups)
        if arm.best.test is not None and arm.best.test.mean >= bar
    ]


def _arms(selector: Selector | None, groups: Sequence[Group]) -> list[Arm]:
    if selector is None:
        return []
    return [group.arm for group in groups if matches(selector, group.results[0])]


def _has_diverged(arm: Arm, groups: Sequence[Group]) -> bool:
    runs = next(group.results for group in groups if group.arm is arm)
    return any(run.status == "diverged" for run in runs)


def _told(check: Check) -> str:
    return f"{check.standing}: {check.criterion.claim} ({check.criterion.text()}): {check.reason}"
