"""The folder of an experiment: what was declared, what was run, what came out, what was decided.

experiments/<NNN-name>/
    runs/            a folder for each run (record.py)
    declared.yaml    every version of the declaration, each with its time: written before the runs
    sweep.json       the jobs of the grid, and how they ended (swept.py)
    decision.md      what a person decided; read, never written
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mad.report.atomic import write_atomically
from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.experiment import Experiment, declared, find, named
from mad.report.judging.judge import judge
from mad.report.judging.swept import Sweep, read_sweep, write_sweep
from mad.report.judging.versions import Version, change, changes, document, versions
from mad.report.reading import text_in
from mad.report.result import Result
from mad.report.stamp import ROOT


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
        return [Result.read(file) for file in sorted(self.runs.glob("*/result.json"))]

    def records(self) -> tuple[list[Result], list[Loss]]:
        """The results that can be read, by name, and what lies in the place of others."""
        results, losses = list[Result](), list[Loss]()
        for file in sorted(self.runs.glob("*/result.json")):
            name = file.parent.name
            try:
                result = Result.read(file)
                if result.run_id != name:
                    raise ValueError(f"{file} is the record of {result.run_id}; move the copy away")
                results.append(result)
            except (ValueError, OSError) as error:
                losses.append(Loss(label=name, status="unreadable", error=str(error), console_file=""))
        return results, losses

    def sweep(self) -> Sweep:
        """The last sweep; an empty one if there was none. Raises ValueError for an unreadable record."""
        return read_sweep(self.sweep_file)

    def write_sweep(self, sweep: Sweep) -> None:
        """Records the sweep in place of the one before."""
        write_sweep(self.sweep_file, sweep)

    def losses(self, results: Sequence[Result]) -> list[Loss]:
        """The jobs without a finished result, as of the last sweep and as the run folders show."""
        sweep, by_name = self.sweep(), {result.run_id: result for result in results}
        jobs = {job.run: job for job in sweep.jobs}
        found = {name: job.loss() for name, job in jobs.items() if not sweep.is_made(job, by_name.get(name))}
        for name, result in by_name.items():
            if result.status != "finished" and name not in found:
                label = jobs[name].label if name in jobs else name
                found[name] = self._recorded_loss(result, label)
        for file in sorted(self.runs.glob("*/config.yaml")):
            name = file.parent.name
            if name not in found and not (file.parent / "result.json").exists():
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
        return text_in(self.decision_file) if self.decision_file.exists() else None

    def evidence(self, experiment: Experiment) -> Evidence:
        """What there is, judged."""
        results, unreadable = self.records()
        return judge(
            experiment,
            results=results,
            losses=[*unreadable, *self.losses(results)],
            changes=changes(self.versions()),
            command="\n".join(self.sweep().commands),
        )

    def _declared_text(self) -> str:
        return text_in(self.declared_file) if self.declared_file.exists() else ""

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
    return replace(evidence, changes=(*evidence.changes, *later))


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


def _console(name: str) -> str:
    return f"runs/{name}/console.log"
