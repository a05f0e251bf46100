"""``mad.load`` in a notebook: a list of results, and a table of them."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mad
from mad.browse.results import Results
from tests.browse.records import EXPERIMENT, left
from tests.report.judging.runs import run
from tests.report.judging.test_experiment import written


def loaded() -> Any:
    """Two models, two seeds of one, one that diverged."""
    written(Path())
    left(run("softmax", seed=0, test=0.9), where=EXPERIMENT)
    left(run("softmax", seed=1, test=0.8, learning_rate=1e-2), where=EXPERIMENT)
    left(run("gqa", status="diverged", choices={"recipe": "published_008"}), where=EXPERIMENT)
    return mad.load("008")  # type: ignore[operator]


def test_results_are_a_list_with_rows() -> None:
    results = loaded()
    assert isinstance(results, list)
    assert [result.run_id for result in results] == sorted(result.run_id for result in results)
    rows = sorted(results.rows(), key=lambda row: (row["model"], row["seed"]))
    assert [(row["model"], row["seed"], row["learning_rate"]) for row in rows] == [
        ("gqa", 0, 1e-3),
        ("softmax", 0, 1e-3),
        ("softmax", 1, 1e-2),
    ]
    assert [row["test/accuracy"] for row in rows] == [None, 0.9, 0.8]
    assert [row["status"] for row in rows] == ["diverged", "finished", "finished"]
    assert next(iter(rows[0])) == "run"
    assert list(rows[0])[-1] == "state_floats"


def test_a_choice_that_differs_is_a_column_and_one_that_follows_is_none() -> None:
    results = Results(
        [run("softmax", choices={"recipe": recipe}) for recipe in ("none", "published_008")]
        + [run("gqa", choices={"memory": "other"})]
    )
    assert {"model", "recipe"} <= results.rows()[0].keys()
    assert "memory" not in results.rows()[0]
    assert "task" not in results.rows()[0]


def test_of_what_was_not_run_there_is_nothing() -> None:
    written(Path())
    results = mad.load("008")  # type: ignore[operator]
    assert (results, results.rows()) == ([], [])
    with pytest.raises(ValueError, match="no experiment '777'"):
        mad.load("777")  # type: ignore[operator]


def test_a_broken_result_is_named_rather_than_left_out() -> None:
    next(Path(EXPERIMENT).glob("*"), loaded())
    next(Path(EXPERIMENT).glob("*/result.json")).write_text("{")
    with pytest.raises(ValueError, match=r"result\.json is no JSON"):
        mad.load("008")  # type: ignore[operator]


def test_a_frame_is_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = ModuleType("pandas")
    pandas.DataFrame = list  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    results = loaded()
    assert results.frame() == results.rows()


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'mad\[notebook\]'"):
        Results().frame()


def test_a_frame_of_pandas_itself() -> None:
    pytest.importorskip("pandas", reason="pandas is an extra: pip install 'mad[notebook]'")
    frame = loaded().frame()
    assert len(frame) == 3
    assert frame["test/accuracy"].max() == 0.9


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        mad.lod  # noqa: B018
