"""The folder of an experiment: what was declared, what was run, what came out, what was decided.

experiments/<NNN-name>/
    runs/            a folder for each run (record.py)
    declared.yaml    every version of the declaration, each with its time: written before the runs
    sweep.json       the jobs of the last sweep, and how they ended
    decision.md      what a person decided; read, never written
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mad.report.atomic import write_atomically
from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.experiment import Experiment, declared, find, named
from mad.report.judging.judge import judge
from mad.report.judging.versions import Version, change, changes, document, versions
from mad.report.redaction import redacted_value
from mad.report.result import Result, finite
from mad.report.stamp import ROOT


@dataclass(frozen=True, kw_only=True)
class SweptJob:
    """One job of a sweep and how it ended."""

    label: str
    run: str
    """The name of its folder in ``runs/``."""
    status: str
    error: str = ""
    console_file: str = ""
    """Relative to the experiment's folder; empty where nothing was said."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The last sweep."""

    command: str = ""
    """As it was typed."""
    jobs: tuple[SweptJob, ...] = ()


@dataclass(frozen=True)
class ExperimentFolder:
    """Where an experiment keeps its record."""

    path: Path

    @property
    def name(self) -> str:
        """The experiment's full name."""
        return self.path.name

    @property
    def runs(self) -> Path:
        """The folder of the run folders."""
        return self.path / "runs"

    @property
    def sweep_file(self) -> Path:
        """The jobs of the last sweep."""
        return self.path / "sweep.json"

    @property
    def declared_file(self) -> Path:
        """Every version of the declaration: a stream of YAML documents, appended to."""
        return self.path / "declared.yaml"

    @property
    def decision_file(self) -> Path:
        """What a person decided."""
        return self.path / "decision.md"

    def results(self) -> list[Result]:
        """All recorded results, by name. Raises ValueError for a file that is none."""
        return [_result(file) for file in sorted(self.runs.glob("*/result.json"))]

    def sweep(self) -> Sweep:
        """The last sweep; an empty one if there was none. Raises ValueError for an unreadable record."""
        if not self.sweep_file.exists():
            return Sweep()
        try:
            record = json.loads(self.sweep_file.read_text(encoding="utf-8"))
            return Sweep(command=record["command"], jobs=tuple(SweptJob(**job) for job in record["jobs"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self.sweep_file} is no record of a sweep ({error}); move it away") from error

    def write_sweep(self, sweep: Sweep) -> None:
        """Records the sweep in place of the one before, without the secrets that were typed or told."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(redacted_value(finite(asdict(sweep))), indent=2, ensure_ascii=False)
        write_atomically(self.sweep_file, text + "\n")

    def losses(self, results: Sequence[Result]) -> list[Loss]:
        """The jobs without a finished result, as of the last sweep and as the run folders show."""
        finished = {result.run_id for result in results if result.status == "finished"}
        jobs = {job.run: job for job in self.sweep().jobs}
        found = {name: _loss(job) for name, job in jobs.items() if name not in finished}
        for result in results:
            if result.status != "finished":
                label = jobs[result.run_id].label if result.run_id in jobs else result.run_id
                found[result.run_id] = self._recorded_loss(result, label)
        known = {result.run_id for result in results} | jobs.keys()
        for file in sorted(self.runs.glob("*/config.yaml")):
            name = file.parent.name
            if name not in known:
                found[name] = Loss(label=name, status="unfinished", error="", console_file=_console(name))
        return [found[name] for name in sorted(found)]

    def declare(self, file: Path) -> bool:
        """Writes down what ``file`` declares, before it is run; whether it differs from the version before.

        Earlier versions stay as they are. Raises ValueError, and writes nothing, if the file is wrong.
        """
        declared(file)
        known, now = self.versions(), Version.of_file(file)
        if known and not change(known[-1], now):
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        n_results = len(list(self.runs.glob("*/result.json")))
        write_atomically(self.declared_file, self._declared_text() + document(now, n_results=n_results))
        return True

    def versions(self) -> list[Version]:
        """Every version of the declaration, the first one first. Raises ValueError for a broken file."""
        return versions(self._declared_text(), file=self.declared_file)

    def decision(self) -> str | None:
        """What a person decided, or None."""
        return self.decision_file.read_text(encoding="utf-8") if self.decision_file.exists() else None

    def evidence(self, experiment: Experiment) -> Evidence:
        """What there is, judged."""
        results = self.results()
        return judge(
            experiment,
            results=results,
            losses=self.losses(results),
            changes=changes(self.versions()),
            command=self.sweep().command,
        )

    def _declared_text(self) -> str:
        return self.declared_file.read_text(encoding="utf-8") if self.declared_file.exists() else ""

    def _recorded_loss(self, result: Result, label: str) -> Loss:
        return Loss(
            label=label,
            status=result.status,
            error=result.error or "",
            console_file=_console(result.run_id),
        )


def load(reference: str, *, root: Path | None = None) -> Evidence:
    """What an experiment has shown so far: of ``008``, ``mqar-ladder`` or a full name.

    ``root`` holds ``experiments/`` and ``conf/``; by default it is the working directory, and the package's
    own ``conf`` stands in where that has none. The declaration is the one in ``conf/experiment/``, or the
    last one that was run where that file is gone. Raises ValueError if there is no such experiment.
    """
    folder, file = located(reference, root=root or Path())
    if file is None:
        return folder.evidence(_last_declared(folder))
    evidence = folder.evidence(declared(file))
    later = _edit_since(folder, file)
    return Evidence(**{**vars(evidence), "changes": (*evidence.changes, *later)})


def located(reference: str, *, root: Path) -> tuple[ExperimentFolder, Path | None]:
    """The folder of an experiment (it may not be there yet) and the file of its declaration, if there is one.

    Raises ValueError if there is neither.
    """
    conf = _conf_root(root)
    declared_names = {file.stem.replace("_", "-") for file in (conf / "conf/experiment").glob("*.yaml")}
    folder_names = {path.name for path in (root / "experiments").glob("[0-9][0-9][0-9]-*") if path.is_dir()}
    name = named(reference, sorted(declared_names | folder_names))
    file = find(name, root=conf) if name in declared_names else None
    return ExperimentFolder(root / "experiments" / name), file


def _conf_root(root: Path) -> Path:
    """What holds ``conf/``: the given folder, the checkout, or the installed package."""
    places = (root, ROOT, ROOT / "mad")
    return next((place for place in places if (place / "conf/experiment").is_dir()), root)


def _last_declared(folder: ExperimentFolder) -> Experiment:
    known = folder.versions()
    return Experiment.of(known[-1].experiment) if known else Experiment(name=folder.name)


def _edit_since(folder: ExperimentFolder, file: Path) -> list[str]:
    known = folder.versions()
    now = Version.of_file(file)
    return [f"since it was last run: {what}" for what in change(known[-1], now)] if known else []


def _result(file: Path) -> Result:
    try:
        return Result.from_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no result ({error}); move it away") from error


def _loss(job: SweptJob) -> Loss:
    return Loss(label=job.label, status=job.status, error=job.error, console_file=job.console_file)


def _console(name: str) -> str:
    return f"runs/{name}/console.log"
