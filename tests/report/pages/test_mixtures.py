"""Whatever became of the runs, there is a report, and its verdict keeps to its rules."""

import random
from dataclasses import replace
from typing import Any

import pytest

from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.judge import judge
from mad.report.pages.log import sweep_entry
from mad.report.pages.page import markdown
from mad.report.pages.webpage import html
from mad.report.result import Result
from tests.report.judging.runs import experiment, run
from tests.report.pages.test_log import NOON

N_MIXTURES = 60

STATUSES = ("finished", "finished", "finished", "diverged", "failed", "preempted")

CRITERIA: list[dict[str, Any]] = [
    {"where": {"model": "a"}, "above": 0.5},
    {"where": {"model": "a"}, "gap_to": {"model": "b"}, "above": 0.1},
    {"where": {"recipe": "x"}, "gap_to": {"model": "c", "recipe": "y"}, "between": [-0.5, 0.5]},
    {"where": {"model": ["b", "c"]}, "metric": "solved", "above": 0.2, "published": "all"},
    {"metric": "diverged", "equals": 0},
    {"where": {"model": "b"}, "metric": "cells/default/accuracy", "below": 0.9, "decides": False},
    {"where": {"model.width": 8}, "metric": "cost/usd", "below": 1.0},
    {"where": {"model": "c"}, "metric": "state_floats", "equals": 99},
]

ROLES: dict[str, Any] = {
    "candidate": {"model": "a"},
    "baselines": [{"model": "b"}],
    "positive_control": {"model": "b"},
    "negative_control": {"model": "c"},
}


def mixture(rng: random.Random) -> Evidence:
    """An experiment of one to three axes, of which anything may have happened to any run."""
    losses, results = [], []
    calm = rng.random() < 0.5
    for label, options in grid(rng, calm=calm):
        if calm:
            results.append(run(**options, status=rng.choice(["finished"] * 60 + ["diverged"])))
            continue
        status = rng.choice(STATUSES)
        if rng.random() < 0.8:
            results.append(changed(run(**options, status=status), rng))
        if status != "finished" or rng.random() < 0.05:
            status = rng.choice([status, "waiting", "running", "unfinished"])
            losses.append(Loss(label=label, status=status, error="", console_file="runs/x/console.log"))
    if results and rng.random() < 0.3:
        results.append(replace(rng.choice(results), run_id="copy"))
    roles = {role: selector for role, selector in ROLES.items() if rng.random() < 0.7}
    declared = experiment(
        *(entry for entry in CRITERIA if rng.random() < 0.35),
        roles=roles,
        search=rng.choice([None, "trainer.learning_rate", "trainer.learning_rate", "trainer.nothing"]),
    )
    declared = replace(declared, grid=rng.choice([{}, {"seed": "0,1,2"}, {"seed": "range(3)"}]))
    return judge(declared, results=results, losses=losses)


def grid(rng: random.Random, *, calm: bool) -> list[tuple[str, dict[str, Any]]]:
    """Labels and choices of jobs, less those of rates and seeds that some arms were not asked for."""
    found = []
    middle = {model: rng.choice([0.3, 0.6, 0.95]) for model in "abc"}
    for model in "abc"[: rng.randint(1, 3)]:
        for recipe in "xy"[: rng.randint(1, 2)]:
            for width in (8, 16)[: rng.randint(1, 2)]:
                for rate in (1e-3, 1e-2)[: rng.randint(0, 2)]:
                    for seed in range(3 if calm else rng.randint(0, 3)):
                        options = {
                            "model": model,
                            "seed": seed,
                            "learning_rate": rate,
                            "choices": {"recipe": recipe},
                            "width": width,
                            "test": middle[model] + 0.02 * rng.random() if calm else rng.choice([0.25, 0.99]),
                        }
                        words = f"model={model} recipe={recipe} trainer.learning_rate={rate} seed={seed}"
                        found.append((words if rng.random() < 0.8 else f"{model}-s{seed}", options))
    return found


def changed(result: Result, rng: random.Random) -> Result:
    """The result with something odd about it, now and then."""
    odd = {
        "code": {"code": rng.choice("ab") * 64},
        "bounds": {"bounds": {"chance_accuracy": 0.25, "floor_accuracy": None, "best_accuracy": None}},
        "metrics": {"metrics": {"test/accuracy": None, "validation/accuracy": 0.5}},
        "cells": {"cells": {}},
        "stamp": {"stamp": {"state_floats": rng.choice([90, 99, 1000]), "started": "2026-11-23T10:00:00"}},
        "asked": {"config": {key: value for key, value in result.config.items() if key != "asked"}},
    }
    kind = rng.choice(["", "", "", "", "", "", *odd])
    return replace(result, **odd[kind]) if kind else result


@pytest.mark.parametrize("number", range(N_MIXTURES))
def test_a_report_is_written_whatever_became_of_the_runs(number: int) -> None:
    evidence = mixture(random.Random(number))
    curves = {result.run_id: [(10, 0.5)] for result in evidence.results if result.metrics}
    page, text = html(evidence, None, curves=curves), markdown(evidence, None, curves=curves)
    assert page == html(evidence, None, curves=curves)
    assert evidence.verdict in text
    assert f"verdict: **{evidence.verdict}**" in sweep_entry(evidence, at=NOON)


def test_no_mixture_breaks_the_rules_of_a_verdict() -> None:
    verdicts = []
    for number in range(5 * N_MIXTURES):
        evidence = mixture(random.Random(number))
        missing = [loss for loss in evidence.losses if loss.status != "diverged"]
        standings = {check.standing for check in evidence.checks if check.criterion.decides}
        if evidence.verdict == "PROCEED":
            assert not missing
            assert standings == {"met"}
        if evidence.verdict == "ABANDON":
            assert "not met" in standings
        if any("=" not in loss.label for loss in missing):
            assert standings <= {"undecided"}
        verdicts.append(evidence.verdict)
    assert set(verdicts) == {"PROCEED", "ABANDON", "UNDECIDED", "DEBUG"}
