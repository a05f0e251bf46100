"""A sweep of a declared experiment leaves what was declared, how its jobs ended, a report and a log entry."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.ending import Ending
from mad.launch.experiment import Declared, Grid
from mad.launch.sweep import sweep
from mad.report.judging.folder import ExperimentFolder
from mad.report.pages.publish import publish
from mad.report.record import RunFolder
from mad.report.result import Result
from tests.results import small_config

NAME = "005-rough"
DECLARATION = """\
# A test.
experiment:
  name: 005-rough
  question: Does anything break?
  criteria:
    - {claim: it recalls, where: {}, above: 0.8}
hydra: {sweeper: {params: {seed: "range(30)"}}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a declaration."""
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/005_rough.yaml").write_text(DECLARATION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def jobs(n: int, **launch: Any) -> list[dict[str, Any]]:
    """One config a seed, as members of the experiment."""
    settings = {"kind": "local", "jobs": 6, "threads": 1, "device": "cpu", "timeout_seconds": 4.0, **launch}
    return [
        small_config(Path(), seed=seed, results=None, launch=settings, experiment={"name": NAME})
        for seed in range(n)
    ]


def run(configs: list[dict[str, Any]], *, grid: Grid | None = None) -> tuple[int, str]:
    """The exit code and what was shown."""
    console = Console(file=io.StringIO(), width=80)
    experiment = Declared.of(configs, command="mad -m experiment=005", grid=grid)
    labels = [f"seed={config['seed']}" for config in configs]
    function = "tests.launch.stand_ins:rough"
    code = sweep(configs, labels, console=console, experiment=experiment, function=function)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_what_breaks_is_named_and_only_that_is_run_again(here: Path) -> None:
    code, shown = run(jobs(30))
    assert code == 1
    folder = ExperimentFolder(here / "experiments" / NAME)
    lost = {job.label: job for job in folder.sweep().jobs if job.status != "finished"}
    assert sorted(lost) == [f"seed={seed}" for seed in range(1, 9)]
    assert {job.error for job in lost.values()} == {
        "something broke",
        "the process ended by itself with exit code 139",
        "no end after 4 s (launch.timeout_seconds)",
    }
    assert all((folder.path / job.console_file).is_file() for job in lost.values())
    assert "something broke" in (folder.path / lost["seed=3"].console_file).read_text()
    assert len(list(folder.runs.glob("*/result.json"))) == 22
    report = (folder.path / "report.md").read_text()
    assert all(label in report for label in lost)
    (here / "mended").touch()
    (here / "begun").unlink()
    code, shown = run(jobs(30))
    assert code == 0
    assert "30 runs: 22 finished before, 8 to run" in shown
    assert sorted(map(int, (here / "begun").read_text().split())) == list(range(1, 9))
    log = (here / "experiments/experiment-log.md").read_text()
    assert log.count(f"{NAME}, sweep") == 2


def test_a_declaration_is_kept_before_the_first_run(here: Path) -> None:
    run(jobs(1))
    file = here / "conf/experiment/005_rough.yaml"
    file.write_text(file.read_text().replace("above: 0.8", "above: 0.3"))
    run(jobs(1))
    versions = ExperimentFolder(here / "experiments" / NAME).versions()
    assert [version.experiment["criteria"][0]["above"] for version in versions] == [0.8, 0.3]
    assert [version.n_results for version in versions] == [0, 1]


def test_a_part_of_the_grid_does_not_hide_what_broke_in_the_rest(here: Path) -> None:
    run(jobs(3))
    run(jobs(1), grid=lambda: [(f"seed={n}", config) for n, config in enumerate(jobs(3))])
    record = json.loads((here / "experiments" / NAME / "sweep.json").read_text())
    assert [job["status"] for job in record["jobs"]] == ["finished", "failed", "failed"]


def test_a_sweep_that_may_not_fail_begins_nothing_after_a_failure(here: Path) -> None:
    code, shown = run(jobs(6, jobs=1, fail_fast=True))
    assert code == 1
    assert (here / "begun").read_text().split() == ["0", "1"]
    assert shown.count("waiting") == 4


def test_jobs_that_lie_elsewhere_belong_to_no_experiment(here: Path) -> None:
    alone = [{**config, "experiment": None} for config in jobs(1)]
    elsewhere = [{**config, "results": "elsewhere"} for config in jobs(1)]
    unknown = [{**config, "experiment": {"name": "006-unknown"}} for config in jobs(1)]
    (here / "experiments/006-unknown").mkdir(parents=True)
    for configs in (alone, elsewhere, unknown, [*alone, *jobs(1)]):
        assert Declared.of(configs, command="mad -m", grid=None) is None


def whole(n: int) -> Grid:
    """The whole grid."""
    return lambda: [(f"seed={config['seed']}", config) for config in jobs(n)]


def record(here: Path) -> dict[str, str]:
    """How the jobs stand, by label."""
    return {job.label: job.status for job in ExperimentFolder(here / "experiments" / NAME).sweep().jobs}


def test_jobs_that_were_never_asked_for_are_named_as_waiting(here: Path) -> None:
    (here / "mended").touch()
    run(jobs(2), grid=whole(5))
    assert record(here) == {f"seed={n}": "finished" if n < 2 else "waiting" for n in range(5)}
    assert "seed=4" in (here / f"experiments/{NAME}/report.md").read_text()
    log = (here / "experiments/experiment-log.md").read_text()
    assert "completed in part" in log


def test_a_sweep_that_is_killed_leaves_its_jobs_named(here: Path) -> None:
    configs = jobs(3)
    experiment = Declared.of(configs, command="mad -m experiment=005", grid=None)
    assert experiment
    experiment.begin(["a", "b", "c"], configs)
    assert set(record(here).values()) == {"waiting"}


def test_an_old_result_does_not_answer_for_a_job_that_new_code_began(here: Path) -> None:
    (here / "mended").touch()
    run(jobs(3))
    folder = ExperimentFolder(here / "experiments" / NAME)
    sweep = folder.sweep()
    interrupted = [replace(job, status="waiting") if job.label != "seed=0" else job for job in sweep.jobs]
    folder.write_sweep(replace(sweep, code="f" * 64, jobs=tuple(interrupted)))
    results, _ = folder.records()
    assert [loss.label for loss in folder.losses(results)] == ["seed=1", "seed=2"]


def test_the_last_ending_is_told_and_not_the_one_before(here: Path) -> None:
    (here / "mended").touch()
    run(jobs(1))
    folder = ExperimentFolder(here / "experiments" / NAME)
    file = next(folder.runs.glob("*/result.json"))
    file.write_text(replace(Result.read(file), status="preempted", error="SIGINT").to_json())
    sweep = folder.sweep()
    died = replace(sweep.jobs[0], status="failed", error="the process ended by itself with exit code 139")
    folder.write_sweep(replace(sweep, jobs=(died,)))
    (loss,) = folder.losses(folder.records()[0])
    assert (loss.status, loss.error) == ("failed", died.error)


def test_a_broken_result_is_one_job_and_the_rest_goes_on(here: Path) -> None:
    (here / "mended").touch()
    run(jobs(1))
    next((here / f"experiments/{NAME}/runs").glob("*/result.json")).write_text('{"run_id"')
    code, shown = run(jobs(3))
    assert code == 1
    assert "1 unreadable, 2 to run" in shown
    assert record(here) == {"seed=0": "unreadable", "seed=1": "finished", "seed=2": "finished"}
    assert "is no JSON" in (here / f"experiments/{NAME}/report.md").read_text()


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("sweep.json", "[]", "is no record of a sweep"),
        ("reports.jsonl", "{", "is no JSON"),
        ("decision.md", b"\xff\xfe", "is no text in UTF-8"),
        ("declared.yaml", "experiment: null", "no versions of a declaration"),
    ],
)
def test_a_record_that_would_spoil_the_report_is_refused_before_the_runs(
    here: Path, name: str, content: str | bytes, reason: str
) -> None:
    file = here / "experiments" / NAME / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=reason):
        run(jobs(1))
    assert not (here / "begun").exists()


def test_a_key_that_no_run_has_is_refused_before_the_runs(here: Path) -> None:
    file = here / "conf/experiment/005_rough.yaml"
    file.write_text(file.read_text().replace("where: {}", "where: {model.d_modell: 8}"))
    with pytest.raises(
        ValueError, match=r"names model\.d_modell, which no run has; did you mean model\.d_model"
    ):
        run(jobs(1))
    assert not (here / "begun").exists()


def test_a_single_run_is_told_as_a_sweep_is(here: Path) -> None:
    (config,) = jobs(1)
    experiment = Declared.of([config], command="mad experiment=005 seed=0", grid=whole(2))
    assert experiment
    console = Console(file=io.StringIO(), width=80)
    with pytest.raises(RuntimeError, match="broke"), experiment.around(config, console=console):
        raise RuntimeError("it broke")
    assert sorted(record(here).values()) == ["failed", "waiting"]
    assert ExperimentFolder(here / "experiments" / NAME).versions()[0].n_results == 0
    assert (here / f"experiments/{NAME}/report.md").exists()


def test_reports_that_are_made_again_are_no_sweeps(here: Path) -> None:
    (here / "mended").touch()
    run(jobs(1))
    log = here / "experiments/experiment-log.md"
    before = log.read_text()
    file = here / "conf/experiment/005_rough.yaml"
    file.write_text(file.read_text().replace("above: 0.8", "above: 0.3"))
    publish(NAME)
    run(jobs(1))
    assert log.read_text() == before


def test_a_job_that_another_process_is_at_has_not_failed(here: Path) -> None:
    (here / "mended").touch()
    (config,) = jobs(1)
    with RunFolder.of(config).claim(config):
        code, _ = run([config])
    assert code == 1
    assert record(here) == {"seed=0": "running"}


def test_a_single_run_that_is_refused_is_not_recorded_as_launched(here: Path) -> None:
    [config] = jobs(1)
    experiment = Declared.of([config], command="mad experiment=005", grid=None)
    assert experiment
    with experiment.around(config, console=Console(file=io.StringIO(), width=80)) as told:
        told.append(Ending(status="refused", error="over the budget"))
    [job] = ExperimentFolder(here / "experiments" / NAME).sweep().jobs
    assert (job.status, job.error) == ("refused", "over the budget")
