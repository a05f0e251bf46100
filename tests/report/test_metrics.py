"""Curves come back as they went, whatever the last row looks like."""

from pathlib import Path

import pytest

from mad.report.metrics import Metrics


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    """A file with three rows."""
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for step in range(3):
        metrics.append({"step": step})
    return metrics


def test_rows_come_back_as_they_went(metrics: Metrics) -> None:
    metrics.append({"step": 3, "train/loss_nats": float("nan"), "word": "Übung"})
    assert metrics.rows() == [
        *({"step": s} for s in range(3)),
        {"step": 3, "train/loss_nats": None, "word": "Übung"},
    ]
    assert metrics.last() == metrics.rows()[-1]


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "none.jsonl")
    assert (metrics.rows(), metrics.last(), metrics.offset) == ([], None, 0)
    metrics.truncate(0)


@pytest.mark.parametrize("tail", [b"{", b'{"step": 3, "x": 1', b'{"step": 3}'])
def test_a_torn_tail_is_skipped(metrics: Metrics, tail: bytes) -> None:
    whole = metrics.path.read_bytes()
    metrics.path.write_bytes(whole + tail)
    assert metrics.rows() == [{"step": step} for step in range(3)]
    assert metrics.offset == len(whole)
    assert metrics.last() == {"step": 2}


@pytest.mark.parametrize("broken", [b"{\n", b"3\n", b"\n"])
def test_a_broken_line_in_the_midst_is_named(metrics: Metrics, broken: bytes) -> None:
    metrics.path.write_bytes(broken + metrics.path.read_bytes())
    with pytest.raises(ValueError, match=r"metrics\.jsonl:1 is no JSON"):
        metrics.rows()


def test_a_resumed_run_forgets_what_came_after_its_checkpoint(metrics: Metrics) -> None:
    offset = metrics.offset
    metrics.append({"step": 3, "lost": True})
    metrics.truncate(offset)
    metrics.append({"step": 3})
    assert metrics.rows() == [{"step": step} for step in range(4)]


def test_a_file_shorter_than_its_checkpoint_says_so(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="start the run anew"):
        metrics.truncate(10_000)
