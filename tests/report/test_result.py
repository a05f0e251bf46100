"""A result is written and read without loss, and never holds a number that is none."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mad.report.result import Result, finite
from tests.results import small_config, small_result


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """A result as a run leaves it."""
    return small_result(small_config(tmp_path))


def test_what_is_written_is_what_is_read(result: Result) -> None:
    assert Result.from_json(result.to_json()) == result


@given(
    st.recursive(
        st.floats() | st.integers() | st.text() | st.none(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_json_holds_nan_or_infinity(value: object) -> None:
    text = json.dumps(finite(value), allow_nan=False)
    assert json.loads(text) == finite(value)


def test_a_number_that_is_not_finite_becomes_null(result: Result) -> None:
    diverged = replace(result, metrics={"train/loss_nats": math.nan, "test/accuracy": -math.inf})
    assert Result.from_json(diverged.to_json()).metrics == {"train/loss_nats": None, "test/accuracy": None}


def test_two_runs_are_compared_without_clock_and_machine(result: Result) -> None:
    elsewhere = replace(result, cost={"seconds": 99.0}, stamp={"device": "another"})
    assert elsewhere.determined() == result.determined()
    assert replace(result, steps=11).determined() != result.determined()


@pytest.mark.parametrize("status", ["done", "", None])
def test_a_status_is_one_of_four(result: Result, status: str) -> None:
    with pytest.raises(ValueError, match="status expects one of finished, diverged, preempted, failed"):
        replace(result, status=status)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", "{}", '{"run_id": "x"}', "null", "NaN"],
)
def test_what_is_no_result_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Result.from_json(broken)


def test_unknown_fields_and_nan_tokens_are_refused(result: Result) -> None:
    fields = {key: value for key, value in json.loads(result.to_json()).items() if key != "sha256"}
    with pytest.raises(ValueError, match="is no result"):
        Result.from_json(json.dumps({**fields, "extra": 1}))
    with pytest.raises(ValueError, match="a number is NaN"):
        Result.from_json(json.dumps({**fields, "steps": math.nan}))


def test_a_changed_digit_is_no_result(result: Result) -> None:
    text = result.to_json()
    places = [index for index, letter in enumerate(text) if letter.isdecimal()]
    for place in places[:: max(len(places) // 200, 1)]:
        changed = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
        with pytest.raises(ValueError, match=r"is no (result|JSON)"):
            Result.from_json(changed)


def test_a_record_from_before_there_were_seals_is_read(result: Result) -> None:
    record = json.loads(result.to_json())
    del record["sha256"]
    with pytest.raises(ValueError, match="its seal does not fit"):
        Result.from_json(json.dumps(record))
    del record["curves_sha256"]
    assert Result.from_json(json.dumps(record)) == result
