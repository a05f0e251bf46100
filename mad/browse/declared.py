"""Every experiment that is declared or has a folder: how far it has come, what it showed, what it cost."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mad.browse.grid import n_jobs
from mad.browse.runs import Run, runs_in
from mad.door.folder import conf_dir
from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.experiment import Experiment, declared
from mad.report.judging.folder import ExperimentFolder, load, located
from mad.report.judging.swept import Sweep
from mad.report.pages.costs import elapsed, usd_of
from mad.report.pages.wording import plain

T = TypeVar("T")

PRIORITIES = ("high", "medium", "low", "")


@dataclass(frozen=True, kw_only=True)
class Known:
    """An experiment as of now."""

    experiment: Experiment
    """Its declaration, as far as it can be read."""
    state: str
    """``declared``, ``running 3/12``, ``partial 3/12`` or ``done``."""
    verdict: str = ""
    """Empty before the first run, and where something cannot be read."""
    n_results: int = 0
    """Finished runs."""
    n_losses: int = 0
    """Jobs that ended in any other way, or did not."""
    minutes: float | None = None
    """In which any run was going; None before the first."""
    usd: float | None = None
    """None if nothing was billed."""
    decision: str = ""
    """The first line of what a person decided."""
    error: str = ""
    """Why a part of this is not known."""

    @property
    def priority(self) -> str:
        """Of its proposal: high, medium, low or empty."""
        return (self.experiment.proposal.priority or "") if self.experiment.proposal else ""


def names(root: Path) -> list[str]:
    """The full names of all experiments, by number."""
    conf = root / "conf" if (root / "conf/experiment").is_dir() else conf_dir()
    files = conf.glob("experiment/[0-9][0-9][0-9]_*.yaml")
    folders = (path for path in root.glob("experiments/[0-9][0-9][0-9]-*") if path.is_dir())
    return sorted({*(file.stem.replace("_", "-") for file in files), *(path.name for path in folders)})


def all_known(root: Path) -> list[Known]:
    """All experiments, by number; what is broken about one says so in it."""
    return [known(name, root=root) for name in names(root)]


def by_priority(found: list[Known]) -> list[Known]:
    """High first; those without a priority last."""
    order = {name: place for place, name in enumerate(PRIORITIES)}
    return sorted(found, key=lambda each: (order[each.priority], each.experiment.name))


def known(name: str, *, root: Path) -> Known:
    """What there is to say of an experiment."""
    folder, errors = ExperimentFolder(root / "experiments" / name), dict[str, None]()

    def tried(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except (ValueError, OSError) as error:
            errors[plain(error)] = None
            return otherwise

    experiment = tried(lambda: _declaration(name, root), Experiment(name=name))
    runs, sweep = runs_in(folder.runs), tried(folder.sweep, Sweep())
    results = [run.result for run in runs if run.result]
    evidence = tried(lambda: load(name, root=root), None) if runs and not errors else None
    errors |= {plain(loss.error): None for loss in _unreadable(evidence)}
    n_jobs = tried(lambda: _n_jobs(experiment, folder, sweep), None)
    never_begun = {job.run for job in sweep.jobs if job.status != "waiting"} - {run.name for run in runs}
    return Known(
        experiment=experiment,
        state=_state(runs, n_jobs or max(len(sweep.jobs), len(runs))),
        verdict=evidence.verdict if evidence else "",
        n_results=sum(run.status == "finished" for run in runs),
        n_losses=sum(run.status not in ("finished", "running") for run in runs) + len(never_begun),
        minutes=elapsed(results) / 60 if results else None,
        usd=usd_of(results),
        decision=tried(lambda: _first_line(folder.decision() or ""), ""),
        error="; ".join(errors),
    )


def _unreadable(evidence: Evidence | None) -> list[Loss]:
    return [loss for loss in evidence.losses if loss.status == "unreadable"] if evidence else []


def _declaration(name: str, root: Path) -> Experiment:
    """As it stands in ``conf/``, or as it was run last where it is gone from there."""
    folder, file = located(name, root=root)
    if file:
        return declared(file)
    versions = folder.versions()
    return Experiment.of(versions[-1].experiment) if versions else Experiment(name=name)


def _n_jobs(experiment: Experiment, folder: ExperimentFolder, sweep: Sweep) -> int | None:
    """Of the whole grid: as it was swept, or as it is declared where it was not; None if that is not known.

    Jobs of a grid may mean the same run, and a sweep knows each once.
    """
    versions = folder.versions()
    if versions and versions[-1].grid == experiment.grid and any(map(_is_whole, sweep.commands)):
        return len(sweep.jobs)
    return n_jobs(experiment.grid, skip=experiment.skip)


def _is_whole(command: str) -> bool:
    return sum("=" in word for word in shlex.split(command)) == 1


def _state(runs: list[Run], n: int) -> str:
    if not runs:
        return "declared"
    n_done = sum(run.status in ("finished", "diverged") for run in runs)
    if any(run.status == "running" for run in runs):
        return f"running {n_done}/{n}"
    return "done" if n_done >= n else f"partial {n_done}/{n}"


def _first_line(decision: str) -> str:
    return next((plain(line.strip("# \t")) for line in decision.splitlines() if line.strip("# \t")), "")
