"""Criteria: met, not met, undecided, and why."""

from dataclasses import replace
from typing import Any

import pytest

from mad.report.judging.bars import level_for
from mad.report.judging.evidence import Check, Loss
from mad.report.judging.judge import judge
from mad.report.result import Result
from tests.report.judging.runs import experiment, run, seeds


def check(criterion: dict[str, Any], results: list[Result], **keys: Any) -> Check:
    """One criterion, checked."""
    (found,) = judge(experiment(criterion, **keys), results=results).checks
    return found


HIGH, MIDDLE, WIDE = [0.95, 0.96, 0.97], [0.64, 0.65, 0.66], [0.5, 0.8, 0.99]


@pytest.mark.parametrize(
    "bar, tests, standing, reason",
    [
        ({"above": 0.8}, HIGH, "met", "right side"),
        ({"above": 0.8}, MIDDLE, "not met", "wrong side"),
        ({"above": 0.8}, WIDE, "undecided", "straddles"),
        ({"above": 1.0}, [1.0] * 3, "not met", "wrong side"),
        ({"above": 0.999}, [1.0] * 3, "met", "right side"),
        ({"below": 0.5}, [0.2, 0.21, 0.22], "met", "right side"),
        ({"below": 0.5}, HIGH, "not met", "wrong side"),
        ({"below": 0.5}, WIDE, "undecided", "straddles"),
        ({"between": [0.6, 0.7]}, MIDDLE, "met", "right side"),
        ({"between": [0.6, 0.7]}, HIGH, "not met", "wrong side"),
        ({"between": [0.6, 0.7]}, [0.55, 0.65, 0.75], "undecided", "straddles"),
        ({"between": [0.9, 1.0]}, [0.98, 1.0, 0.99], "met", "right side"),
        ({"above": 0.8}, HIGH[:2], "undecided", "n = 2 is too small"),
        ({"above": 0.8}, HIGH[:1], "undecided", "n = 1 is too small"),
    ],
)
def test_an_interval_decides(bar: dict[str, Any], tests: list[float], standing: str, reason: str) -> None:
    found = check({"where": {"model": "softmax"}, **bar}, seeds(tests=tests))
    assert found.standing == standing
    assert reason in found.reason


def test_a_criterion_about_nothing_that_was_run_is_undecided() -> None:
    found = check({"where": {"model": "mamba2"}, "above": 0.5}, seeds(tests=HIGH))
    assert (found.observed, found.standing, found.reason) == (None, "undecided", "no results: model=mamba2")
    found = check({"metric": "cells/hard/accuracy", "above": 0.5}, seeds(tests=HIGH))
    assert (found.standing, found.reason) == ("undecided", "no finished run has cells/hard/accuracy")


def test_a_criterion_must_hold_in_each_arm_that_it_is_about() -> None:
    results = [
        r for model, tests in (("a", HIGH), ("b", MIDDLE), ("c", WIDE)) for r in seeds(model, tests=tests)
    ]
    found = check({"above": 0.8}, results)
    assert (found.standing, found.reason) == (
        "not met",
        "the whole interval is on the wrong side (b, the weakest of 3 arms)",
    )
    assert found.observed is not None
    assert found.observed.mean == pytest.approx(0.65)
    assert (
        check({"above": 0.8}, [r for r in results if "b" not in r.config["model"]["mixer"]]).standing
        == "undecided"
    )


def test_survivors_do_not_meet_a_criterion() -> None:
    results = [*seeds(tests=HIGH), run(seed=3, status="diverged")]
    found = check({"above": 0.8}, results)
    assert (found.standing, found.reason) == (
        "undecided",
        "without 1 of the seeds of softmax, which did not finish",
    )
    assert check({"below": 0.8}, results).standing == "not met"


@pytest.mark.parametrize("status", ["waiting", "running", "unfinished", "preempted", "failed"])
@pytest.mark.parametrize(
    "label", ["model=a seed=3", "model=a,b", "seed=3", "+model=a", "model='a'", "a-mqar-s3"]
)
def test_part_of_an_arm_decides_nothing(label: str, status: str) -> None:
    results = seeds("a", tests=MIDDLE) + seeds("b", tests=HIGH)
    loss = Loss(label=label, status=status, error="", console_file="")
    declared = experiment({"where": {"model": ["a", "a,b"]}, "above": 0.8})
    (found,) = judge(declared, results=results, losses=[loss]).checks
    assert found.standing == "undecided"
    assert found.reason == "1 job has no result yet; so far: the whole interval is on the wrong side"
    assert found.observed is not None


def test_what_other_arms_miss_does_not_matter() -> None:
    results = seeds("a", tests=MIDDLE) + seeds("b", tests=HIGH)
    lost = {"model=b seed=3": "waiting", "model=a seed=3": "diverged", "model=c task=mqar": "failed"}
    losses = [Loss(label=label, status=status, error="", console_file="") for label, status in lost.items()]
    of_a, of_both, gap_to_b = (
        {"where": {"model": "a"}, "above": 0.8},
        {"where": {"model": ["a", "b"]}, "above": 0.8},
        {"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.0},
    )
    checks = judge(experiment(of_a, of_both, gap_to_b), results=results, losses=losses).checks
    assert [check.standing for check in checks] == ["not met", "undecided", "undecided"]


def test_a_run_is_known_by_its_record_where_its_label_says_nothing() -> None:
    results = seeds("a", tests=MIDDLE) + seeds("b", tests=HIGH)
    again = Loss(label="x", status="waiting", error="", console_file=f"runs/{results[-1].run_id}/console.log")
    declared = experiment({"where": {"model": "a"}, "above": 0.8}, {"where": {"model": "b"}, "above": 0.8})
    checks = judge(declared, results=results, losses=[again]).checks
    assert [check.standing for check in checks] == ["not met", "undecided"]


@pytest.mark.parametrize(
    "bar, partner, standing",
    [
        ({"above": 0.1}, 0.95, "undecided"),
        ({"above": 0.1}, 0.9, "undecided"),
        ({"above": 0.1}, 0.85, "not met"),
        ({"between": [0.1, 0.2]}, 0.95, "undecided"),
        ({"below": 0.1}, 0.95, "met"),
    ],
)
def test_a_gap_that_the_ceiling_leaves_no_room_for_is_undecided(
    bar: dict[str, Any], partner: float, standing: str
) -> None:
    results = seeds("a", tests=[partner - 0.02, partner, partner + 0.02]) + seeds("b", tests=[partner] * 3)
    found = check({"where": {"model": "a"}, "gap_to": {"model": "b"}, **bar}, results)
    assert found.standing == standing
    assert ("no arm can be 10 points above b, which is at 9" in found.reason) == (standing == "undecided")


def test_an_arm_that_is_clearly_worse_misses_also_a_bar_out_of_reach() -> None:
    results = seeds("a", tests=[0.5, 0.51, 0.52]) + seeds("b", tests=[0.95] * 3)
    assert (
        check({"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.1}, results).standing
        == "not met"
    )


def test_the_ceiling_is_the_task_s() -> None:
    results = seeds("a", tests=[0.58, 0.6, 0.62]) + seeds("b", tests=[0.6] * 3)
    results = [replace(result, bounds={**result.bounds, "best_accuracy": 0.65}) for result in results]
    found = check({"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.1}, results)
    assert found.reason == "no arm can be 10 points above b, which is at 60.0 % of at most 65.0 %"


def test_a_gap_is_taken_seed_by_seed() -> None:
    results = seeds("a", tests=[0.5, 0.7, 0.9]) + seeds("b", tests=[0.3, 0.5, 0.7])
    found = check({"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.19}, results)
    assert found.standing == "met"
    assert found.observed is not None
    assert found.observed.values == pytest.approx((0.2, 0.2, 0.2))


def test_a_gap_to_one_arm_may_be_asked_of_all_others() -> None:
    results = [r for m, t in (("a", HIGH), ("b", MIDDLE), ("c", [0.1, 0.1, 0.1])) for r in seeds(m, tests=t)]
    found = check({"gap_to": {"model": "c"}, "above": 0.4}, results)
    assert found.standing == "met"
    assert "(b, the weakest of 2 arms)" in found.reason


def test_of_several_arms_to_compare_with_the_one_of_the_same_recipe_is_taken() -> None:
    results = [
        r
        for model, recipe, base in (("a", "x", 0.9), ("a", "y", 0.5), ("b", "x", 0.7), ("b", "y", 0.3))
        for r in seeds(model, tests=[base, base, base], choices={"recipe": recipe})
    ]
    found = check({"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.19}, results)
    assert found.observed is not None
    assert (found.standing, found.observed.mean) == ("met", pytest.approx(0.2))
    found = check(
        {"where": {"model": "a"}, "gap_to": {"recipe": ["x", "y"], "model": "b"}, "above": 0}, results
    )
    assert found.reason.startswith("recipe=x,y model=b means 2 arms (b, x, b, y); name one of them")
    found = check({"where": {"model": "a"}, "gap_to": {"model": "c"}, "above": 0}, results)
    assert found.reason.startswith("no results: model=c")


def test_divergence_is_counted_over_all_settings() -> None:
    results = [*seeds(tests=HIGH), run(learning_rate=1.0, status="diverged")]
    assert check({"metric": "diverged", "equals": 0}, seeds(tests=HIGH)).standing == "met"
    found = check({"metric": "diverged", "equals": 0}, results)
    assert (found.standing, found.reason) == ("not met", "1 of 4 runs")
    crashed = [*seeds(tests=HIGH), run(seed=5, status="failed")]
    found = check({"metric": "diverged", "equals": 0}, crashed)
    assert (found.standing, found.reason) == ("undecided", "1 job has no result yet; so far: 0 of 3 runs")
    found = check({"metric": "diverged", "below": 0.5}, seeds(tests=HIGH))
    assert (found.standing, found.reason) == ("undecided", "0 of 3 runs; the interval straddles the bar")
    assert check({"metric": "diverged", "equals": 0}, [run(status="failed")]).standing == "undecided"


def test_the_share_of_solved_seeds_counts_diverged_ones_as_unsolved() -> None:
    results = [*seeds(tests=[0.95, 0.99, 0.3]), run(seed=3, status="diverged")]
    found = check({"metric": "solved", "equals": 0.5}, results)
    assert found.standing == "met"
    assert found.observed is not None
    assert (found.observed.mean, found.observed.n) == (0.5, 4)
    assert check({"metric": "solved", "above": 0.5}, seeds(tests=[0.95] * 6)).standing == "met"


def test_the_share_of_solved_seeds_is_wider_after_a_choice() -> None:
    rates = [r for rate in (1e-3, 3e-3, 1e-2) for r in seeds(tests=[0.95] * 5, learning_rate=rate)]
    one, best = (check({"metric": "solved", "above": 0.1}, runs).observed for runs in (rates[:5], rates))
    assert one is not None
    assert best is not None
    assert (one.level, best.level) == (pytest.approx(0.95), pytest.approx(level_for(3)))
    assert (one.low, best.low) == (pytest.approx(0.478, abs=0.001), pytest.approx(0.422, abs=0.001))


def test_counts_need_no_seeds() -> None:
    assert check({"metric": "n_parameters", "equals": 1234}, [run()]).standing == "met"
    assert check({"metric": "state_floats", "below": 99}, [run()]).standing == "not met"


def test_costs_and_cells_are_metrics() -> None:
    assert check({"metric": "cost/seconds", "below": 3.1}, seeds(tests=HIGH)).standing == "met"
    assert check({"metric": "cells/default/accuracy", "above": 0.8}, seeds(tests=HIGH)).standing == "met"


def test_a_value_that_is_not_finite_is_no_value() -> None:
    results = seeds(tests=[*HIGH, 0.9])
    broken = [replace(results[0], metrics={**results[0].metrics, "test/accuracy": None}), *results[1:]]
    assert check({"above": 0.5}, broken).standing == "undecided"


def test_after_a_choice_intervals_are_wider() -> None:
    tests = [0.82, 0.86, 0.9]
    rates = [r for rate in (1e-3, 3e-3, 1e-2) for r in seeds(tests=tests, learning_rate=rate)]
    one, best = check({"above": 0.5}, seeds(tests=tests)).observed, check({"above": 0.5}, rates).observed
    assert one is not None
    assert best is not None
    assert (one.level, best.level) == (pytest.approx(0.95), pytest.approx(1 - 0.08 / 3))
    assert best.low is not None
    assert one.low is not None
    assert best.low < one.low
    assert level_for(1) == level_for(0) == pytest.approx(0.95)


def test_a_gap_is_as_wide_as_the_larger_of_two_choices_demands() -> None:
    chosen = [r for rate in (1e-3, 3e-3, 1e-2) for r in seeds("a", tests=HIGH, learning_rate=rate)]
    found = check(
        {"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0}, chosen + seeds("b", tests=MIDDLE)
    )
    assert found.observed is not None
    assert found.observed.level == pytest.approx(level_for(3))
