"""How long the rest of a sweep may take, from what has been run before."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from mad.launch.settings import launcher
from mad.progress import duration
from mad.report.judging.experiment import Experiment
from mad.report.record import RunFolder
from mad.report.result import Result

ALIKE = ("model", "task", "recipe", "trainer")
"""Choices that decide how long a run takes."""


def rest_of(configs: Sequence[Mapping[str, Any]]) -> str:
    """One line: how many runs there are, how many are left, and how long these may take."""
    folders = {RunFolder.of(config).name: config for config in configs}
    states = {name: RunFolder.of(config).state() for name, config in folders.items()}
    left = [config for name, config in folders.items() if states[name] != "finished"]
    told = f"{len(folders)} runs: {len(folders) - len(left)} finished before, {len(left)} to run"
    return f"{told}; {_estimate(left, n_all=len(folders))}" if left else told


def alike(config: Mapping[str, Any], *, among: Callable[[Path], bool]) -> list[Result]:
    """Finished runs of the same kind that lie where this one will, in folders that ``among`` accepts."""
    found = [run for run in _earlier(config, among) if run.status == "finished" and run.cost.get("seconds")]
    return [run for run in found if _kind(run.config) == _kind(config)]


def _estimate(left: Sequence[Mapping[str, Any]], *, n_all: int) -> str:
    seconds, n_known = _seconds(left)
    if seconds is not None:
        n_processes = min(launcher(left[0]).n_processes, len(left))
        return (
            f"about {duration(seconds / n_processes)} ({n_processes} at once, after {n_known} earlier runs)"
        )
    declared = left[0].get("experiment")
    expected = Experiment.of(declared).expected.minutes if isinstance(declared, Mapping) else None
    if expected is not None:
        return f"about {duration(60 * expected * len(left) / n_all)}, says the declaration"
    return "nothing like it has been run, so there is no estimate"


def _seconds(left: Sequence[Mapping[str, Any]]) -> tuple[float | None, int]:
    """Of one process, and the number of earlier runs behind it; None if nothing like one of them was run."""
    earlier = [run for run in _earlier(left[0]) if run.status == "finished" and run.cost.get("seconds")]
    known: dict[tuple[str, ...], list[float]] = {}
    for run in earlier:
        known.setdefault(_kind(run.config), []).append(float(run.cost["seconds"] or 0))
    kinds = [_kind(config) for config in left]
    if not all(kind in known for kind in kinds):
        return None, 0
    return sum(fmean(known[kind]) for kind in kinds), len(earlier)


def _earlier(config: Mapping[str, Any], among: Callable[[Path], bool] = lambda folder: True) -> list[Result]:
    """What lies in the folder where the runs go; what cannot be read does not count."""
    found = []
    for file in sorted(RunFolder.of(config).path.parent.glob("*/result.json")):
        if not among(file.parent):
            continue
        try:
            found.append(Result.from_json(file.read_text(encoding="utf-8")))
        except ValueError:
            continue
    return found


def _kind(config: Mapping[str, Any]) -> tuple[str, ...]:
    choices = (config.get("asked") or {}).get("choices") or {}
    return tuple(str(choices.get(group)) for group in ALIKE)
