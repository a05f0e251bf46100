"""The best trials of a search: their values and scores, the test of the best one, and how to run it."""

import shlex
from collections.abc import Sequence
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table

from mad.door.compose import compose
from mad.door.space import Choice, Space
from mad.launch.study import Run, Told
from mad.report.record import RunFolder
from mad.report.tables import number, percent

N_SHOWN = 10


def show_best(told: Sequence[Told], space: Space, *, console: Console) -> None:
    """A table of the best trials, each choice of values once; nothing if none has ended."""
    best = list({tuple(trial.values.items()): trial for trial in reversed(told)}.values())[::-1]
    if not best:
        return
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column("trial", justify="right")
    table.add_column("values", overflow="fold")
    table.add_column("validation", justify="right", no_wrap=True)
    table.add_column("each seed", justify="right", overflow="fold")
    for trial in best[:N_SHOWN]:
        seeds = " / ".join(_of_seed(run) for run in trial.runs)
        table.add_row(str(trial.number), _values(trial, space), percent(trial.score), seeds)
    console.print(table)
    for line in (*_test(best[0], space), *_commands(best[0], space)):
        console.print(line, markup=False, soft_wrap=True)


def _values(trial: Told, space: Space) -> str:
    """The values in four digits; choices as they are."""
    shown = {
        entry.key: trial.values[entry.key] if isinstance(entry, Choice) else _short(trial.values[entry.key])
        for entry in space.open
    }
    return " ".join(f"{key}={value}" for key, value in shown.items())


def _short(value: float | int | str) -> str:
    return value if isinstance(value, str) else number(value).replace(",", "")


def _of_seed(run: Run) -> str:
    return run.status if run.validation is None else f"{run.validation:.1%}"


def _test(trial: Told, space: Space) -> list[str]:
    """The test accuracy of the best: a line, or none where a run did not finish."""
    if any(run.status != "finished" for run in trial.runs):
        return []
    results = [RunFolder.of(compose(words)).result() for words in space.runs(trial.values)]
    scores = [result.metrics.get("test/accuracy") if result else None for result in results]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return []
    each = f" ({' / '.join(percent(score) for score in known)})" if len(known) > 1 else ""
    return [f"test accuracy of trial {trial.number}: {percent(fmean(known))}{each}"]


def _commands(trial: Told, space: Space) -> list[str]:
    """How to run the best. An experiment's own grid would widen a sweep, so there it is a command a seed."""
    words, seeds = space.filled(trial.values), [seed.partition("=")[2] for seed in space.seeds]
    in_experiment = any(word.startswith("experiment=") for word in words)
    if len(seeds) > 1 and not in_experiment:
        return [shlex.join(["mad", "-m", *words, f"seed={','.join(seeds)}"])]
    return [shlex.join(["mad", *run]) for run in space.runs(trial.values)]
