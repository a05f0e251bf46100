"""The guard refuses targets, keys and types that may not pass, and names the right thing."""

import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mad.door.guard import check, check_targets

SCHEMA: dict[str, Any] = {
    "model": {
        "_target_": "mad.model.Model",
        "d_model": 64,
        "dropout": 0.0,
        "mixers": None,
        "mixer": {"_target_": "mad.mixers.attention.Attention", "n_heads": 2, "bias": False, "gate": None},
    },
    "task": {"_target_": "mad.tasks.mqar.MQAR", "filler": "zero", "eval": [], "data": {"train": 5000}},
    "trainer": {"_target_": "mad.train.settings.Settings", "batch_size": 64, "betas": [0.9, 0.999]},
    "track": {},
    "allow": [],
    "seed": 0,
}


def with_value(path: str, value: Any) -> dict[str, Any]:
    """The schema's own values, but for one that may be new."""
    config = deepcopy(SCHEMA)
    *parents, last = path.split(".")
    node = config
    for key in parents:
        node = node.setdefault(key, {})
    node[last] = value
    return config


def test_what_the_schema_holds_may_pass() -> None:
    assert check(SCHEMA, SCHEMA) == SCHEMA


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("trainer.batchsize", 1, "unknown key trainer.batchsize; did you mean trainer.batch_size?"),
        ("batch_size", 1, "unknown key batch_size; did you mean trainer.batch_size?"),
        ("model.mixer.n_head", 1, "unknown key model.mixer.n_head; did you mean model.mixer.n_heads?"),
        ("model.n_heads", 1, "unknown key model.n_heads; did you mean model.mixer.n_heads?"),
        ("trainer.zzz", 1, "unknown key trainer.zzz; known: trainer.batch_size, trainer.betas"),
        ("zzz.zzz", 1, "unknown key zzz; known: allow, model, seed, task, track, trainer"),
        ("task._partial_", True, "unknown key task._partial_"),
    ],
)
def test_an_unknown_key_is_refused_naming_the_nearest(path: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check(with_value(path, value), SCHEMA)


def test_a_key_that_was_taken_away_is_missed() -> None:
    config = deepcopy(SCHEMA)
    del config["trainer"]["batch_size"]
    with pytest.raises(ValueError, match=r"trainer\.batch_size is missing"):
        check(config, SCHEMA)


@pytest.mark.parametrize(
    "path, value, message",
    [
        (
            "trainer.batch_size",
            "many",
            "trainer.batch_size expects a whole number, got 'many' (text); e.g. trainer.batch_size=64",
        ),
        ("trainer.batch_size", 64.5, "trainer.batch_size expects a whole number, got 64.5 (a number)"),
        ("trainer.batch_size", True, "trainer.batch_size expects a whole number, got True (true or false)"),
        ("trainer.batch_size", [64], "trainer.batch_size expects a whole number, got [64] (a list)"),
        (
            "model.dropout",
            "a lot",
            "model.dropout expects a number, got 'a lot' (text); e.g. model.dropout=0.0",
        ),
        ("model.dropout", float("nan"), "model.dropout expects a finite number, got nan"),
        ("model.mixer.bias", 1, "model.mixer.bias expects true or false, got 1 (a whole number)"),
        ("task.filler", 0, "task.filler expects text, got 0 (a whole number); e.g. task.filler=zero"),
        (
            "trainer.betas",
            0.9,
            "trainer.betas expects a list, got 0.9 (a number); e.g. trainer.betas=[0.9,0.999]",
        ),
        ("trainer.betas", ["x", 1], "trainer.betas[0] expects a number, got 'x' (text)"),
        ("task.eval", 3, "task.eval expects a list, got 3 (a whole number)"),
        ("task.data", 3, "task.data expects a mapping, got 3 (a whole number)"),
        ("task.data", None, "task.data expects a mapping, got None (null)"),
        ("model.mixer", "softmax", "model.mixer expects a mapping, got 'softmax' (text)"),
        ("seed", None, "seed expects a whole number, got None (null); e.g. seed=0"),
        ("allow", "torch", "allow expects a list of package names"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_an_example(path: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check(with_value(path, value), SCHEMA)


@pytest.mark.parametrize(
    "path, value, passed",
    [
        ("model.dropout", 0, 0.0),
        ("trainer.batch_size", 1e3, 1000),
        ("trainer.betas", [0, 1], [0.0, 1.0]),
        ("model.mixer.gate", "anything", "anything"),
        ("model.mixers", ["a", {"b": 1}], ["a", {"b": 1}]),
        ("task.eval", [{"n_pairs": 3}], [{"n_pairs": 3}]),
        ("trainer.batch_size", None, None),  # its constructor decides
        ("model.mixer", None, None),
        ("track", {"anything": 1}, {"anything": 1}),
    ],
)
def test_numbers_are_spelled_as_in_the_schema_and_free_places_stay_free(
    path: str, value: Any, passed: Any
) -> None:
    node: Any = check(with_value(path, value), SCHEMA)
    for key in path.split("."):
        node = node[key]
    assert node == passed
    assert type(node) is type(passed)


def test_another_target_brings_its_own_keywords() -> None:
    mixer = {"_target_": "mad.mixers.other.Other", "horizon": 3}
    assert check(with_value("model.mixer", mixer), SCHEMA)["model"]["mixer"] == mixer


def test_config_files_cannot_allow_packages() -> None:
    with pytest.raises(ValueError, match="only the command line may allow packages"):
        check(SCHEMA, {**SCHEMA, "allow": ["os"]})


targets = st.sampled_from(
    ["os.system", "builtins.exec", "madness.X", "a.b", "mad", "", "mad.x y", 3, None, ["mad.a.B"]]
)
nests = st.recursive(
    targets.map(lambda target: {"_target_": target}),
    lambda inner: st.one_of(
        st.tuples(st.text(max_size=3), inner).map(lambda pair: {pair[0]: pair[1]}),
        inner.map(lambda node: [1, node]),
        inner.map(lambda node: {"_target_": "mad.model.Model", "part": node}),
    ),
    max_leaves=1,
)


@given(nests)
def test_a_foreign_target_is_refused_at_any_depth(nest: Any) -> None:
    with pytest.raises(ValueError, match="_target_"):
        check_targets(nest, allow=["torch.nn"])


def test_an_allowed_package_may_be_named_and_its_neighbours_may_not() -> None:
    check_targets([{"a": {"_target_": "torch.nn.Linear"}}], allow=["torch.nn"])
    with pytest.raises(
        ValueError, match=r"\[0\]\.a: _target_ 'torch\.load' lies outside the allowed packages"
    ):
        check_targets([{"a": {"_target_": "torch.load"}}], allow=["torch.nn"])
