"""The learning curves of an experiment, thinned to what a page can show."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from mad.report.metrics import Metrics
from mad.report.result import Result

Curve = Sequence[tuple[int, float]]
"""Validation accuracy by step, in ascending order."""

Curves = Mapping[str, Curve]
"""By run."""

N_STEPS = 30
"""Steps of a run that a page shows: more would not be seen."""

N_POINTS = 1500
"""Of all curves of a page together: 100 runs have to fit."""

MOST_STEPS = 10**15
"""No run has as many: a larger number was never written."""


def read_curves(runs: Path, results: Iterable[Result]) -> dict[str, Curve]:
    """The curves in ``metrics.jsonl`` of the runs in a folder; a run without the file has none.

    Raises ValueError for a broken file, and for one that is not what its run wrote.
    """
    return {result.run_id: _curve(_sealed(runs / result.run_id, result)) for result in results}


def shown_steps(curves: Collection[Curve]) -> list[int]:
    """The steps at which all curves are shown: all of them, or every k-th and the last."""
    steps = sorted({step for curve in curves for step, _ in curve})
    longest = max(min(N_STEPS, N_POINTS // max(len(curves), 1)), 8)
    stride = -(-(len(steps) - 1) // (longest - 1)) or 1
    return sorted({*steps[::stride], *steps[-1:]})


def thinned(curve: Curve, steps: Sequence[int]) -> list[tuple[int, float | None]]:
    """The curve at ``steps``: at each the newest value, and none before its first and after its last.

    What was measured between two of the steps, also the end of the curve, is shown at the later one.
    """
    own = [step for step, _ in curve]
    if not own or not steps:
        return [(step, None) for step in steps]
    end = steps[min(bisect_left(steps, own[-1]), len(steps) - 1)]
    newest = [bisect_right(own, step) - 1 for step in steps]
    return [
        (step, curve[index][1] if index >= 0 and step <= end else None)
        for step, index in zip(steps, newest, strict=True)
    ]


def _sealed(folder: Path, result: Result) -> Metrics:
    """The curves of a run. Raises ValueError if its result knows others."""
    metrics = Metrics(folder / "metrics.jsonl")
    if result.curves_sha256 and metrics.path.exists() and metrics.sha256() != result.curves_sha256:
        raise ValueError(
            f"{metrics.path} holds other curves than those that {result.run_id} wrote: its SHA-256 is not "
            "the one in result.json; restore it, or move it away to show none"
        )
    return metrics


def _curve(metrics: Metrics) -> Curve:
    """Raises ValueError for a step or an accuracy that is none, and for steps that go back."""
    found: list[tuple[int, float]] = []
    for number, row in enumerate(metrics.rows(), start=1):
        step, value = row.get("step"), row.get("validation/accuracy")
        if value is None:
            continue
        last = found[-1][0] if found else -1
        if not _is_number(step) or isinstance(step, float) or not last < step < MOST_STEPS:
            raise _wrong(metrics, number, f"step expects a whole number above {last}", step)
        if not _is_number(value) or not 0 <= value <= 1:
            raise _wrong(metrics, number, "validation/accuracy expects a number from 0 to 1, or null", value)
        found.append((step, float(value)))
    return found


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(metrics: Metrics, number: int, expected: str, value: Any) -> ValueError:
    return ValueError(
        f"{metrics.path}:{number}: {expected}; got {str(value)[:40]!r}: restore the file, or move it away"
    )
