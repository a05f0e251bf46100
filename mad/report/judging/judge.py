"""From a declaration and results to the evidence: a pure function, so that anyone can judge again.

*How often it errs.* 2,000 simulated experiments of 5 seeds, whose true mean stands at the bar that the claim
says it exceeds; the share that is told to PROCEED nevertheless (``tests/report/judging/test_nulls.py``):

==================================================  ==========================================
one heap (bars 30 to 80, sd 1 to 10 points)         2-3 %; 3-5 % for the best of 3 or 5 settings
the same, piled up at 100 % (bar 80, sd 20 points)  5 %; 9-11 % for the best of 3 or 5 settings
the same, piled up more (bar 90, sd 20 points)      10 %; 25-34 %
each seed solves the task or stays at a floor       24 % (bar 80, floor 25), 53 % (bar 90)
==================================================  ==========================================

The last is as often as all five seeds happen to solve it: 5 of 5 is seen in one experiment out of four when
only 74 % of seeds do. So where seeds fall into two heaps, believe the share of solved seeds and its
interval; more seeds help (10: 4 % at the bar of 80).
"""

from collections.abc import Sequence

from mad.report.judging.arms import groups_of
from mad.report.judging.caveats import once_each
from mad.report.judging.check import check_of
from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.experiment import Experiment
from mad.report.judging.missing import missing_of
from mad.report.judging.verdict import verdict_of
from mad.report.result import Result


def judge(
    experiment: Experiment,
    *,
    results: Sequence[Result],
    losses: Sequence[Loss] = (),
    changes: Sequence[str] = (),
    command: str = "",
) -> Evidence:
    """What the results show. Raises ValueError where the searched key has no numbers."""
    runs, copies = once_each(results)
    missing = missing_of(losses, runs)
    groups = groups_of(experiment, runs, missing)
    checks = tuple(check_of(criterion, groups=groups, missing=missing) for criterion in experiment.criteria)
    verdict, reasons = verdict_of(experiment, groups=groups, checks=checks, missing=missing)
    return Evidence(
        experiment=experiment,
        arms=tuple(group.arm for group in groups),
        checks=checks,
        verdict=verdict,
        reasons=(*reasons, *copies),
        losses=tuple(losses),
        results=tuple(runs),
        changes=tuple(changes),
        command=command,
    )
