"""A run's identity is its meaning: all of it, and nothing else."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mad.report import identity as module
from mad.report.identity import NOT_MEANING, code_hash, identity, run_name

CONFIG: dict[str, Any] = {
    "model": {
        "_target_": "mad.model.Model",
        "d_model": 64,
        "mixers": None,
        "mixer": {
            "_target_": "mad.mixers.attention.Attention",
            "memory": {
                "_target_": "mad.mixers.log_linear.LogLinear",
                "features": {"_target_": "mad.mixers.features.Cosine", "horizon": 64},
            },
        },
    },
    "task": {"_target_": "mad.tasks.mqar.MQAR", "seq_len": 64, "eval": [{"seq_len": 128}, {"seq_len": 256}]},
    "trainer": {"learning_rate": 0.001, "steps": 1000, "betas": [0.9, 1.0], "tied": True, "stop_at": None},
    "seed": 0,
    "results": None,
    "track": {"console": True},
    "launch": {"jobs": None},
    "allow": [],
    "experiment": None,
}


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same, in another key order, with whole numbers spelled as either int or float."""
    if isinstance(value, dict):
        keys = rng.sample(list(value), len(value))
        return {key: shuffled(value[key], rng) for key in keys}
    if isinstance(value, list):
        return [shuffled(entry, rng) for entry in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return rng.choice([int, float])(value)
    return value


def test_order_and_spelling_mean_nothing() -> None:
    found = {identity(shuffled(CONFIG, random.Random(case))) for case in range(1000)}
    assert len(found) == 1


@pytest.mark.parametrize("key", ["results", "track", "launch", "allow", "experiment"])
def test_where_and_how_a_run_is_made_means_nothing(key: str) -> None:
    assert identity({**CONFIG, key: {"name": "another"}}) == identity(CONFIG)
    assert identity({name: value for name, value in CONFIG.items() if name != key}) == identity(CONFIG)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all plain values."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [leaf for key, entry in entries for leaf in leaves(entry, (*path, key))] or [path]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one value replaced."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


MEANING = {key: value for key, value in CONFIG.items() if key not in NOT_MEANING}


@given(
    st.sampled_from(leaves(MEANING)),
    st.sampled_from([None, True, False, -1, 0.5, 63, "64", "", [], {}, [64]]),
)
@settings(max_examples=300)
def test_any_other_value_is_another_run(path: tuple[Any, ...], new: Any) -> None:
    old: Any = MEANING
    for key in path:
        old = old[key]
    same = old == new and type(old) is type(new)
    assert (identity(changed(MEANING, path, new)) == identity(MEANING)) == same


def test_values_that_look_alike_are_told_apart() -> None:
    values = [1, "1", True, [1], {"1": 1}, None, "null", "", 0, False, [], {}]
    assert len({identity({"x": value}) for value in values}) == len(values)


def test_the_order_of_a_list_means_something() -> None:
    assert identity({"x": [1, 2]}) != identity({"x": [2, 1]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_cannot_be_written_down_has_no_identity(value: Any) -> None:
    with pytest.raises(ValueError, match="a config expects text, finite numbers, lists and mappings"):
        identity({"x": value})


def test_a_name_is_readable_and_ends_in_the_hash() -> None:
    assert run_name(CONFIG, "0123456789abcdef") == "log_linear-cosine-mqar-s0-0123456789"


def test_a_hybrid_is_named_after_its_layers() -> None:
    soft = {
        "_target_": "mad.mixers.attention.Attention",
        "memory": {"_target_": "mad.mixers.softmax.Softmax"},
    }
    mixers = [soft, CONFIG["model"]["mixer"], soft, {"_target_": "mad.mixers.ssm.S4D"}]
    config = {**CONFIG, "model": {**CONFIG["model"], "mixers": mixers}}
    assert run_name(config, "0123456789") == "softmax-log_linear_cosine-s4-d-mqar-s0-0123456789".replace(
        "s4-d", "s4_d"
    )


@given(st.text(), st.text(), st.text() | st.integers())
def test_no_config_can_name_a_folder_elsewhere(model: str, task: str, seed: Any) -> None:
    name = run_name({"model": {"_target_": model}, "task": {"_target_": task}, "seed": seed}, "0123456789")
    assert Path(name).name == name
    assert name.isascii()
    assert len(name) < 100
    assert not name.startswith(("-", "."))


def test_the_code_is_that_which_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "model.py",
        "mixers/linear.py",
        "report/result.py",
        "launch/pool.py",
        "run.py",
        "tasks/__main__.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one = 1\n")
    monkeypatch.setattr(module, "_root", lambda package: tmp_path)

    def hash_after(name: str) -> str:
        (tmp_path / name).write_text((tmp_path / name).read_text() + "two = 2\n")
        code_hash.cache_clear()
        return code_hash()

    code_hash.cache_clear()
    before = code_hash()
    assert hash_after("report/result.py") == before
    assert hash_after("launch/pool.py") == before
    assert hash_after("run.py") == before
    assert hash_after("tasks/__main__.py") == before
    assert hash_after("mixers/linear.py") != before
    assert hash_after("model.py") != before
    code_hash.cache_clear()


def test_an_allowed_package_is_part_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lodger.py").write_text("class Memory: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with_it = code_hash(("lodger",))
    assert with_it != code_hash()
    (tmp_path / "lodger.py").write_text("class Memory: changed = True\n")
    code_hash.cache_clear()
    assert code_hash(("lodger",)) != with_it


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="the allowed package 'nowhere_at_all' cannot be found"):
        code_hash(("nowhere_at_all",))
