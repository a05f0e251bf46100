"""The results page says what was promised, what was found, and what was not measured."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.machine import Machine
from benchmarks.paired import Spread
from benchmarks.record import Record, Row, Target, publish, unmeasured
from benchmarks.report import rendered

MACHINE = Machine(
    cpu="some CPU",
    n_cores=2,
    threads=1,
    sgemm_gflops=98.0,
    load=0.0,
    gpu=None,
    python="3.11",
    torch="2.13",
    peers={"flash-linear-attention": None},
    commit="abc",
    dirty=False,
    date="2026-01-01",
)
ROW = Row(
    what="dense / ours",
    unit="x",
    observed=Spread(median=5.0, lowest=4.0, highest=7.0, n=9),
    target=Target(at_least=6.0),
    sides={"ours": Spread(median=0.004, lowest=0.003, highest=0.005, n=9)},
)


def page(*rows: Row, tried: dict[str, str] | None = None) -> str:
    """The page of one record."""
    return rendered([Record(name="some", about="About.", machine=MACHINE, rows=rows)], tried or {})


def line(text: str, what: str) -> str:
    """The table line that begins with these words."""
    return next(entry for entry in text.splitlines() if entry.startswith(f"| {what}"))


def test_a_missed_target_is_said_to_be_missed_with_what_was_tried() -> None:
    other = dataclasses.replace(ROW, what="folded / ours")
    text = page(ROW, other, tried=dict.fromkeys((ROW.what, other.what), "A larger chunk was slower."))
    assert "**0 of 2 targets are met, 2 missed.**" in text
    for what in ("dense / ours", "folded / ours"):
        assert f"- Missed: {what}: 5 (4..7) x instead of ≥ 6 x." in text
    assert text.count("A larger chunk was slower.") == 1
    assert line(text, "dense") == "| dense / ours | 5 (4..7) x | ≥ 6 x | **missed** | ours 4 ms |  |"
    assert "No attempt is on record" in page(ROW)


def test_a_target_that_is_met_is_not_among_the_missed() -> None:
    text = page(dataclasses.replace(ROW, target=Target(at_most=5.0)))
    assert "**1 of 1 targets are met, 0 missed.**" in text
    assert "Missed" not in text
    assert "| met |" in line(text, "dense")


def test_what_was_not_measured_and_who_was_absent_is_said() -> None:
    text = page(unmeasured("the same on CUDA", "no GPU at hand"))
    assert line(text, "the same") == "| the same on CUDA |  |  | not measured |  | no GPU at hand |"
    assert "flash-linear-attention is not installed" in text
    assert "GPU: none" in text


def test_a_row_without_a_promise_has_no_verdict() -> None:
    assert "| 5 (4..7) x |  |  |" in line(page(dataclasses.replace(ROW, target=None)), "dense")


@pytest.mark.parametrize("ends", [{}, {"at_least": 1.0, "at_most": 2.0}])
def test_a_target_has_one_end(ends: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="either"):
        Target(**ends)


def test_a_record_survives_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (ROW, unmeasured("the same on CUDA", "no GPU at hand"))
    path = publish("some", "About.", rows, machine=MACHINE, folder=tmp_path)
    assert Record.from_json(path.read_text(encoding="utf-8")) == Record(
        name="some", about="About.", machine=MACHINE, rows=rows
    )
    assert "missed" in capsys.readouterr().out
