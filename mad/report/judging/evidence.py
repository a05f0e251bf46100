"""What an experiment has shown so far: the numbers that the report, the log and the verdict are made of.

Everything here is computed from the declaration and the recorded results, and nothing here computes: a page
that is written from an `Evidence` cannot say anything that the records do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mad.report.judging.experiment import Criterion, Experiment
from mad.report.judging.intervals import Interval
from mad.report.result import Result

Standing = Literal["met", "not met", "undecided"]
Verdict = Literal["PROCEED", "ABANDON", "UNDECIDED", "DEBUG"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value of what was searched (the learning rate) in one arm, over its seeds."""

    value: float | None
    """None where nothing was searched."""
    results: tuple[Result, ...]
    """By seed; finished ones only."""
    validation: Interval | None
    """Accuracy; None without a finished result."""
    test: Interval | None
    n_failed: int
    """Runs that failed or diverged."""
    n_diverged: int = 0
    """Of these the ones that diverged, which is an end: it counts as an accuracy of 0."""
    n_open: int = 0
    """Runs that were asked for and have not ended: waiting, running, preempted."""
    is_eligible: bool = True
    """Whether as many seeds have ended as at the other settings, so that it may be chosen."""

    @property
    def n_ended(self) -> int:
        """Runs that came to the end that their seed determines, be it a bad one."""
        return len(self.results) + self.n_diverged

    @property
    def n_lost(self) -> int:
        """Runs that were asked for and are not finished."""
        return self.n_failed + self.n_open

    @property
    def score(self) -> float:
        """Mean validation accuracy. A diverged run counts as 0, lest survivors be praised."""
        values = self.validation.values if self.validation else ()
        return sum(values) / (len(values) + self.n_diverged) if values else -1.0


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is compared: a model under one choice of every other axis, over seeds, at its best setting."""

    name: str
    """What tells it apart from the other arms: ``cos_log_linear`` or ``cos_log_linear, published_008``."""
    choices: Mapping[str, Any]
    """The values of the swept axes; ``run`` is a readable name, where no choices were recorded."""
    role: str
    """``candidate``, ``baseline``, ``positive control``, ``negative control`` or empty."""
    settings: tuple[Setting, ...]
    """In ascending order."""
    best: Setting
    """Of the highest mean validation accuracy among those with the most ended seeds, a diverged run counting
    as 0; ties: the smaller value."""
    solved: int
    """Seeds of ``best`` whose test accuracy reaches the experiment's ``solved_at``."""
    bounds: Mapping[str, float | None]
    """As of `Result.bounds`."""
    state_floats: int | None
    n_parameters: int | None
    cells: Mapping[str, Interval]
    """Test accuracy at ``best`` by evaluation cell."""
    metrics: Mapping[str, Interval]
    """Every metric of the results at ``best``."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Of one of its runs, at ``best`` if any finished there: what the seeds share stands in it."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A criterion held against what was observed."""

    criterion: Criterion
    observed: Interval | None
    """Of the arm that decides, where several are meant; wider than 95 % where the best of three settings or
    more was taken (`Interval.level`)."""
    standing: Standing
    reason: str
    """Why, in a few words: ``the interval straddles the bar``, ``n = 2 is too small``, ``no results``."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A job that has no finished result."""

    label: str
    status: str
    error: str
    console_file: str
    """Relative to the experiment's folder."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a report says."""

    experiment: Experiment
    arms: tuple[Arm, ...]
    """Candidate first, then baselines, then controls, then the rest; each group by test accuracy."""
    checks: tuple[Check, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    """What the verdict rests on, one sentence each."""
    losses: tuple[Loss, ...]
    results: tuple[Result, ...]
    """All recorded ones, by name; a copied one once."""
    changes: tuple[str, ...] = ()
    """How the declaration was changed after it was first written down, one sentence each."""
    command: str = ""
    """What made the results, as it was typed last; empty where it is not known."""
