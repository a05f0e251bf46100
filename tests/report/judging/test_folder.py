"""An experiment's folder: what is read from it, what is written to it, and what is never touched."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mad.report.judging.folder import ExperimentFolder, load, located
from mad.report.judging.swept import Sweep, SweptJob
from mad.report.result import Result
from tests.report.judging.runs import run, seeds
from tests.report.judging.test_experiment import ROOT, written

DECLARED = """
experiment:
  name: 008-features
  criteria:
    - {claim: it recalls, where: {model: softmax}, above: 0.8}
hydra: {sweeper: {params: {seed: "0,1,2"}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> ExperimentFolder:
    """An experiment that was declared and not run."""
    written(tmp_path, DECLARED)
    return ExperimentFolder(tmp_path / "experiments/008-features")


def record(folder: ExperimentFolder, *results: Result) -> None:
    """Writes results where runs leave them."""
    for result in results:
        path = folder.runs / result.run_id
        path.mkdir(parents=True, exist_ok=True)
        (path / "config.yaml").touch()
        (path / "result.json").write_text(result.to_json(), encoding="utf-8")


def file_of(folder: ExperimentFolder) -> Path:
    """Its declaration."""
    return folder.path.parents[1] / "conf/experiment/008_features.yaml"


def test_an_experiment_is_loaded_by_its_number(folder: ExperimentFolder, tmp_path: Path) -> None:
    record(folder, *seeds(tests=[0.95, 0.96, 0.97]))
    evidence = load("8", root=tmp_path)
    assert (evidence.verdict, len(evidence.results), evidence.losses) == ("PROCEED", 3, ())
    assert load("features", root=tmp_path) == evidence


def test_what_was_not_run_is_undecided(folder: ExperimentFolder, tmp_path: Path) -> None:
    evidence = load("008", root=tmp_path)
    assert (evidence.verdict, evidence.arms) == ("UNDECIDED", ())
    assert not folder.path.exists()


def test_the_controls_of_the_readme_are_read_without_choices() -> None:
    evidence = load("001", root=ROOT)
    assert len(evidence.results) == 12
    assert "no criteria were declared" in evidence.reasons
    assert all(arm.best.test and arm.best.test.n == 3 for arm in evidence.arms)
    assert len(evidence.arms) == 4


def test_a_folder_without_a_declaration_is_read(folder: ExperimentFolder, tmp_path: Path) -> None:
    file = file_of(folder)
    record(folder, *seeds(tests=[0.95, 0.96, 0.97]))
    declared = file.read_text()
    file.unlink()
    assert load("008", root=tmp_path).reasons == ("no criteria were declared",)
    file.write_text(declared)
    folder.declare(file)
    file.unlink()
    assert load("008", root=tmp_path).verdict == "PROCEED"


def test_what_does_not_exist_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no experiment '777'"):
        load("777", root=tmp_path)


def test_a_root_without_conf_takes_the_package_s_own(tmp_path: Path) -> None:
    folder, file = located("001", root=tmp_path)
    assert folder.path == tmp_path / "experiments/001-mqar-controls"
    assert file == ROOT / "conf/experiment/001_mqar_controls.yaml"


def test_a_broken_result_is_named(folder: ExperimentFolder, tmp_path: Path) -> None:
    record(folder, run())
    next(folder.runs.glob("*/result.json")).write_text("{")
    (loss,) = load("008", root=tmp_path).losses
    assert loss.status == "unreadable"
    assert "result.json is no JSON" in loss.error
    with pytest.raises(ValueError, match=r"result\.json is no JSON"):
        folder.results()


def test_jobs_without_a_finished_result_are_losses(folder: ExperimentFolder, tmp_path: Path) -> None:
    good, diverged, unknown = run(seed=0), run(seed=1, status="diverged"), run(seed=2, status="preempted")
    record(folder, good, diverged, unknown)
    (folder.runs / "begun").mkdir()
    (folder.runs / "begun/config.yaml").touch()
    folder.write_sweep(
        Sweep(
            commands=("mad -m experiment=008",),
            jobs=(
                SweptJob(label="seed=0", run=good.run_id, status="finished"),
                SweptJob(label="seed=1", run=diverged.run_id, status="diverged", error="not finite"),
                SweptJob(
                    label="seed=3",
                    run="zz-lost",
                    status="failed",
                    error="died",
                    console_file="runs/zz-lost/c",
                ),
            ),
        )
    )
    evidence = load("008", root=tmp_path)
    found = {loss.label: (loss.status, loss.error) for loss in evidence.losses}
    assert found == {
        "begun": ("unfinished", ""),
        "seed=1": ("diverged", "the loss is not finite"),
        unknown.run_id: ("preempted", "the loss is not finite"),
        "seed=3": ("failed", "died"),
    }
    assert evidence.command == "mad -m experiment=008"
    assert "3 jobs have no result" in " ".join(evidence.reasons)


def test_a_job_that_has_finished_since_is_no_loss(folder: ExperimentFolder) -> None:
    result = run()
    folder.write_sweep(Sweep(jobs=(SweptJob(label="seed=0", run=result.run_id, status="failed"),)))
    assert len(folder.losses([])) == 1
    assert folder.losses([result]) == []


def test_a_sweep_is_read_as_it_was_written(folder: ExperimentFolder) -> None:
    assert folder.sweep() == Sweep()
    sweep = Sweep(commands=("mad",), jobs=(SweptJob(label="ä|<b>", run="r", status="failed", error="a\nb"),))
    folder.write_sweep(sweep)
    assert folder.sweep() == sweep
    folder.sweep_file.write_text('{"jobs": 3}')
    with pytest.raises(ValueError, match=r"sweep\.json is no record of a sweep"):
        folder.sweep()


def test_a_declaration_is_written_down_once_and_each_change_after_it(
    folder: ExperimentFolder, tmp_path: Path
) -> None:
    file = file_of(folder)
    assert folder.declare(file)
    first = folder.declared_file.read_bytes()
    assert not folder.declare(file)
    assert folder.declared_file.read_bytes() == first
    assert load("008", root=tmp_path).changes == ()

    record(folder, run())
    file.write_text(DECLARED.replace("0.8", "0.7").replace('"0,1,2"', "0"))
    (bar, seed) = load("008", root=tmp_path).changes
    assert bar == 'since it was last run: criterion "it recalls".above: 0.8 -> 0.7'
    assert seed == "since it was last run: grid.seed: 0,1,2 -> 0.0"

    assert folder.declare(file)
    assert folder.declared_file.read_bytes().startswith(first)
    (bar, _) = load("008", root=tmp_path).changes
    assert bar.endswith(' UTC, with 1 results in: criterion "it recalls".above: 0.8 -> 0.7')
    assert len(list(yaml.safe_load_all(folder.declared_file.read_text()))) == 2


def test_a_comment_or_another_spelling_is_no_change(folder: ExperimentFolder) -> None:
    file = file_of(folder)
    folder.declare(file)
    file.write_text("# Now with a comment.\n" + DECLARED.replace("0.8", "8.0e-1"))
    assert not folder.declare(file)


def test_a_wrong_declaration_is_not_written_down(folder: ExperimentFolder) -> None:
    file = file_of(folder)
    file.write_text(DECLARED.replace("above", "abve"))
    with pytest.raises(ValueError, match="abve"):
        folder.declare(file)
    assert not folder.path.exists()


def test_a_broken_history_is_named(folder: ExperimentFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.declared_file.write_text("--- {a: 1}\n")
    with pytest.raises(ValueError, match=r"declared\.yaml holds no versions"):
        folder.versions()


def test_a_decision_is_read_and_never_written(folder: ExperimentFolder, tmp_path: Path) -> None:
    assert folder.decision() is None
    folder.path.mkdir(parents=True)
    folder.decision_file.write_text("We go on.\n")
    load("008", root=tmp_path)
    folder.declare(file_of(folder))
    assert folder.decision() == folder.decision_file.read_text() == "We go on.\n"


def test_results_of_another_machine_are_the_same_evidence(folder: ExperimentFolder, tmp_path: Path) -> None:
    results = seeds(tests=[0.95, 0.96, 0.97])
    record(folder, *results)
    once = load("008", root=tmp_path)
    record(folder, *(replace(result) for result in results))
    assert load("008", root=tmp_path) == once
