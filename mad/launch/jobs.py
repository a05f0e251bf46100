"""The jobs of a sweep: composed, less those that their experiment leaves out, and what tells them apart."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mad.report.judging.experiment import is_skipped

if TYPE_CHECKING:
    from mad.door.compose import Job
    from mad.launch.experiment import Grid


def jobs_of(overrides: Sequence[str]) -> list["Job"]:
    """The jobs of ``-m`` with these overrides. Raises ValueError if the experiment's ``skip`` leaves none."""
    from mad.door.compose import composed

    jobs = composed(overrides, multirun=True)
    kept = [job for job in jobs if not is_skipped(job.config)]
    if not kept:
        raise ValueError("experiment.skip leaves nothing of the sweep; choose other values")
    return kept


def labels_of(overrides: Sequence[Sequence[str]]) -> list[str]:
    """What tells the jobs apart: their overrides, less those that all of them share."""
    shared = set(overrides[0]).intersection(*overrides) if len(overrides) > 1 else set()
    return [" ".join(word for word in words if word not in shared) or "the defaults" for words in overrides]


def rest_of_grid(overrides: Sequence[str]) -> "Grid | None":
    """What composes the whole grid of the experiment among the overrides; None if they ask for just that."""
    word = next((word for word in overrides if word.startswith("experiment=")), None)
    return None if word is None or list(overrides) == [word] else partial(_whole_grid, word)


def _whole_grid(word: str) -> list[tuple[str, Mapping[str, Any]]]:
    jobs = jobs_of([word])
    labels = labels_of([job.overrides for job in jobs])
    return [(label, job.config) for label, job in zip(labels, jobs, strict=True)]
