"""A sweep of a declared experiment leaves what was declared, how its jobs ended, a report and a log entry."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.experiment import Declared
from mad.launch.sweep import sweep
from mad.report.judging.folder import ExperimentFolder
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


def run(configs: list[dict[str, Any]], *, whole: bool = True) -> tuple[int, str]:
    """The exit code and what was shown."""
    console = Console(file=io.StringIO(), width=80)
    experiment = Declared.of(configs, command="mad -m experiment=005", whole=whole)
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
    run(jobs(1), whole=False)
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
        assert Declared.of(configs, command="mad -m", whole=True) is None
