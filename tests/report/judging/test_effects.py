"""Which choice moves the accuracy, all else equal."""

import random

import pytest

from mad.report.judging.arms import groups_of
from mad.report.judging.effects import differing, effects
from mad.report.judging.experiment import Experiment
from mad.report.judging.judge import judge
from tests.report.judging.runs import experiment, run, seeds
from tests.report.pages.examples import DECLARATION, result_of

RATE = "trainer.learning_rate"


def arms_of(accuracies, *, search=RATE):
    """Arms from ``{(model, recipe, rate): accuracy}``, two seeds each, that differ in what they choose."""
    results = []
    for number, ((model, recipe, rate), accuracy) in enumerate(accuracies.items()):
        for seed in (0, 1):
            made = result_of(
                model, rate=rate, seed=seed, accuracy=accuracy, state_floats=1, number=2 * number + seed
            )
            made.config["asked"]["choices"]["recipe"] = recipe
            made.config["model"]["dropout"] = 0.1 if recipe == "old" else 0.0
            results.append(made)
    experiment = Experiment.of({**DECLARATION, "search": search, "criteria": [], "roles": {}})
    return [group.arm for group in groups_of(experiment, results)]


GRID = {
    ("a", "old", 1e-3): 0.2,
    ("a", "new", 1e-3): 0.9,
    ("b", "old", 1e-3): 0.3,
    ("b", "new", 1e-3): 0.7,
}


def test_a_choice_is_weighed_once_in_each_surrounding():
    recipe, model = effects(arms_of(GRID), search=RATE)
    assert (recipe.axis, model.axis) == ("recipe", "model")
    assert sorted(span.width for span in recipe.spans) == pytest.approx([0.4, 0.7])
    assert recipe.median == pytest.approx(0.55)
    assert recipe.winner == ("new", 2)
    assert sorted(span.width for span in model.spans) == pytest.approx([0.1, 0.2])


def test_what_a_choice_entails_is_named_with_both_values():
    recipe, model = effects(arms_of(GRID), search=RATE)
    assert {entry.partition(":")[0] for entry in recipe.entailed} == {"model.dropout"}
    assert sorted(recipe.entailed[0].partition(": ")[2].split(" -> ")) == ["0", "0.1"]
    assert {entry.partition(":")[0] for entry in model.entailed} == {"model.kind"}


def test_the_searched_value_is_weighed_within_each_arm():
    known = {("a", "old", rate): value for rate, value in ((1e-3, 0.2), (3e-3, 0.8), (1e-2, 0.5))}
    (found,) = effects(arms_of(known), search=RATE)
    assert found.axis == RATE
    assert found.spans[0].width == pytest.approx(0.6)
    assert found.winner == ("0.003", 1)


def test_choices_that_always_go_together_are_one_axis_and_what_it_entails():
    (found,) = effects(
        arms_of({key: GRID[key] for key in (("a", "old", 1e-3), ("b", "new", 1e-3))}), search=RATE
    )
    assert found.axis == "model"
    assert {entry.partition(":")[0] for entry in found.entailed} == {"model.kind", "model.dropout"}


def test_equal_arms_differ_in_nothing():
    arm = arms_of(GRID)[0]
    assert differing([arm, arm]) == {}


def judged(results, **keys):
    """The arms of runs as an experiment leaves them."""
    return judge(experiment(**keys), results=results).arms


def test_an_arm_without_a_finished_run_is_weighed_with_the_others():
    results = seeds("a", tests=[0.9] * 3) + [run("b", seed=seed, status="diverged") for seed in range(3)]
    (found,) = effects(judged([*results, run("c", status="failed")]), search=RATE)
    assert (found.axis, found.values) == ("model", ("a", "b"))
    assert (found.spans[0].lowest, found.spans[0].highest) == (0.0, pytest.approx(0.9))
    assert differing(judged([run("a"), run("c", status="failed")])) == {"model.mixer": ("a", "c")}


def test_a_setting_at_which_all_diverged_counts_as_nothing():
    results = [*seeds(tests=[0.9, 0.8, 0.9]), run(learning_rate=1e-2, status="diverged")]
    (found,) = effects(judged(results), search=RATE)
    assert (found.values, found.spans[0].lowest) == (("0.001", "0.01"), 0.0)


def test_arms_are_compared_at_what_all_of_them_were_tried_at():
    results = [
        result
        for recipe, rates in (("old", {1e-3: 0.5}), ("new", {1e-3: 0.5, 1e-2: 0.9}))
        for rate, accuracy in rates.items()
        for result in seeds(tests=[accuracy] * 3, learning_rate=rate, choices={"recipe": recipe})
    ]
    recipe = next(found for found in effects(judged(results), search=RATE) if found.axis == "recipe")
    assert (recipe.median, recipe.compared_at, recipe.n_apart) == (0.0, ("0.001",), 0)
    apart = [
        r for r in results if r.config["trainer"] != {"learning_rate": 1e-3, "steps": 1000, "kind": "new"}
    ]
    recipe = next(found for found in effects(judged(apart), search=RATE) if found.axis == "recipe")
    assert (recipe.median, recipe.compared_at, recipe.n_apart) == (pytest.approx(0.4), (), 1)


def test_luck_is_measured_by_the_spread_of_the_seeds():
    wide = seeds("a", tests=[0.4, 0.5, 0.6]) + seeds("b", tests=[0.5, 0.6, 0.7])
    (found,) = effects(judged(wide), search=RATE)
    assert found.by_luck == pytest.approx(1.128 * 0.1 / 3**0.5, abs=1e-4)
    assert found.reach == pytest.approx(3.927 * 0.1 / 3**0.5, abs=1e-3)
    assert not found.stands_out
    narrow = seeds("a", tests=[0.49, 0.5, 0.51]) + seeds("b", tests=[0.59, 0.6, 0.61])
    assert effects(judged(narrow), search=RATE)[0].stands_out
    (found,) = effects(judged([run("a", test=0.1), run("b", test=0.9)]), search=RATE)
    assert (found.by_luck, found.reach, found.stands_out) == (None, None, False)


def test_of_200_experiments_in_which_nothing_matters_few_name_a_choice():
    named = 0
    for number in range(200):
        rng = random.Random(number)
        arms = judged(
            [
                result
                for model in "abcdefg"
                for recipe in "xy"
                for result in seeds(
                    model, tests=[rng.gauss(0.5, 0.05) for _ in range(3)], choices={"recipe": recipe}
                )
            ],
            search=None,
        )
        named += any(found.stands_out for found in effects(arms, search=None))
    assert named <= 20
