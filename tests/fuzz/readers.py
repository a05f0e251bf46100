"""The files that are read back: how each comes to be, how it is read, and whether a change must be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mad.browse import runs
from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.prices import TABLE, table_in
from mad.launch.cloud.ticket import Ticket
from mad.report.identity import meaning
from mad.report.judging.experiment import declared
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import SweptJob, read_sweep
from mad.report.judging.versions import changes
from mad.report.metrics import Metrics
from mad.report.pages.curves import read_curves
from mad.report.pages.history import Snapshot, history, news, text_of
from mad.report.pages.log import append
from mad.report.record import RunFolder
from mad.report.result import Result
from tests.cloud.tickets import ticket
from tests.conf import CONF
from tests.results import small_config, small_result


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file."""

    name: str
    write: Callable[[Path], Path]
    """Makes a sound one in a folder, and returns it."""
    read: Callable[[Path], Any]
    """All that becomes of the file when it is read; what it returns can be compared."""
    names_it: bool = True
    """Whether a complaint names the file; of a config that is composed of many it may name a key instead."""
    seen: bool = False
    """Whether the reader must refuse all that says anything else than what was written."""
    begun: Callable[[Any, Any], bool] = lambda found, written: False
    """Whether what was found is a state in which a killed process may have left the file."""


def _result(folder: Path) -> Path:
    (folder / "result.json").write_text(small_result(small_config(folder)).to_json())
    return folder / "result.json"


def _claimed(folder: Path) -> RunFolder:
    run = RunFolder.of(small_config(folder))
    with run.claim(small_config(folder)):
        for step in range(20):
            run.metrics.append(
                {"step": step, "train/loss_nats": 1 / (1 + step), "validation/accuracy": step / 20}
            )
    return run


def _state(file: Path) -> str:
    return RunFolder.of(small_config(file.parent.parent)).state()


def _run(file: Path) -> Any:
    run = runs.read(file.parent)
    shown = run.name, run.experiment, list(run.choices), list(run.overrides), runs.last_row(run)
    if run.status == "unreadable":
        raise ValueError(run.error)
    return meaning(run.config), shown[0], shown[-1]


def _curves(folder: Path) -> Path:
    run = _claimed(folder)
    result = small_result(small_config(folder))
    run.write_result(Result(**{**vars(result), "curves_sha256": run.metrics.sha256()}))
    return run.metrics.path


def _curves_read(file: Path) -> Any:
    return read_curves(file.parent.parent, [Result.read(file.parent / "result.json")])


def _ticket(folder: Path) -> Path:
    ticket(small_config(folder)).write(folder)
    return folder / "ticket.json"


def _ledger(folder: Path) -> Path:
    for number in range(5):
        Ledger(folder).reserve(f"launch-{number}", run="a", usd=0.25 + number, budget_usd=None)
    Ledger(folder).settle("launch-2", usd=0.125)
    return Ledger(folder).path


def _experiment(folder: Path) -> ExperimentFolder:
    experiment = ExperimentFolder(folder / "experiments/008-cosine-log-linear")
    experiment.declare(CONF / "experiment/008_cosine_log_linear.yaml")
    return experiment


def _declared(folder: Path) -> Path:
    return _experiment(folder).declared_file


def _versions(file: Path) -> Any:
    known = ExperimentFolder(file.parent).versions()
    return known, changes(known), changes([*known, *known[:1]])


def _sweep(folder: Path) -> Path:
    experiment = _experiment(folder)
    jobs = [SweptJob(label=f"seed={n}", run=f"run-{n}", status="finished") for n in range(5)]
    experiment.write_sweep(experiment.sweep().then(command="mad -m seed=0,1", jobs=jobs, code="c" * 64))
    return experiment.sweep_file


def _decision(folder: Path) -> Path:
    experiment = _experiment(folder)
    experiment.decision_file.write_text("# Go on\n\nThe levels are worth it: 5 points.\n")
    return experiment.decision_file


def _history(folder: Path) -> Path:
    arms = {"softmax": (1.0, 3, 0.005), "linear": (0.25, 3, None), "none": (None, 0, None)}
    first = Snapshot(as_of="2026-11-24 01:46 UTC", verdict="UNDECIDED", arms=arms, n_results=12)
    second = Snapshot(as_of="2026-11-24 02:46 UTC", verdict="PROCEED", standings={"a": "met"}, n_results=14)
    (folder / "reports.jsonl").write_text(text_of([first, second]))
    return folder / "reports.jsonl"


def _news(file: Path) -> Any:
    known = history(file)
    return known, [news(before, after) for before, after in pairwise(known)]


ENTRY = "## 2026-11-24 01:46 UTC: 008-a, sweep\n\n- **Experiment 008-a**\n"


def _log(folder: Path) -> Path:
    append(folder / "experiment-log.md", ENTRY)
    append(folder / "experiment-log.md", ENTRY.replace("008", "009"))
    return folder / "experiment-log.md"


def _appended(file: Path) -> None:
    append(file, ENTRY.replace("008", "010"))


def _prices(folder: Path) -> Path:
    (folder / "prices.yaml").write_bytes(TABLE.read_bytes())
    return folder / "prices.yaml"


def _conf_experiment(folder: Path) -> Path:
    (folder / "experiment").mkdir()
    source = CONF / "experiment/008_cosine_log_linear.yaml"
    (folder / "experiment" / source.name).write_bytes(source.read_bytes())
    return folder / "experiment" / source.name


def _is_beginning(found: Any, written: Any) -> bool:
    return bool(found == written[: len(found)])


READERS = [
    Reader(name="result.json", write=_result, read=Result.read, seen=True),
    Reader(name="metrics.jsonl of a run that is done", write=_curves, read=_curves_read, seen=True),
    Reader(
        name="metrics.jsonl of a run under way",
        write=lambda folder: _claimed(folder).metrics.path,
        read=lambda file: (Metrics(file).rows(), Metrics(file).last(), Metrics(file).offset),
    ),
    Reader(name="claim.json", write=lambda folder: _claimed(folder).claim_file, read=_state, seen=True),
    Reader(name="config.yaml", write=lambda folder: _claimed(folder).config_file, read=_run, seen=True),
    Reader(name="ticket.json", write=_ticket, read=lambda file: Ticket.read(file.parent), seen=True),
    Reader(name="ledger.json", write=_ledger, read=lambda file: Ledger(file.parent).total(), seen=True),
    Reader(name="declared.yaml", write=_declared, read=_versions),
    Reader(name="sweep.json", write=_sweep, read=read_sweep),
    Reader(name="decision.md", write=_decision, read=lambda file: ExperimentFolder(file.parent).decision()),
    Reader(
        name="reports.jsonl",
        write=_history,
        read=_news,
        seen=True,
        begun=lambda found, written: _is_beginning(found[0], written[0]),
    ),
    Reader(name="experiment-log.md", write=_log, read=_appended),
    Reader(name="prices.yaml", write=_prices, read=table_in),
    Reader(name="a declaration in conf/experiment", write=_conf_experiment, read=declared),
]
