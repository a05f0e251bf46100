"""A sweep's experiment: what was declared is kept before the first run, what came out after the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mad.door.folder import conf_dir
from mad.report.judging.experiment import find
from mad.report.judging.folder import ExperimentFolder, Sweep, SweptJob, located
from mad.report.record import results_folder
from mad.track.report import send_report
from mad.track.settings import Track


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A declared experiment that is being run."""

    folder: ExperimentFolder
    file: Path
    """Its declaration."""
    command: str
    """As it was typed."""
    whole: bool
    """Whether this is the whole grid, and not a part of it that was asked for by further overrides."""
    track: Track
    """Who is told of the report."""

    @classmethod
    def of(cls, configs: Sequence[Mapping[str, Any]], *, command: str, whole: bool) -> "Declared | None":
        """The experiment of all jobs; None if they have none in common, or keep their records elsewhere."""
        names = {(config.get("experiment") or {}).get("name") for config in configs}
        name = names.pop()
        if names or name is None:
            return None
        folder, file = located(name, root=Path())
        if file is None or any(results_folder(config) != folder.runs for config in configs):
            return None
        track = Track.of(configs[0])
        return cls(folder=folder, file=file, command=command, whole=whole, track=track)

    def begin(self) -> None:
        """Keeps the declaration as it stands. Raises ValueError if it is wrong."""
        self.folder.declare(self.file)

    def end(self, jobs: Sequence[SweptJob], *, console: Console) -> None:
        """Keeps how the jobs ended, writes the report and the log's entry, and says where."""
        from mad.report.pages.publish import publish

        earlier = {} if self.whole else {job.run: job for job in self.folder.sweep().jobs}
        known = earlier | {job.run: job for job in jobs}
        self.folder.write_sweep(Sweep(command=self.command, jobs=tuple(known.values())))

        def say(line: str) -> None:
            console.print(line, markup=False, soft_wrap=True)

        for line in publish(self.folder.name):
            say(line)
        send_report(self.track, self.folder.path, say=say)


def in_full(override: str) -> str:
    """``experiment=008`` or ``experiment=mqar-ladder`` with the name of the experiment's file."""
    key, _, reference = override.partition("=")
    if key != "experiment" or reference in ("", "null"):
        return override
    try:
        return f"experiment={find(reference, root=conf_dir().parent).stem}"
    except ValueError:  # whatever is wrong with it, the door says so
        return override
