"""A sweep's experiment: what was declared is kept before the first run, what came out after the last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mad.door.folder import conf_dir
from mad.launch.ending import Ending
from mad.report.judging.experiment import declared, find
from mad.report.judging.fields import suggestion
from mad.report.judging.folder import ExperimentFolder, located
from mad.report.judging.swept import SweptJob
from mad.report.leaves import leaves
from mad.report.lock import alone
from mad.report.record import RunFolder, results_folder
from mad.report.redaction import redacted
from mad.track.report import send_report
from mad.track.settings import Track

Grid = Callable[[], Sequence[tuple[str, Mapping[str, Any]]]]
"""Composes the jobs of the whole grid: their labels and configs."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A declared experiment that is being run, in full or in part."""

    folder: ExperimentFolder
    file: Path
    """Its declaration."""
    command: str
    """As it was typed."""
    code: str
    """The hash of the code that runs it."""
    track: Track
    """Who is told of the report."""
    grid: Grid | None
    """None where the jobs are the whole grid, and not a part that was asked for by further overrides."""

    @classmethod
    def of(
        cls, configs: Sequence[Mapping[str, Any]], *, command: str, grid: Grid | None
    ) -> "Declared | None":
        """The experiment of all jobs; None if they have none in common, or keep their records elsewhere."""
        names = {(config.get("experiment") or {}).get("name") for config in configs}
        name = names.pop()
        if names or name is None:
            return None
        places = {results_folder(config) for config in configs}
        try:
            folder, file = located(name, root=Path())
        except ValueError:  # nobody declared it
            return None
        if file is None or places != {folder.runs}:
            return None
        code, track = RunFolder.of(configs[0]).code, Track.of(configs[0])
        return cls(folder=folder, file=file, command=command, code=code, track=track, grid=grid)

    def check(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Reads all that the report will be made of. Raises ValueError for whatever would be in its way.

        So a criterion that selects nothing, or a broken record, is found before the runs and not after.
        """
        from mad.report.pages.pages import check_readable

        experiment = declared(self.file)
        searched = [] if experiment.search is None else [("experiment.search", {experiment.search: None})]
        known = dict.fromkeys(name for config in configs for name in _keys(config))
        for path, selector in (*experiment.selectors(), *searched):
            for key in selector:
                if "." in key and known and key not in known:
                    hint = suggestion(key, list(known))
                    raise ValueError(f"{self.file}: {path} names {key}, which no run has{hint}")
        check_readable(self.folder.name)

    def begin(self, labels: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> None:
        """Keeps the declaration as it stands, and names all jobs. Raises ValueError as ``check`` does."""
        asked = list(zip(labels, configs, strict=True))
        grid = asked if self.grid is None else [*self.grid(), *asked]
        self.check([config for _, config in grid])
        with alone(self.folder.path):
            self.folder.declare(self.file)
            known = {job.run: job for job in self.folder.sweep().jobs}
            begun = {RunFolder.of(config).name for config in configs}
            jobs = [_job(label, RunFolder.of(config)) for label, config in grid]
            self._write(
                [known[job.run] if job.run in known and job.run not in begun else job for job in jobs]
            )

    def end(self, jobs: Sequence[SweptJob], *, swept: bool, console: Console) -> None:
        """Keeps how the jobs ended, and writes the report; into the log, too, if any was ``swept``."""
        from mad.report.pages.publish import publish

        with alone(self.folder.path):
            self._write(jobs)

        def say(line: str) -> None:
            console.print(line, markup=False, soft_wrap=True)

        for line in publish(self.folder.name, swept=swept):
            say(line)
        send_report(self.track, self.folder.path, say=say)

    @contextmanager
    def around(self, config: Mapping[str, Any], *, console: Console) -> Iterator[list[Ending]]:
        """A single run of the experiment: it is begun and ended as a sweep is, however it ends.

        Into the list goes how it ended, where its record alone does not say so.
        """
        folder = RunFolder.of(config)
        label = " ".join(config.get("asked", {}).get("overrides", [])) or folder.name
        before = folder.state()
        self.begin([label], [config])
        told, otherwise = list[Ending](), Ending(status="launched")
        try:
            yield told
        except BaseException as error:
            otherwise = Ending(status="failed", error=redacted(str(error)) or type(error).__name__)
            raise
        finally:
            ending = told[-1] if told else _recorded(folder) or otherwise
            status = ending.status
            console_file = "" if status == "finished" else f"runs/{folder.name}/{folder.console_file.name}"
            job = SweptJob(
                label=label,
                run=folder.name,
                status=status,
                error=ending.error or "",
                console_file=console_file,
            )
            self.end([job], swept=before != "finished", console=console)

    def _write(self, jobs: Sequence[SweptJob]) -> None:
        sweep = self.folder.sweep().then(command=self.command, jobs=jobs, code=self.code)
        self.folder.write_sweep(sweep.only([job.run for job in jobs]) if self.grid is None else sweep)


def _recorded(folder: RunFolder) -> Ending | None:
    """How a run ended by its record, if this code has made it."""
    result = folder.result()
    if result is None or result.code != folder.code:
        return None
    return Ending(status=result.status, error=result.error)


def in_full(override: str) -> str:
    """``experiment=008`` or ``experiment=mqar-ladder`` with the name of the experiment's file."""
    key, _, reference = override.partition("=")
    if key != "experiment" or reference in ("", "null"):
        return override
    try:
        return f"experiment={find(reference, root=conf_dir().parent).stem}"
    except ValueError:  # whatever is wrong with it, the door says so
        return override


def _keys(config: Mapping[str, Any]) -> Iterator[str]:
    """The dotted keys of a config, those of its mappings included."""
    for name, _ in leaves(config):
        parts = name.split(".")
        yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _job(label: str, folder: RunFolder) -> SweptJob:
    """A job before it is begun: finished, if this code has finished it before."""
    try:
        done = folder.result() if folder.state() == "finished" else None
    except ValueError:  # the sweep names it, and goes on
        done = None
    return SweptJob(label=label, run=folder.name, status=done.status if done else "waiting")
