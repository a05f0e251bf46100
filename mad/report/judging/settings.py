"""The values of the searched key that an arm was run at, and which of them is its best.

The best one has the highest mean validation accuracy, a diverged seed counting as 0. It is chosen among the
settings with the most ended seeds, so that one lucky seed is not preferred to three; seeds beyond those of
the grid (beyond three, where no grid is known) make no setting more eligible than another.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mad.report.judging.bars import MIN_SEEDS
from mad.report.judging.evidence import Setting
from mad.report.judging.intervals import Interval, interval
from mad.report.judging.missing import Missing
from mad.report.judging.selector import ABSENT, looked_up
from mad.report.result import Result


def settings_of(
    runs: Sequence[Result], *, search: str | None, n_seeds: int | None, missing: Sequence[Missing] = ()
) -> tuple[Setting, ...]:
    """The settings in ascending order. ``missing`` are the arm's runs without a record.

    Raises ValueError if the searched key is not one with numbers.
    """
    by_value: dict[float | None, list[Result]] = {}
    for run in runs:
        by_value.setdefault(_searched(run, search), []).append(run)
    lost = [(_searched_by(each, search), each.status) for each in missing if _is_told(each, search)]
    for value, _ in lost:
        by_value.setdefault(value, [])
    values = sorted(by_value, key=lambda value: (value is not None, value or 0.0))
    settings = [
        _setting(value, by_value[value], lost=[status for other, status in lost if other == value])
        for value in values
    ]
    most = min(max(each.n_ended for each in settings), n_seeds or MIN_SEEDS)
    return tuple(replace(each, is_eligible=each.n_ended >= most) for each in settings)


def chosen(settings: Sequence[Setting]) -> Setting:
    """The best of the eligible ones; of equally good ones the first."""
    return max((each for each in settings if each.is_eligible), key=lambda each: each.score)


def known(results: Sequence[Result], metric: str) -> dict[int, float]:
    """The finite values of a metric, by seed: of ``metrics``, ``cost/seconds`` or ``cells/NAME/accuracy``."""
    found = {int(result.config["seed"]): _value(result, metric) for result in results}
    return {seed: value for seed, value in sorted(found.items()) if value is not None}


def over(values: Sequence[float], *, metric: str, level: float = 0.95) -> Interval:
    """The interval of a metric's values; an accuracy's stays between 0 and 1."""
    is_accuracy = metric.rpartition("/")[2] == "accuracy"
    return interval(values, level=level, within=(0.0, 1.0) if is_accuracy else None)


def intervals(results: Sequence[Result], metrics: Mapping[str, str]) -> dict[str, Interval]:
    """The intervals of those metrics that have a value, under the names given to them."""
    values = {name: list(known(results, metric).values()) for name, metric in metrics.items()}
    return {name: over(found, metric=metrics[name]) for name, found in values.items() if found}


def _searched(run: Result, search: str | None) -> float | None:
    value = looked_up(run, search) if search else None
    if value is None or value is ABSENT:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"experiment.search expects a key with numbers; {search} is {value!r} in {run.run_id}"
        )
    return float(value)


def _is_told(missing: Missing, search: str | None) -> bool:
    """Whether the label says at which setting the run would be."""
    try:
        value = _searched_by(missing, search)
    except (KeyError, ValueError):
        return False
    return value is None or math.isfinite(value)


def _searched_by(missing: Missing, search: str | None) -> float | None:
    return None if search is None else float(missing.typed[search])


def _setting(value: float | None, runs: Sequence[Result], *, lost: Sequence[str]) -> Setting:
    finished = [run for run in runs if run.status == "finished"]
    finished.sort(key=lambda run: int(run.config["seed"]))
    found = intervals(finished, {"validation": "validation/accuracy", "test": "test/accuracy"})
    statuses = [*(run.status for run in runs), *lost]
    n_failed = sum(status in ("diverged", "failed") for status in statuses)
    return Setting(
        value=value,
        results=tuple(finished),
        validation=found.get("validation"),
        test=found.get("test"),
        n_failed=n_failed,
        n_diverged=statuses.count("diverged"),
        n_open=len(statuses) - len(finished) - n_failed,
    )


def _value(result: Result, metric: str) -> float | None:
    kind, _, rest = metric.partition("/")
    if kind == "cost":
        return result.cost.get(rest)
    if kind == "cells":
        cell, _, quantity = rest.rpartition("/")
        return result.cells.get(cell, {}).get(quantity)
    return result.metrics.get(metric)
