"""``mad collect``: fetches what has ended at Modal, from any terminal, after whatever sleep."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mad.launch.board import Entry
from mad.launch.cloud.account import check_account
from mad.launch.cloud.job import Job, open_jobs
from mad.launch.cloud.launcher import how_to_go_on
from mad.launch.cloud.listening import Ears
from mad.launch.cloud.ticket import NAME
from mad.launch.ending import Ending
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import SweptJob
from mad.report.metrics import Metrics
from mad.report.tables import Row, show_sweep, terminal


def main(words: Sequence[str]) -> int:
    """The command; 0 if all that ended has finished, 1 if not or Modal is silent, 130 or 143 by a signal."""
    parser = argparse.ArgumentParser(
        prog="mad collect", description="Fetches the records of jobs at Modal that have ended."
    )
    parser.add_argument(
        "names", nargs="*", metavar="RUN|EXPERIMENT|FOLDER", help="all of them, if none is named"
    )
    parser.add_argument("--wait", action="store_true", help="wait for those that have not ended")
    given = parser.parse_args(words)
    jobs, console = named_jobs(given.names), terminal()
    if not jobs:
        console.print("no job is under way at Modal", markup=False)
        return 0
    check_account()
    with Ears() as ears:
        endings, n_unanswered = _looked_after(jobs, wait=given.wait, console=console, ears=ears)
    _show(jobs, endings, console=console)
    _tell_experiments(jobs, endings, console=console)
    if ears.received:
        return 128 + ears.received
    has_finished = all(ending.status == "finished" for ending in endings.values())
    return 0 if has_finished and not n_unanswered else 1


def named_jobs(names: Sequence[str], root: Path = Path()) -> list[Job]:
    """The open jobs under ``root`` that the names mean, as ``named_folders`` does.

    Raises ValueError for a name that means none, and if no ticket can be read.
    """
    return open_jobs(named_folders(names, root))


def named_folders(names: Sequence[str], root: Path = Path()) -> list[Path]:
    """The launched runs under ``root`` that the names mean: runs, experiments (``008`` will do), folders.

    Raises ValueError for a name that means none.
    """
    everywhere = [*root.glob(f"runs/*/{NAME}"), *root.glob(f"experiments/*/runs/*/{NAME}")]
    if not names:
        return sorted(file.parent for file in everywhere)
    found: dict[Path, None] = {}
    for name in names:
        meant = [file.parent for file in everywhere if _means(name, file.parent)]
        if not meant and Path(name).is_dir():
            meant = [file.parent for file in (*Path(name).glob(NAME), *Path(name).glob(f"*/{NAME}"))]
        if not meant:
            raise ValueError(f"no job was launched for {name}; mad ls lists the runs")
        found |= dict.fromkeys(sorted(meant))
    return list(found)


def _means(name: str, folder: Path) -> bool:
    """Whether a run's folder is meant by its name, its path, its number or its experiment."""
    experiment = folder.parent.parent.name
    return (
        folder.name == name or folder == Path(name) or experiment == name or experiment.startswith(f"{name}-")
    )


def _looked_after(
    jobs: Sequence[Job], *, wait: bool, console: Console, ears: Ears
) -> tuple[dict[int, Ending], int]:
    """The endings so far, and how many jobs Modal gave no answer for."""
    from mad.launch.cloud.waiting import Vigil
    from mad.launch.cloud.watchers import watcher

    entries = [Entry(label=job.folder.name, metrics=Metrics(job.folder / "metrics.jsonl")) for job in jobs]
    board = watcher(entries, console=console, split="test")
    vigil = Vigil(dict(enumerate(jobs)), watcher=board, console=console, ears=ears)
    endings = vigil.wait() if wait else vigil.look()
    return endings, vigil.n_unanswered


def _show(jobs: Sequence[Job], endings: dict[int, Ending], *, console: Console) -> None:
    rows = [
        Row(label=jobs[i].folder.name, status=ending.status, result=ending.result, error=ending.error)
        for i, ending in endings.items()
    ]
    if rows:
        show_sweep(rows, console=console)
    left = [job.folder.as_posix() for index, job in enumerate(jobs) if index not in endings]
    for line in how_to_go_on(left):
        console.print(line, markup=False, soft_wrap=True)


def _tell_experiments(jobs: Sequence[Job], endings: dict[int, Ending], *, console: Console) -> None:
    """Brings the sweeps of experiments up to date, and their reports."""
    from mad.report.pages.publish import publish

    ended = {jobs[index].folder: ending for index, ending in endings.items()}
    for path in sorted({folder.parent.parent for folder in ended if _is_declared(folder)}):
        experiment = ExperimentFolder(path)
        sweep = experiment.sweep()
        swept = tuple(_brought_up(job, ended.get(experiment.runs / job.run)) for job in sweep.jobs)
        experiment.write_sweep(replace(sweep, jobs=swept))
        for line in publish(experiment.name, swept=True):
            console.print(line, markup=False, soft_wrap=True)


def _is_declared(folder: Path) -> bool:
    """Whether a run's folder lies in that of an experiment which has been swept."""
    path = folder.parent.parent
    return (
        folder.parent.name == "runs" and path.parent.name == "experiments" and (path / "sweep.json").exists()
    )


def _brought_up(job: SweptJob, ending: Ending | None) -> SweptJob:
    if ending is None:
        return job
    console_file = f"runs/{job.run}/console.log" if ending.error else job.console_file
    return SweptJob(
        label=job.label,
        run=job.run,
        status=ending.status,
        error=ending.error or "",
        console_file=console_file,
    )
