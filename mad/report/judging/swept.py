"""What the sweeps of an experiment did: every job of its grid, asked for or not, and how it ended last.

``sweep.json`` is written before the first run, when all that is to come is ``waiting``, and after the last:
also a sweep that is killed leaves its jobs named.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mad.report.atomic import write_atomically
from mad.report.judging.evidence import Loss
from mad.report.reading import brief, json_in
from mad.report.redaction import redacted_value
from mad.report.result import Result, finite

ENDED = ("finished", "diverged")
"""Endings that the seed determines."""


@dataclass(frozen=True, kw_only=True)
class SweptJob:
    """One job of a sweep and how it ended."""

    label: str
    run: str
    """The name of its folder in ``runs/``."""
    status: str
    error: str = ""
    console_file: str = ""
    """Relative to the experiment's folder; empty where nothing is to be read there."""

    def loss(self) -> Loss:
        """The job as one without a result."""
        return Loss(label=self.label, status=self.status, error=self.error, console_file=self.console_file)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The jobs as of the last sweep, or part of it."""

    commands: tuple[str, ...] = ()
    """As they were typed, each once, the last one last."""
    jobs: tuple[SweptJob, ...] = ()
    code: str = ""
    """The hash of the code as the last command found it; empty in an older record."""

    def then(self, *, command: str, jobs: Sequence[SweptJob], code: str) -> "Sweep":
        """The record after another command; jobs that it does not name stay as they are."""
        commands = (*(known for known in self.commands if known != command), command)
        known = {job.run: job for job in self.jobs} | {job.run: job for job in jobs}
        return Sweep(commands=commands, jobs=tuple(known.values()), code=code)

    def only(self, runs: Sequence[str]) -> "Sweep":
        """Less the jobs that are not among these runs: the grid does not have them any more."""
        return replace(self, jobs=tuple(job for job in self.jobs if job.run in set(runs)))

    def is_made(self, job: SweptJob, result: Result | None) -> bool:
        """Whether a job has a result: one of other code does not answer for a job that this code began."""
        if result is None or not result.done:
            return False
        return job.status in ENDED or not self.code or result.code == self.code


def read_sweep(file: Path) -> Sweep:
    """The record in a file; an empty one where there is none. Raises ValueError for an unreadable one."""
    if not file.exists():
        return Sweep()
    record = json_in(file)
    try:
        commands = record["commands"] if "commands" in record else [record["command"]]
        jobs = tuple(SweptJob(**job) for job in record["jobs"])
        _check_text(
            [*commands, record.get("code", ""), *(text for job in jobs for text in asdict(job).values())]
        )
    except (AttributeError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is no record of a sweep ({brief(error)}); move it away") from error
    return Sweep(commands=tuple(filter(None, commands)), jobs=jobs, code=record.get("code", ""))


def write_sweep(file: Path, sweep: Sweep) -> None:
    """Records the sweep in place of the one before, without the secrets that were typed or told."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(redacted_value(finite(asdict(sweep))), indent=2, ensure_ascii=False)
    write_atomically(file, text + "\n")


def _check_text(values: Sequence[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"text expected, not {value!r}")
