"""Verdicts: DEBUG before ABANDON before UNDECIDED before PROCEED."""

from typing import Any

import pytest

from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.judge import judge
from mad.report.result import Result
from tests.report.judging.runs import FLOOR, experiment, run, seeds

ROLES = {
    "candidate": {"model": "mine"},
    "positive_control": {"model": "softmax"},
    "negative_control": {"model": "vanilla"},
}
GOOD, BAD, OPEN, LOW = [0.95, 0.96, 0.97], [0.5, 0.51, 0.52], [0.6, 0.8, 0.99], [FLOOR] * 3
MINE = {"where": {"model": "mine"}, "above": 0.8}


def judged(*criteria: dict[str, Any], losses: tuple[Loss, ...] = (), **tests: list[float]) -> Evidence:
    """The verdict on arms with these accuracies."""
    results: list[Result] = [
        result for model, values in tests.items() for result in seeds(model, tests=values)
    ]
    return judge(experiment(*criteria, roles=ROLES), results=results, losses=losses)


@pytest.mark.parametrize(
    "criteria, tests, verdict",
    [
        ([MINE], {"mine": GOOD, "softmax": GOOD}, "PROCEED"),
        ([MINE], {"mine": BAD, "softmax": GOOD}, "ABANDON"),
        ([MINE], {"mine": OPEN, "softmax": GOOD}, "UNDECIDED"),
        ([MINE], {"mine": GOOD, "softmax": BAD}, "DEBUG"),
        ([MINE], {"mine": BAD, "softmax": BAD}, "DEBUG"),
        ([MINE], {"mine": GOOD}, "UNDECIDED"),
        ([MINE], {"softmax": GOOD}, "UNDECIDED"),
        ([MINE, {"where": {"model": "mine"}, "below": 0.1}], {"mine": OPEN, "softmax": GOOD}, "ABANDON"),
        ([MINE, {"above": 0.99, "decides": False}], {"mine": GOOD, "softmax": GOOD}, "PROCEED"),
        ([{**MINE, "decides": False}], {"mine": GOOD, "softmax": GOOD}, "UNDECIDED"),
        ([], {"mine": GOOD, "softmax": GOOD}, "UNDECIDED"),
        ([MINE], {}, "UNDECIDED"),
        ([MINE], {"mine": LOW, "vanilla": GOOD}, "DEBUG"),
        ([MINE], {"mine": [0.0, 0.0, 1.0], "vanilla": LOW}, "UNDECIDED"),
    ],
)
def test_the_verdict_follows_from_controls_and_criteria(
    criteria: list[dict[str, Any]], tests: dict[str, list[float]], verdict: str
) -> None:
    evidence = judged(*criteria, **tests)
    assert evidence.verdict == verdict
    assert evidence.reasons


LOST = Loss(label="model=mine seed=3", status="failed", error="killed", console_file="")


def test_a_missing_job_leaves_it_undecided_at_best() -> None:
    evidence = judged(MINE, mine=GOOD, softmax=GOOD, losses=(LOST,))
    assert (evidence.verdict, evidence.reasons) == ("UNDECIDED", ("1 job has no result: model=mine seed=3",))
    evidence = judged(MINE, mine=BAD, softmax=GOOD, losses=(LOST,) * 5)
    assert evidence.verdict == "ABANDON"
    assert evidence.reasons[1].startswith("5 jobs have no result: model=mine seed=3; ")
    assert evidence.reasons[1].endswith(" and 2 more")


def test_a_diverged_run_is_not_a_missing_one() -> None:
    lost = Loss(label="x", status="diverged", error="", console_file="")
    assert judged(MINE, mine=GOOD, softmax=GOOD, losses=(lost,)).verdict == "PROCEED"


def test_a_control_that_diverges_is_a_failed_control() -> None:
    results = [*seeds("mine", tests=GOOD), run("softmax", status="diverged")]
    evidence = judge(experiment(MINE, roles=ROLES), results=results)
    assert (evidence.verdict, evidence.reasons) == (
        "DEBUG",
        ("the positive control softmax diverged in every run",),
    )


def test_everything_diverged_is_for_the_debugger() -> None:
    assert judge(experiment(MINE), results=[run("mine", status="diverged")]).verdict == "DEBUG"


def test_the_bar_of_the_control_can_be_its_own() -> None:
    results = seeds("mine", tests=GOOD) + seeds("softmax", tests=BAD)
    evidence = judge(experiment(MINE, roles=ROLES, control_at=0.5), results=results)
    assert evidence.verdict == "PROCEED"


def test_reasons_name_the_criterion_and_the_control() -> None:
    assert judged(MINE, mine=BAD, softmax=GOOD).reasons == (
        "not met: claim 0 (test/accuracy > 80 %): the whole interval is on the wrong side",
    )
    (reason,) = judged(MINE, mine=GOOD, softmax=BAD).reasons
    assert reason == "the positive control softmax reaches 51.0 % on the test, not the 90.0 % that it must"
    assert judged(MINE, mine=GOOD, softmax=GOOD).reasons == ("the criterion that decides is met",)


def test_a_negative_control_that_succeeds_is_remarked() -> None:
    evidence = judged(MINE, mine=GOOD, softmax=GOOD, vanilla=GOOD)
    assert evidence.verdict == "PROCEED"
    assert "the negative control vanilla reaches 96.0 %" in evidence.reasons[1]


def test_without_a_known_floor_nothing_sits_at_it() -> None:
    results = [result.__class__(**{**vars(result), "bounds": {}}) for result in seeds("mine", tests=LOW)]
    assert judge(experiment(MINE), results=results).verdict == "ABANDON"


def test_a_control_that_just_reaches_its_bar_has_reached_it() -> None:
    assert judged(MINE, mine=GOOD, softmax=[0.9]).verdict == "PROCEED"
