"""How many jobs a declared grid has, without Hydra: known where its values are plain ones."""

import itertools
from collections.abc import Mapping, Sequence

from mad.report.judging.selector import Selector, canonical

N_COUNTED = 100_000
"""Combinations that are looked at, at most."""


def n_jobs(grid: Mapping[str, str], *, skip: Sequence[Selector] = ()) -> int | None:
    """The combinations of a grid less those that are skipped; None where only Hydra could tell."""
    axes = {key: [canonical(value.strip()) for value in text.split(",")] for key, text in grid.items()}
    if not grid or any(set(text) & set("()[]{}'\"$\\") for text in grid.values()):
        return None
    if any(key not in axes for selector in skip for key in selector):
        return None
    n = 0
    for combination in itertools.product(*axes.values()):
        n += not any(_is_meant(selector, dict(zip(axes, combination, strict=True))) for selector in skip)
        if n > N_COUNTED:
            return None
    return n


def _is_meant(selector: Selector, job: Mapping[str, str]) -> bool:
    return all(job[key] in _spelled(wanted) for key, wanted in selector.items())


def _spelled(wanted: object) -> list[str]:
    return [canonical(value) for value in (wanted if isinstance(wanted, list | tuple) else [wanted])]
