"""Verdicts: DEBUG before ABANDON before UNDECIDED before PROCEED."""

from dataclasses import replace
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


def test_a_missing_job_leaves_it_undecided() -> None:
    for tests in (GOOD, BAD):
        evidence = judged(MINE, mine=tests, softmax=GOOD, losses=(LOST,) * 5)
        assert evidence.verdict == "UNDECIDED"
        assert evidence.reasons[0].startswith(
            "undecided: claim 0 (test/accuracy > 80 %): 5 jobs have no result yet"
        )
        assert evidence.reasons[1].startswith("5 jobs have no result: model=mine seed=3; ")
        assert evidence.reasons[1].endswith(" and 2 more")


def test_a_missing_job_of_an_arm_that_nothing_is_claimed_of_leaves_what_is_missed() -> None:
    lost = replace(LOST, label="model=other seed=0")
    evidence = judged(MINE, mine=BAD, softmax=GOOD, losses=(lost,))
    assert (evidence.verdict, evidence.reasons[1]) == ("ABANDON", "1 job has no result: model=other seed=0")
    assert judged(MINE, mine=GOOD, softmax=GOOD, losses=(lost,)).verdict == "UNDECIDED"


@pytest.mark.parametrize("label, verdict", [("model=softmax seed=3", "UNDECIDED"), ("model=mine", "DEBUG")])
def test_part_of_the_positive_control_is_not_debugged(label: str, verdict: str) -> None:
    evidence = judged(MINE, mine=GOOD, softmax=BAD, losses=(replace(LOST, label=label),))
    assert evidence.verdict == verdict


@pytest.mark.parametrize("label, verdict", [("model=mine", "UNDECIDED"), ("model=vanilla", "DEBUG")])
def test_part_of_a_sweep_does_not_sit_at_the_floor(label: str, verdict: str) -> None:
    assert judged(MINE, mine=LOW, losses=(replace(LOST, label=label),)).verdict == verdict


def test_a_diverged_run_is_not_a_missing_one() -> None:
    lost = Loss(label="x", status="diverged", error="", console_file="")
    assert judged(MINE, mine=GOOD, softmax=GOOD, losses=(lost,)).verdict == "PROCEED"


def test_a_control_that_diverges_is_a_failed_control() -> None:
    diverged = [run("softmax", seed=seed, status="diverged") for seed in range(3)]
    evidence = judge(experiment(MINE, roles=ROLES), results=[*seeds("mine", tests=GOOD), *diverged])
    assert (evidence.verdict, evidence.reasons) == (
        "DEBUG",
        ("the positive control softmax diverged in every run",),
    )


def test_a_diverged_seed_of_the_control_counts_as_nothing() -> None:
    results = [*seeds("mine", tests=GOOD), *seeds("softmax", tests=[0.95] * 2)]
    evidence = judge(
        experiment(MINE, roles=ROLES), results=[*results, run("softmax", seed=2, status="diverged")]
    )
    assert evidence.verdict == "DEBUG"
    assert "reaches 63.3 % on the test (1 of 3 seeds diverged and count as 0)" in evidence.reasons[0]


@pytest.mark.parametrize("tests", [[0.99], [0.5, 0.5]])
def test_a_control_of_too_few_seeds_tells_nothing(tests: list[float]) -> None:
    evidence = judged(MINE, mine=GOOD, softmax=tests)
    told = f"the positive control softmax is not judged: n = {len(tests)} is too small, 3 are needed"
    assert (evidence.verdict, evidence.reasons) == ("UNDECIDED", (told,))
    results = seeds("mine", tests=GOOD) + seeds("softmax", tests=tests)
    of_few = replace(experiment(MINE, roles=ROLES), grid={"seed": ",".join("01"[: len(tests)])})
    assert judge(of_few, results=results).verdict == ("PROCEED" if min(tests) > 0.9 else "DEBUG")


@pytest.mark.parametrize("model", ["mine", "softmax"])
def test_runs_of_two_codes_settle_nothing(model: str) -> None:
    for tests in (GOOD, BAD):
        results = seeds("mine", tests=tests) + seeds("softmax", tests=tests) + seeds("other", tests=GOOD)
        results = [replace(result, code="a" * 64) for result in results]
        number = next(n for n, result in enumerate(results) if result.config["model"]["mixer"] == model)
        results[number] = replace(results[number], code="b" * 64)
        evidence = judge(experiment(MINE, roles=ROLES), results=results)
        assert evidence.verdict == "UNDECIDED"
        assert evidence.reasons[0].startswith(
            "the runs that decide were made by 2 versions of the code (5 of aaaaaaaaaaaa, 1 of bbbbbbbbbbbb)"
        )


def test_what_decides_nothing_may_be_of_other_code() -> None:
    results = seeds("mine", tests=GOOD) + seeds("softmax", tests=GOOD)
    other = [replace(result, code="b" * 64) for result in seeds("other", tests=GOOD)]
    evidence = judge(experiment(MINE, roles=ROLES), results=[*results, *other])
    assert evidence.verdict == "PROCEED"
    assert evidence.reasons[-1] == "runs that do not decide were made by other code than those that do"


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
    assert judged(MINE, mine=[0.85, 0.86, 0.87], softmax=GOOD).reasons == (
        "the criterion that decides is met",
    )


@pytest.mark.parametrize(
    "tests, caution",
    [
        (
            [0.95, 0.96, 0.99, 0.97, 0.98],
            "5 of 5 seeds of mine reach 90 %, so of all seeds 48 to 100 % may do so",
        ),
        ([0.85, 0.86, 0.87, 0.86, 0.85], ""),
        (
            [0.95, 0.96, 0.99, 0.97, FLOOR],
            "4 of 5 seeds of mine reach 90 %, so of all seeds 28 to 99 % may do so",
        ),
    ],
)
def test_seeds_in_heaps_are_a_caution(tests: list[float], caution: str) -> None:
    evidence = judged({**MINE, "above": 0.3}, mine=tests, softmax=GOOD)
    assert (evidence.verdict, len(evidence.reasons)) == ("PROCEED", 2 if caution else 1)
    assert evidence.reasons[-1].endswith(caution)


def test_one_seed_above_the_floor_has_left_it() -> None:
    assert judged(MINE, mine=[0.30, 0.80, 0.85]).verdict == "UNDECIDED"
    assert judged(MINE, mine=[FLOOR, FLOOR, FLOOR + 0.03]).verdict == "ABANDON"
    assert judged(MINE, mine=[FLOOR, FLOOR, FLOOR + 0.01]).verdict == "DEBUG"


def test_a_task_that_the_negative_control_solves_decides_nothing_good() -> None:
    evidence = judged(MINE, mine=GOOD, softmax=GOOD, vanilla=GOOD)
    needless = "the negative control vanilla reaches 96.0 %: the task does not need what it lacks"
    assert (evidence.verdict, evidence.reasons) == ("UNDECIDED", (needless,))
    evidence = judged(MINE, mine=BAD, softmax=GOOD, vanilla=GOOD)
    assert (evidence.verdict, evidence.reasons[-1]) == ("ABANDON", needless)


def test_without_a_known_floor_nothing_sits_at_it() -> None:
    results = [result.__class__(**{**vars(result), "bounds": {}}) for result in seeds("mine", tests=LOW)]
    assert judge(experiment(MINE), results=results).verdict == "ABANDON"


def test_where_the_task_has_no_floor_chance_is_the_floor() -> None:
    bounds = {"floor_accuracy": None, "chance_accuracy": FLOOR}
    results = [replace(result, bounds=bounds) for result in seeds("mine", tests=LOW)]
    assert judge(experiment(MINE), results=results).verdict == "DEBUG"


def test_a_control_that_just_reaches_its_bar_has_reached_it() -> None:
    assert judged(MINE, mine=GOOD, softmax=[0.9] * 3).verdict == "PROCEED"
