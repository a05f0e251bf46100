"""Which choice moves the accuracy, all else equal."""

import pytest

from mad.report.judging.arms import groups_of
from mad.report.judging.effects import differing, effects
from mad.report.judging.experiment import Experiment
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
    assert sorted(recipe.entailed[0].partition(": ")[2].split(" -> ")) == ["0.0", "0.1"]
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
