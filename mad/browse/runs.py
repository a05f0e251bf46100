"""Every run that lies under a folder: in ``runs/`` and in ``experiments/*/runs/``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mad.report.identity import identity
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import SweptJob
from mad.report.lock import is_locked
from mad.report.metrics import Metrics
from mad.report.pages.wording import began, plain
from mad.report.reading import brief, yaml_in
from mad.report.result import Result
from mad.report.sound import check_config

STATUSES = ("finished", "diverged", "failed", "preempted", "unfinished", "running", "unreadable")
"""What may have become of a run: four that its result says, and three of a folder without one."""

BAD = ("diverged", "failed", "unreadable")

RECORDS = ("result.json", "config.yaml", "claim.json", "metrics.jsonl")
"""A folder that holds one of these is a run's."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as its folder shows it."""

    path: Path
    """As seen from the working directory."""
    status: str
    began: datetime
    error: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    result: Result | None = None
    """None while it runs, even if an earlier attempt left one."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name

    @property
    def experiment(self) -> str:
        """The full name of the experiment that it belongs to; empty if to none."""
        runs = self.path.parent
        if runs.name == "runs" and runs.parent.parent.name == "experiments":
            return runs.parent.name
        named = self.config.get("experiment")
        return str((named.get("name") if isinstance(named, Mapping) else named) or "")

    @property
    def choices(self) -> Mapping[str, str]:
        """What was chosen in each group; empty in a record that does not say."""
        return (self.config.get("asked") or {}).get("choices") or {}

    @property
    def overrides(self) -> Sequence[str]:
        """What was typed; empty in a record that does not say."""
        return (self.config.get("asked") or {}).get("overrides") or []

    @property
    def metrics(self) -> Metrics:
        """Its curves."""
        return Metrics(self.path / "metrics.jsonl")

    def score(self, metric: str) -> float | None:
        """A metric of its result, if it has one."""
        return self.result.metrics.get(metric) if self.result else None

    def cost(self, name: str) -> float | None:
        """What it took, if it has ended."""
        return self.result.cost.get(name) if self.result else None

    def stamp(self, name: str) -> Any:
        """What its result is stamped with, if there is one."""
        return self.result.stamp.get(name) if self.result else None


def all_runs(root: Path) -> list[Run]:
    """Every run under ``root``, the newest last. A broken record is one of status ``unreadable``."""
    folders = [*root.glob("experiments/*/runs"), root / "runs"]
    return newest_last(run for folder in folders for run in runs_in(folder))


def runs_in(folder: Path) -> list[Run]:
    """The runs whose folders lie in ``folder``, by name."""
    swept, broken = _swept(folder.parent) if folder.parent.parent.name == "experiments" else ({}, "")
    paths = sorted(path for path in folder.glob("*") if is_run(path))
    return [read(path, swept=swept.get(path.name), doubt=broken) for path in paths]


def newest_last(runs: Iterable[Run]) -> list[Run]:
    """By the time when they began."""
    return sorted(runs, key=lambda run: (run.began, run.name))


def is_run(path: Path) -> bool:
    """Whether a run's record lies in this folder."""
    return path.is_dir() and any((path / name).exists() for name in RECORDS)


def read(path: Path, *, swept: SweptJob | None = None, doubt: str = "") -> Run:
    """The run in a folder; ``swept`` is what the last sweep says of it, ``doubt`` why that is not known."""
    try:
        return _read(path, swept, doubt)
    except (ValueError, OSError) as error:
        return Run(path=path, status="unreadable", began=_changed(path), error=_reason(error))


def last_row(run: Run) -> Mapping[str, Any]:
    """The last complete row of its curves; empty if there is none that can be read."""
    try:
        return run.metrics.last() or {}
    except OSError:
        return {}


def _read(path: Path, swept: SweptJob | None, doubt: str) -> Run:
    result = Result.read(path / "result.json") if (path / "result.json").exists() else None
    config = result.config if result else _config_in(path / "config.yaml")
    time = (began(result) if result else None) or _changed(path)
    if not (result and result.done) and _is_running(path):
        return Run(path=path, status="running", began=time, config=config)
    if result:
        error = plain(result.error or "")
        return Run(path=path, status=result.status, began=time, error=error, config=config, result=result)
    if swept and swept.status == "failed":
        return Run(path=path, status="failed", began=time, error=plain(swept.error), config=config)
    Metrics(path / "metrics.jsonl").rows()  # raises ValueError where a line is broken
    return Run(path=path, status="unfinished", began=time, error=doubt, config=config)


def _config_in(file: Path) -> Mapping[str, Any]:
    """Raises ValueError for what is no config, and for that of another run than the folder's name says."""
    config = yaml_in(file) if file.exists() else {}
    named = re.search("-([0-9a-f]{10})$", file.parent.name)
    try:
        check_config(config)
        if file.exists() and named and identity(config)[:10] != named[1]:
            raise ValueError("it is that of another run")
    except ValueError as error:
        raise ValueError(
            f"{file} is not the run's config ({brief(error)}); restore it, or move it away"
        ) from error
    return dict(config)


def _swept(experiment: Path) -> tuple[dict[str, SweptJob], str]:
    """The jobs of the last sweep by the name of their run, or why they cannot be read."""
    try:
        return {str(job.run): job for job in ExperimentFolder(experiment).sweep().jobs}, ""
    except (ValueError, OSError) as error:
        return {}, _reason(error)


def _is_running(path: Path) -> bool:
    try:
        return is_locked(path)
    except OSError:  # not ours to lock: whoever is at it, we cannot tell
        return False


def _changed(path: Path) -> datetime:
    """When the oldest of its files was written; that of a checkout is the time of the checkout."""
    times = [(path / name).stat().st_mtime for name in RECORDS if (path / name).exists()]
    return datetime.fromtimestamp(min(times, default=0.0), tz=UTC)


def _reason(error: BaseException) -> str:
    return plain(f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else error)
