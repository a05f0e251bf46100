"""What a search has tried, in a journal on the disk, and what it tries next: optuna, known only here.

A journal belongs to one process at a time (the caller holds its folder). What was asked and never told, for
its process was killed, is asked again with the same values. The sampler is seeded anew for each trial, by
the search's seed and the trial's number: a search that was interrupted asks what it would have asked anyhow.
"""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mad.door.space import Open, Span, Value
from mad.launch.journal import Journal

MISSING = 'mad search needs optuna: pip install "mad[hpo]"'


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the run of one seed ended."""

    status: str
    validation: float | None
    """Accuracy; None if it did not finish."""

    @property
    def score(self) -> float:
        """What counts: nothing, for a run that did not finish."""
        return self.validation or 0.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """A trial that has ended."""

    number: int
    """From 0, in the order of asking."""
    values: dict[str, Value]
    score: float
    """Mean validation accuracy."""
    runs: tuple[Run, ...]
    """One for each seed."""


class Asked:
    """A trial to be run."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.values: dict[str, Value] = dict(trial.params)


class Study:
    """The trials of one search."""

    def __init__(self, file: Path, opened: Sequence[Open], *, seed: int) -> None:
        """Opens the journal ``file``, or begins it. Raises ValueError without optuna, or if it is broken."""
        self._optuna, self._seed = installed(), seed
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._study = self._optuna.create_study(
            storage=self._optuna.storages.JournalStorage(Journal(file)),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
        )
        self._distributions = {entry.key: self._distribution(entry) for entry in opened}
        self.n_resumed = self._enqueue_untold()
        """Trials that go on."""

    def told(self) -> list[Told]:
        """All trials that have ended, the best one first; of equals the earlier."""
        found = [_told(trial, number) for number, trial in enumerate(self._trials("COMPLETE"))]
        return sorted(found, key=lambda trial: (-trial.score, trial.number))

    def ask(self, n: int) -> list[Asked]:
        """What to try next."""
        return [self._ask() for _ in range(n)]

    def tell(self, asked: Asked, runs: Sequence[Run]) -> None:
        """Keeps how a trial ended."""
        trial = asked._trial
        trial.set_user_attr("statuses", [run.status for run in runs])
        trial.set_user_attr("validation", [run.validation for run in runs])
        self._study.tell(trial, sum(run.score for run in runs) / len(runs))

    def _ask(self) -> Asked:
        digest = hashlib.sha256(f"{self._seed}/{len(self._trials('COMPLETE', 'RUNNING'))}".encode())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            self._study.sampler = self._optuna.samplers.TPESampler(
                seed=int.from_bytes(digest.digest()[:4], "big"), constant_liar=True
            )
        return Asked(self._study.ask(self._distributions))

    def _enqueue_untold(self) -> int:
        """Puts trials whose process was killed back into the queue; returns how many wait there."""
        for trial in self._trials("RUNNING"):
            self._study.enqueue_trial(trial.params)
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
        return len(self._trials("WAITING"))

    def _trials(self, *states: str) -> list[Any]:
        wanted = tuple(getattr(self._optuna.trial.TrialState, state) for state in states)
        return list(self._study.get_trials(deepcopy=False, states=wanted))

    def _distribution(self, entry: Open) -> Any:
        kinds = self._optuna.distributions
        if not isinstance(entry, Span):
            return kinds.CategoricalDistribution(entry.values)
        if entry.whole:
            return kinds.IntDistribution(
                int(entry.low), int(entry.high), log=entry.log, step=int(entry.step or 1)
            )
        return kinds.FloatDistribution(entry.low, entry.high, log=entry.log, step=entry.step)


def installed() -> Any:
    """The library. Raises ValueError, saying what to install, where it is missing."""
    try:
        return import_module("optuna")
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ValueError(MISSING) from error


def _told(trial: Any, number: int) -> Told:
    attributes = trial.user_attrs
    pairs = zip(attributes["statuses"], attributes["validation"], strict=True)
    runs = tuple(Run(status=status, validation=validation) for status, validation in pairs)
    return Told(number=number, values=dict(trial.params), score=trial.value, runs=runs)
