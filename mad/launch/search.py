"""``mad search KEY=interval(a,b) ...``: runs trials, and says which values are best on validation.

A trial is one choice of values, run over all seeds; what counts is its mean validation accuracy, never the
test. Its runs are ordinary runs, in the same folders and by the same pool.
"""

import argparse
import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any

from rich.console import Console

from mad.door.compose import compose, composed
from mad.door.space import HOW, Open, Space, Span, Value
from mad.launch.ending import Ending
from mad.launch.experiment import Declared, in_full
from mad.launch.jobs import rest_of_grid
from mad.launch.podium import show_best
from mad.launch.server import OF_A_RUN, started
from mad.launch.settings import launcher
from mad.launch.study import Asked, Run, Study, installed
from mad.launch.sweep import EXECUTE, carried_out, exit_code, swept_jobs
from mad.report.identity import NOT_MEANING, run_name
from mad.report.judging.swept import SweptJob
from mad.report.lock import AlreadyRunning, locked
from mad.report.record import RunFolder
from mad.report.tables import terminal
from mad.track.plan import settled

SEARCHES = Path("runs", "searches")


BUSY = 0.9
"""The share of the processes' time that a batch should use, if all runs take equally long."""


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code. Raises ValueError for what cannot be searched."""
    parser = argparse.ArgumentParser(
        prog="mad search", description="Searches the values that are best on validation.", epilog=HOW
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="as for a run; open values are searched; seed=0,1,2: each trial runs all seeds",
    )
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="in all (20)")
    given = parser.parse_intermixed_args(words)
    if given.trials < 1:
        raise ValueError(f"--trials expects 1 or more, not {given.trials}")
    space = Space.of([in_full(word) for word in given.overrides])
    command = shlex.join(["mad", "search", *words])
    with started(OF_A_RUN):
        return search(space, n_trials=given.trials, command=command, console=terminal())


def search(space: Space, *, n_trials: int, command: str, console: Console, function: str = EXECUTE) -> int:
    """Runs what is missing of the trials and shows the best; returns the exit code.

    It is 0 if all trials were run and a run finished, 1 if not, 130 or 143 if a signal ended the search.
    Raises ValueError for values that may not pass the door, before anything is run, and AlreadyRunning if
    another process is at this search or at one of its runs.
    """
    installed()
    first = checked(space)
    track = settled([first], say=lambda line: console.print(line, markup=False, soft_wrap=True))[0]["track"]
    n_at_once = batch_size(n_processes=launcher(first).n_processes, n_runs=max(len(space.seeds), 1))
    experiment = Declared.of(
        [first], command=command, grid=rest_of_grid([*first["asked"]["overrides"], "some of it"])
    )
    if experiment:
        experiment.begin([], [])
    folder = folder_of(space, first)
    with locked(folder):
        study = Study(folder / "journal.log", space.open, seed=int(first["seed"]))
        trials = _Trials(space, study, console, function, experiment, track)
        _announce(study, n_trials, folder, console=console)
        while trials.go_on and (n_left := n_trials - len(study.told())) > 0:
            trials.run(min(n_at_once, n_left))
        if experiment and trials.swept:
            experiment.end(trials.swept, swept=True, console=console)
        told = study.told()
    show_best(told, space, console=console)
    reached = trials.go_on and any(run.status == "finished" for trial in told for run in trial.runs)
    return exit_code(["finished" if reached else "failed"], trials.signal)


def checked(space: Space) -> dict[str, Any]:
    """The config of the first values, after all ends and choices have passed the door, one key at a time.

    Raises ValueError for what may not pass.
    """
    for entry in space.open:
        if entry.key.lstrip("+").partition(".")[0] in NOT_MEANING:
            raise ValueError(
                f"{entry.key} cannot be searched: it does not change what a run computes; leave it out"
            )
    corner = space.corner()
    composed(space.runs(corner)[0], multirun=False)  # refuses also what would set Hydra itself in motion
    configs = [compose(words) for words in space.runs(corner)]
    for entry in space.open:
        for value in entry.probes()[1:]:
            _probe(space, {**corner, entry.key: value}, entry)
    for config in configs:
        launcher(config)
    return configs[0]


def _probe(space: Space, values: dict[str, Value], entry: Open) -> None:
    """Lets values pass the door. Raises ValueError, and says how to write whole numbers, if they may not."""
    try:
        compose(space.runs(values)[0])
    except ValueError as error:
        if not isinstance(entry, Span) or "expects a whole number" not in str(error):
            raise
        raise ValueError(f"{error}; to search whole numbers write {entry.key}=range(4,17,4)") from error


def batch_size(*, n_processes: int, n_runs: int) -> int:
    """The fewest trials, of so many runs each, that keep the processes busy."""
    n_trials = 1
    while (n := n_trials * n_runs) < BUSY * n_processes * -(-n // n_processes):
        n_trials += 1
    return n_trials


def folder_of(space: Space, first: dict[str, Any]) -> Path:
    """Where the journal lies: one for each space, fixed values, seeds, folder of the runs, and code."""
    run = RunFolder.of(first)
    opened = sorted(([type(entry).__name__, asdict(entry)] for entry in space.open), key=str)
    what = [opened, space.seeds, run.identity, run.path.parent.as_posix(), run.code]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return SEARCHES / run_name(first, digest)


def _announce(study: Study, n_trials: int, folder: Path, *, console: Console) -> None:
    n_told = len(study.told())
    left = f"{max(n_trials - n_told, 0)} to run"
    go_on = f", {study.n_resumed} of which had begun" if study.n_resumed else ""
    console.print(f"{n_trials} trials: {n_told} run before, {left}{go_on}")
    console.print(f"search: {folder}/", markup=False, soft_wrap=True)


@dataclass
class _Trials:
    """Runs trials in batches, and tells the study how they ended."""

    space: Space
    study: Study
    console: Console
    function: str
    experiment: Declared | None
    track: dict[str, Any]
    """The tracker's settings for all runs."""
    signal: Signals | None = None
    go_on: bool = True
    """Whether all that was asked has been told."""
    swept: list[SweptJob] = field(default_factory=list)

    def run(self, n_trials: int) -> None:
        """The next trials; one whose values were tried before ends as it did then."""
        known = {tuple(sorted(told.values.items())): told.runs for told in self.study.told()}
        asked = list[Asked]()
        for trial in self.study.ask(n_trials):
            if earlier := known.get(tuple(sorted(trial.values.items()))):
                self.study.tell(trial, earlier)
            else:
                asked.append(trial)
        for trial, endings in zip(asked, self._endings(asked), strict=True):
            if all(tells(ending) for ending in endings):
                self.study.tell(trial, [_run(ending) for ending in endings])
            else:
                self.go_on = False
        self.go_on &= self.signal is None

    def _endings(self, asked: Sequence[Asked]) -> list[list[Ending]]:
        """How the runs of each trial ended; those that may not pass the door are refused."""
        configs, labels, places = list[dict[str, Any]](), list[str](), list[tuple[int, int]]()
        endings = [[Ending(status="refused")] * len(self.space.runs(trial.values)) for trial in asked]
        for index, trial in enumerate(asked):
            for number, words in enumerate(self.space.runs(trial.values)):
                try:
                    configs.append({**compose(words), "track": self.track})
                except ValueError as error:
                    self.console.print(f"refused  {error}", markup=False, soft_wrap=True)
                    continue
                labels.append(self._label(trial.values, words))
                places.append((index, number))
        if configs:
            for (index, number), ending in zip(places, self._carried_out(configs, labels), strict=True):
                endings[index][number] = ending
        return endings

    def _carried_out(self, configs: Sequence[dict[str, Any]], labels: Sequence[str]) -> list[Ending]:
        folders = [RunFolder.of(config) for config in configs]
        for folder in folders:
            if folder.state() == "running":
                raise AlreadyRunning(f"{folder.path} is being run by another process; search again later")
        found, self.signal = carried_out(
            configs, labels, console=self.console, function=self.function, split="validation"
        )
        if self.experiment:
            self.swept += swept_jobs(found, labels, folders, self.experiment)
        return found

    def _label(self, values: dict[str, Value], words: Sequence[str]) -> str:
        chosen = [entry.word(values[entry.key]) for entry in self.space.open]
        return " ".join([*chosen, *[word for word in words if word in self.space.seeds]])


def tells(ending: Ending) -> bool:
    """Whether it says something about the values, and not only that a run goes on another time.

    A run that died or was killed says nothing: memory may have been short just then.
    """
    return ending.status in ("finished", "diverged", "refused") or ending.raised


def _run(ending: Ending) -> Run:
    accuracy = ending.result.metrics.get("validation/accuracy") if ending.result else None
    return Run(status=ending.status, validation=accuracy if ending.status == "finished" else None)
