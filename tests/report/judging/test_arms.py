"""Arms: what is grouped, how it is named, and which setting is the best."""

from dataclasses import replace
from typing import Any

import pytest

from mad.report.judging.evidence import Loss
from mad.report.judging.judge import judge
from mad.report.result import Result
from tests.report.judging.runs import experiment, run, seeds


def names(results: list[Result], **keys: Any) -> list[str]:
    """The names of the arms."""
    return [arm.name for arm in judge(experiment(**keys), results=results).arms]


def test_runs_that_differ_in_seed_and_learning_rate_are_one_arm() -> None:
    results = seeds(tests=[0.5, 0.6]) + seeds(tests=[0.7, 0.8], learning_rate=3e-3)
    (arm,) = judge(experiment(), results=results).arms
    assert (arm.name, arm.choices) == ("softmax", {})
    assert [setting.value for setting in arm.settings] == [0.001, 0.003]
    assert [result.config["seed"] for result in arm.best.results] == [0, 1]
    assert arm.best.test is not None
    assert arm.best.test.values == (0.7, 0.8)
    assert (arm.n_parameters, arm.state_floats, arm.bounds["floor_accuracy"]) == (1234, 99, 0.25)
    assert arm.cells["default"].mean == arm.metrics["test/accuracy"].mean == pytest.approx(0.75)


def test_without_a_search_the_learning_rate_tells_arms_apart() -> None:
    results = [run(), run(learning_rate=3e-3)]
    assert names(results, search=None) == ["learning_rate=0.001", "learning_rate=0.003"]
    (first, _) = judge(experiment(search=None), results=results).arms
    assert first.best.value is None


def test_what_follows_from_another_axis_is_no_axis() -> None:
    results = [
        run(model, choices={"recipe": recipe, "trainer": f"of_{recipe}", "memory": f"of_{model}"})
        for model in ("a", "b")
        for recipe in ("none", "published")
    ]
    assert names(results) == ["a, no recipe", "a, published", "b, no recipe", "b, published"]


def test_a_swept_key_is_an_axis() -> None:
    results = [run(model, embedding_std=std) for model in ("a", "b") for std in (0.02, 1.0)]
    evidence = judge(experiment(), results=results)
    assert [arm.name for arm in evidence.arms] == [
        "a, embedding_std=0.02",
        "a, embedding_std=1.0",
        "b, embedding_std=0.02",
        "b, embedding_std=1.0",
    ]
    assert evidence.arms[0].choices == {"model": "a", "model.embedding_std": 0.02}


def without_choices(result: Result) -> Result:
    """As records were before they said what was chosen."""
    return replace(result, config={key: value for key, value in result.config.items() if key != "asked"})


def test_a_record_without_choices_is_named_by_its_readable_name() -> None:
    named = {"softmax": "softmax-mqar-s0-7d7de2f48b", "delta": "delta-silu-mqar-s0-11a2bc473e"}
    results = [replace(without_choices(run(model)), run_id=name) for model, name in named.items()]
    assert names(results) == ["delta-silu-mqar", "softmax-mqar"]
    assert names(results[:1]) == ["softmax-mqar"]


def test_records_whose_names_agree_are_told_apart_by_what_differs() -> None:
    results = [without_choices(run(width=width)) for width in (16, 32)]
    assert names(results) == ["width=16", "width=32"]


def test_arms_stand_in_the_order_of_their_roles_and_then_of_accuracy() -> None:
    tests = {"softmax": 1.0, "vanilla": 0.2, "base_a": 0.5, "base_b": 0.6, "mine": 0.4, "other": 0.9}
    roles = {
        "candidate": {"model": "mine"},
        "baselines": [{"model": "base_a"}, {"model": "base_b"}],
        "positive_control": {"model": "softmax"},
        "negative_control": {"model": "vanilla"},
    }
    evidence = judge(experiment(roles=roles), results=[run(m, test=t) for m, t in tests.items()])
    assert [(arm.name, arm.role) for arm in evidence.arms] == [
        ("mine", "candidate"),
        ("base_b", "baseline"),
        ("base_a", "baseline"),
        ("softmax", "positive control"),
        ("vanilla", "negative control"),
        ("other", ""),
    ]


def test_the_best_setting_is_chosen_on_validation_never_on_test() -> None:
    results = [run(test=0.2, validation=0.9), run(test=0.8, validation=0.5, learning_rate=3e-3)]
    (arm,) = judge(experiment(), results=results).arms
    assert arm.best.value == 0.001


def test_of_equal_settings_the_smaller_is_best() -> None:
    results = [run(learning_rate=rate) for rate in (1e-2, 1e-3, 3e-3)]
    (arm,) = judge(experiment(), results=results).arms
    assert arm.best.value == 0.001


def test_a_setting_is_not_praised_for_its_survivors() -> None:
    fast = [run(seed=seed, learning_rate=1e-2, status="diverged") for seed in (0, 1)]
    fast.append(run(seed=2, learning_rate=1e-2, test=1.0))
    (arm,) = judge(experiment(), results=fast + seeds(tests=[0.8, 0.8, 0.8])).arms
    assert arm.best.value == 0.001
    assert [setting.n_failed for setting in arm.settings] == [0, 2]


def test_an_arm_that_only_diverged_is_still_shown() -> None:
    (arm,) = judge(experiment(), results=[run(status="diverged"), run(seed=1, status="failed")]).arms
    assert (arm.best.test, arm.best.validation, arm.best.n_failed, arm.solved) == (None, None, 2, 0)


def test_a_seed_that_a_setting_was_never_asked_for_has_not_failed() -> None:
    results = seeds(tests=[0.5, 0.6, 0.7]) + seeds(tests=[0.7], learning_rate=3e-3)
    (arm,) = judge(experiment(), results=results).arms
    assert [(setting.n_failed, setting.n_open) for setting in arm.settings] == [(0, 0), (0, 0)]


def test_what_was_asked_for_and_has_not_ended_is_open() -> None:
    results = [*seeds(tests=[0.5, 0.6]), run(seed=2, status="preempted"), run("b")]
    losses = [
        Loss(
            label=f"model=softmax trainer.learning_rate={rate} seed=3",
            status=status,
            error="",
            console_file="",
        )
        for rate, status in ((1e-3, "waiting"), (1e-3, "failed"), (3e-3, "running"))
    ]
    arm = next(
        arm for arm in judge(experiment(), results=results, losses=losses).arms if arm.name == "softmax"
    )
    counted = [(each.value, len(each.results), each.n_failed, each.n_open) for each in arm.settings]
    assert counted == [(0.001, 2, 1, 2), (0.003, 0, 0, 1)]


@pytest.mark.parametrize("rate", ["nan", "inf", "high", "${x}", ""])
def test_a_label_without_a_number_is_of_no_setting(rate: str) -> None:
    label = f"model=softmax trainer.learning_rate={rate} seed=3"
    loss = Loss(label=label, status="waiting", error="", console_file="")
    (arm,) = judge(experiment(), results=seeds(tests=[0.5, 0.6]), losses=[loss]).arms
    assert [(each.value, each.n_open) for each in arm.settings] == [(0.001, 0)]


@pytest.mark.parametrize("n, best", [(1, 0.001), (2, 0.001), (3, 0.003)])
def test_a_setting_with_fewer_seeds_is_not_chosen(n: int, best: float) -> None:
    results = seeds(tests=[0.5, 0.6, 0.7]) + seeds(tests=[0.9] * n, learning_rate=3e-3)
    (arm,) = judge(experiment(), results=results).arms
    assert arm.best.value == best
    assert [setting.is_eligible for setting in arm.settings] == [True, n == 3]


def test_a_seed_more_makes_no_setting_better() -> None:
    results = seeds(tests=[0.95, 0.95, 0.96]) + seeds(tests=[0.5] * 4, learning_rate=1e-2)
    (arm,) = judge(experiment(), results=results).arms
    assert arm.best.value == 0.001


def test_where_the_grid_has_five_seeds_three_are_too_few_to_be_chosen() -> None:
    results = seeds(tests=[0.5] * 5) + seeds(tests=[0.9] * 3, learning_rate=1e-2)
    (arm,) = judge(replace(experiment(), grid={"seed": "0,1,2,3,4"}), results=results).arms
    assert arm.best.value == 0.001


def test_an_arm_is_meant_by_what_any_of_its_runs_was_asked_for() -> None:
    results = seeds(tests=[0.95, 0.96, 0.97])
    words = {
        **results[0].config["asked"],
        "choices": {**results[0].config["asked"]["choices"], "model": "old"},
    }
    results[0] = replace(results[0], config={**results[0].config, "asked": words})
    evidence = judge(experiment({"where": {"model": "softmax"}, "above": 0.8}), results=results)
    assert evidence.verdict == "PROCEED"
    assert (
        judge(experiment(roles={"candidate": {"model": "old"}}), results=results).arms[0].role == "candidate"
    )


def test_a_copied_run_counts_once() -> None:
    results = seeds(tests=[0.95, 0.96, 0.97])
    copies = [replace(results[0], run_id="zz-copy"), results[1]]
    evidence = judge(experiment({"above": 0.8}), results=[*results, *copies])
    assert [result.run_id for result in evidence.results] == sorted(result.run_id for result in results)
    assert evidence.arms[0].best.test == judge(experiment(), results=results).arms[0].best.test
    assert f"zz-copy is a copy of {results[0].run_id} and does not count" in evidence.reasons
    assert f"{results[1].run_id} is recorded twice and counts once" in evidence.reasons


def test_a_search_without_numbers_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"experiment\.search expects a key with numbers; model\._target_ is"
    ):
        judge(experiment(search="model._target_"), results=[run()])


def test_the_order_of_the_results_changes_nothing() -> None:
    results = [
        r
        for model in "abc"
        for r in seeds(model, tests=[0.5, 0.9]) + seeds(model, tests=[0.6], learning_rate=0.1)
    ]
    assert judge(experiment(), results=results) == judge(experiment(), results=results[::-1])
