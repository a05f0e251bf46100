"""A sweep: every job once, finished ones not again, all of them in one table at the end."""

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from mad.launch.board import Board, Entry, LiveBoard, PlainBoard
from mad.launch.ending import Ending
from mad.launch.experiment import Declared
from mad.launch.pool import Pool, Work
from mad.launch.server import OF_A_RUN
from mad.launch.settings import Launch, launcher_of_all
from mad.report.judging.swept import SweptJob
from mad.report.record import RunFolder
from mad.report.tables import Row, show_sweep
from mad.track import is_live
from mad.track.plan import settled

EXECUTE = "mad.execute:execute"


def sweep(
    configs: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    console: Console,
    experiment: Declared | None = None,
    function: str = EXECUTE,
) -> int:
    """Runs the configs, in processes of their own or at Modal; returns the exit code.

    It is 0 if all finished (or were launched, where nobody waits), 1 if any did not, and 130 or 143 if SIGINT
    or SIGTERM ended the sweep.
    ``experiment``, if the jobs belong to one, keeps what was declared and what came out. ``function`` takes
    a config and returns a Result. Raises ValueError for launcher settings out of range.
    """
    launcher_of_all(configs)
    folders = [RunFolder.of(config) for config in configs]
    if experiment:
        experiment.begin(labels, configs)
    known, received = carried_out(configs, labels, console=console, function=function)
    _show(known, labels, folders, console=console)
    if experiment:
        swept = any(ending.seconds is not None for ending in known)
        experiment.end(swept_jobs(known, labels, folders, experiment), swept=swept, console=console)
    return exit_code([ending.status for ending in known], received)


def carried_out(
    configs: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    console: Console,
    function: str,
    split: str = "test",
) -> tuple[list[Ending], signal.Signals | None]:
    """The ending of each config, those included that had finished before, and the signal that ended it all.

    ``split``: whose accuracy is shown as they end. Raises ValueError for launcher settings out of range.
    """
    launcher_of_all(configs)
    folders = [RunFolder.of(config) for config in configs]
    endings = {folder.path: _earlier_ending(folder) for folder in folders}
    indices = [index for index in _first_of_each(folders) if endings[folders[index].path] is None]
    n_broken = sum(ending is not None and ending.status == "unreadable" for ending in endings.values())
    _announce(folders, indices, n_broken=n_broken, console=console)
    found, received = _run(
        [configs[i] for i in indices],
        [labels[i] for i in indices],
        console=console,
        function=function,
        split=split,
    )
    for index, ending in zip(indices, found, strict=True):
        endings[folders[index].path] = ending
        if ending.status == "refused":
            folders[index].discard_if_empty()
    return [endings[folder.path] or Ending(status="waiting") for folder in folders], received


def _run(
    configs: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    console: Console,
    function: str,
    split: str,
) -> tuple[list[Ending], signal.Signals | None]:
    """Runs what must be run, by the launcher that the configs name."""
    if not configs:
        return [], None
    settings = launcher_of_all(configs)
    configs = settled(configs, say=lambda line: console.print(line, markup=False, soft_wrap=True))
    if not isinstance(settings, Launch):
        from mad.launch.cloud.launcher import run_there

        return run_there(configs, labels, console=console, split=split)
    folders = [RunFolder.of(config) for config in configs]
    entries = [Entry(label=a, metrics=b.metrics) for a, b in zip(labels, folders, strict=True)]
    board = _board(entries, console=console, split=split)
    pool = Pool(settings, board=board, function=function, preload=OF_A_RUN if function == EXECUTE else ())
    works = [Work(config=a, console_file=b.console_file) for a, b in zip(configs, folders, strict=True)]
    return pool.run(works), pool.signal


def exit_code(statuses: Sequence[str], received: signal.Signals | None) -> int:
    """What the shell is told."""
    if received:
        return 128 + received
    return 0 if all(status in ("finished", "launched") for status in statuses) else 1


def swept_jobs(
    endings: Sequence[Ending], labels: Sequence[str], folders: Sequence[RunFolder], experiment: Declared
) -> list[SweptJob]:
    """The jobs as the experiment's folder remembers them, each run once."""
    return [
        SweptJob(
            label=labels[index],
            run=folders[index].name,
            status=endings[index].status,
            error=endings[index].error or "",
            console_file=_relative(folders[index], experiment) if endings[index].status != "finished" else "",
        )
        for index in _first_of_each(folders)
    ]


def _earlier_ending(folder: RunFolder) -> Ending | None:
    """The ending of a run that has finished with the code as it is; None if it must run.

    A record that cannot be read is an ending, too: the others go on without it.
    """
    try:
        result = folder.result() if folder.state() == "finished" else None
    except ValueError as error:
        return Ending(status="unreadable", error=str(error))
    return Ending(status=result.status, result=result, error=result.error) if result else None


def _first_of_each(folders: Sequence[RunFolder]) -> list[int]:
    """One index for each run: overrides that differ may well mean the same."""
    first: dict[str, int] = {}
    for index, folder in enumerate(folders):
        first.setdefault(folder.identity, index)
    return list(first.values())


def _announce(
    folders: Sequence[RunFolder], indices: Sequence[int], *, n_broken: int, console: Console
) -> None:
    n_runs = len(_first_of_each(folders))
    same = f" ({len(folders)} jobs, some of which mean the same)" if n_runs < len(folders) else ""
    broken = f", {n_broken} unreadable" if n_broken else ""
    n_before = n_runs - len(indices) - n_broken
    console.print(f"{n_runs} runs{same}: {n_before} finished before{broken}, {len(indices)} to run")
    for index in indices:
        if folders[index].state() == "stale":
            console.print(f"{folders[index].name} was made by other code and is made again", soft_wrap=True)


def _board(entries: Sequence[Entry], *, console: Console, split: str) -> Board:
    kind = LiveBoard if is_live(console.file) else PlainBoard
    return kind(entries, console=console, split=split)


def _show(
    endings: Sequence[Ending], labels: Sequence[str], folders: Sequence[RunFolder], *, console: Console
) -> None:
    rows = [
        Row(label=label, status=ending.status, result=ending.result, error=_reason(ending, folder))
        for ending, label, folder in zip(endings, labels, folders, strict=True)
    ]
    show_sweep(rows, console=console)
    console.print(f"records: {folders[0].path.parent}/", markup=False, soft_wrap=True)


def _relative(folder: RunFolder, experiment: Declared) -> str:
    """The console log as seen from the experiment's folder."""
    return folder.console_file.relative_to(experiment.folder.path).as_posix()


def _reason(ending: Ending, folder: RunFolder) -> str | None:
    """Why a job did not finish, and where its output is."""
    if not ending.error:
        return None
    return f"{ending.error} ({folder.console_file})" if folder.console_file.exists() else ending.error
