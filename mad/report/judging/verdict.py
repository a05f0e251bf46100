"""The verdict on an experiment: DEBUG, ABANDON, UNDECIDED or PROCEED, and what it rests on.

Runs of several codes settle nothing. Then DEBUG comes first: where the positive control fails, or nothing
rises above the floor, nothing was measured. One deciding criterion that is not met is enough to ABANDON;
anything open leaves it UNDECIDED, and so does a negative control that succeeds; PROCEED is what remains.
"""

from collections.abc import Sequence

from mad.report.judging.arms import Group
from mad.report.judging.caveats import heaps, mixed_codes
from mad.report.judging.controls import controls_of
from mad.report.judging.evidence import Check, Verdict
from mad.report.judging.experiment import Experiment
from mad.report.judging.missing import Missing, told

Ruling = tuple[Verdict, tuple[str, ...]]


def verdict_of(
    experiment: Experiment,
    *,
    groups: Sequence[Group],
    checks: Sequence[Check],
    missing: Sequence[Missing] = (),
) -> Ruling:
    """The verdict and its reasons, one sentence each."""
    controls = controls_of(experiment, groups=groups, missing=missing)
    mixed, remarks = mixed_codes(experiment, groups)
    deciding = [check for check in checks if check.criterion.decides]
    failed = [_told(check) for check in deciding if check.standing == "not met"]
    undecided = [_told(check) for check in deciding if check.standing == "undecided"]
    absent = [told(missing)] if missing else []
    open_points = [*undecided, *_undeclared(experiment, deciding), *controls.open_points, *absent]
    if mixed:
        return "UNDECIDED", (*mixed, *controls.broken, *failed, *open_points, *controls.needless)
    if controls.broken:
        return "DEBUG", (*controls.broken, *controls.needless, *remarks)
    if failed:
        return "ABANDON", (*failed, *absent, *controls.needless, *remarks)
    if open_points or controls.needless:
        return "UNDECIDED", (*open_points, *controls.needless, *remarks)
    n = len(deciding)
    met = "the criterion that decides is met" if n == 1 else f"all {n} criteria that decide are met"
    cautions = heaps(experiment, [check.criterion for check in deciding], groups)
    return "PROCEED", (met, *cautions, *remarks)


def _undeclared(experiment: Experiment, deciding: Sequence[Check]) -> list[str]:
    if not experiment.criteria:
        return ["no criteria were declared"]
    return [] if deciding else ["no criterion was declared to decide"]


def _told(check: Check) -> str:
    return f"{check.standing}: {check.criterion.claim} ({check.criterion.text()}): {check.reason}"
