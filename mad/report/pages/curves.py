"""The learning curves of an experiment, thinned to what a page can show."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

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


def read_curves(runs: Path, results: Iterable[Result]) -> dict[str, Curve]:
    """The curves in ``metrics.jsonl`` of the runs in a folder; a run without the file has none.

    Raises ValueError for a broken file.
    """
    return {result.run_id: _curve(Metrics(runs / result.run_id / "metrics.jsonl")) for result in results}


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


def _curve(metrics: Metrics) -> Curve:
    rows = ((row.get("step"), row.get("validation/accuracy")) for row in metrics.rows())
    return [
        (step, float(value))
        for step, value in rows
        if isinstance(step, int) and isinstance(value, int | float) and not isinstance(value, bool)
    ]
