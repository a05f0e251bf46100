"""Selectors: which runs they mean."""

from typing import Any

import pytest

from mad.report.judging.selector import canonical, matches, text_of
from tests.report.judging.runs import run
from tests.results import small_result


@pytest.mark.parametrize(
    "selector, is_meant",
    [
        ({}, True),
        ({"model": "softmax"}, True),
        ({"model": "cosformer"}, False),
        ({"model": ["cosformer", "softmax"]}, True),
        ({"trainer.learning_rate": "1e-3"}, True),
        ({"trainer.learning_rate": 0.001, "model": "softmax"}, True),
        ({"trainer.steps": 1000.0}, True),
        ({"trainer.steps": 10}, False),
        ({"trainer.nothing": None}, False),
        ({"model.width": None}, True),
        ({"memory": "linear"}, False),
    ],
)
def test_a_selector_means_the_runs_that_chose_so(selector: dict[str, Any], is_meant: bool) -> None:
    assert matches(selector, run("softmax", width=None)) == is_meant


def test_a_record_without_choices_is_meant_by_its_config_only() -> None:
    old = run()
    bare = {key: value for key, value in old.config.items() if key != "asked"}
    result = small_result({**bare, "results": "nowhere"})
    assert matches({"trainer.steps": 1000}, result)
    assert not matches({"model": "softmax"}, result)


@pytest.mark.parametrize("value", [1e-3, "1e-3", "0.001"])
def test_equal_numbers_are_spelled_alike(value: Any) -> None:
    assert canonical(value) == "0.001"


def test_what_differs_is_spelled_otherwise() -> None:
    values = [True, 1, None, "none", "softmax", "nan", [1, 2], [2, 1], {"a": 1}, "", 10**400]
    assert len({canonical(value) for value in values}) == len(values)


def test_a_selector_is_written_as_it_is_typed() -> None:
    assert (
        text_of({"model": ["a", "b"], "model.width": 0.5, "x.y": None})
        == "model=a,b model.width=0.5 x.y=null"
    )
    assert text_of({}) == "every arm"
