"""Experiments: how far they have come, and the research log."""

import json
from pathlib import Path

import pytest
import yaml

from mad.browse import new
from mad.browse.declared import all_known, by_priority, known
from mad.browse.grid import n_jobs
from mad.report.judging.experiment import declared
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import Sweep, SweptJob
from mad.report.lock import locked
from mad.run import main
from tests.browse.records import EXPERIMENT, left, unsealed
from tests.report.judging.runs import run, seeds
from tests.report.judging.test_experiment import ROOT, written

SMALL = """
experiment:
  name: 008-features
  question: Does it recall?
  hypothesis: It does.
  proposal: {id: 008-proposal, priority: medium}
  expected: {minutes: 50, usd: 0}
  criteria:
    - {claim: it recalls, where: {model: softmax}, above: 0.8}
hydra: {sweeper: {params: {seed: "0,1,2"}}}
"""


def other(name: str, priority: str | None) -> None:
    """One more declaration."""
    proposal = None if priority is None else {"id": name, "priority": priority}
    text = yaml.safe_dump({"experiment": {"name": name, "proposal": proposal}})
    written(Path(), text, name=name.replace("-", "_"))


def test_an_experiment_is_declared_then_partial_then_running_then_done() -> None:
    written(Path(), SMALL)
    assert known("008-features", root=Path()).state == "declared"
    folders = [left(result, where=EXPERIMENT) for result in seeds(tests=[0.95, 0.96, 0.97])]
    last = (folders[2] / "result.json").rename("kept")
    assert known("008-features", root=Path()).state == "partial 2/3"
    with locked(folders[2]):
        found = known("008-features", root=Path())
        assert (found.state, found.n_results, found.n_losses) == ("running 2/3", 2, 0)
    last.rename(folders[2] / "result.json")
    found = known("008-features", root=Path())
    assert (found.state, found.verdict, found.n_results, found.n_losses) == ("done", "PROCEED", 3, 0)
    assert found.minutes == pytest.approx(3 / 60)


def test_jobs_that_mean_the_same_run_are_done_when_the_sweep_knows_each() -> None:
    file = written(Path(), SMALL)
    folder = ExperimentFolder(Path("experiments/008-features"))
    folder.declare(file)
    names = [left(result, where=EXPERIMENT).name for result in seeds(tests=[0.95, 0.96])]
    jobs = [SweptJob(label=name, run=name, status="finished") for name in names]
    folder.write_sweep(Sweep(commands=("mad -m experiment=008_features",), jobs=tuple(jobs)))
    assert known("008-features", root=Path()).state == "done"
    folder.write_sweep(Sweep(commands=("mad -m experiment=008_features seed=0,1",), jobs=tuple(jobs)))
    assert known("008-features", root=Path()).state == "partial 2/3"
    jobs.append(SweptJob(label="seed=2", run="never", status="refused", error="no"))
    folder.write_sweep(Sweep(commands=("mad -m experiment=008_features",), jobs=tuple(jobs)))
    assert known("008-features", root=Path()).n_losses == 1


def test_a_broken_experiment_does_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    written(Path(), SMALL)
    written(Path(), "experiment: {name: 009-x, wrong: 1}", name="009_x")
    written(Path(), "[", name="010_y")
    written(Path(), SMALL.replace("008-features", "011-z"), name="011_z")
    folder = left(run(), where="experiments/011-z/runs")
    (folder / "result.json").write_text("{")
    Path("experiments/012-lost/runs").mkdir(parents=True)
    Path("experiments/012-lost/sweep.json").write_text("[]")
    Path("experiments/012-lost/declared.yaml").write_text("--- {a: 1}")
    errors = [each.error for each in all_known(Path())]
    assert errors[0] == ""
    for error, part in zip(
        errors[1:], ["unknown key", "is no YAML", "is no JSON", "no versions"], strict=True
    ):
        assert part in error
    for verb in ("experiments", "log"):
        assert main([verb]) == 0
        assert "unknown key experiment.wrong" in capsys.readouterr().out


def test_results_that_cannot_be_judged_are_an_error_and_no_crash() -> None:
    written(Path(), SMALL)
    folder = left(run(), where=EXPERIMENT)
    record = unsealed(folder / "result.json")
    del record["config"]["seed"]
    (folder / "result.json").write_text(json.dumps(record))
    found = known("008-features", root=Path())
    assert (found.verdict, found.n_results) == ("UNDECIDED", 0)
    assert found.error


def test_the_log_is_by_priority_and_quotes_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    written(Path(), SMALL)
    other("001-none", None)
    other("002-low", "low")
    other("003-high", "high")
    order = ["003-high", "008-features", "002-low", "001-none"]
    assert [each.experiment.name for each in by_priority(all_known(Path()))] == order
    left(run(test=0.95), where=EXPERIMENT)
    Path("experiments/008-features/decision.md").write_text("\n# We go on.\n\nBecause.\n")
    assert main(["log"]) == 0
    shown = capsys.readouterr().out
    assert [line.partition(":")[0] for line in shown.splitlines() if line[:1].isdigit()] == order
    for part in (
        "008-features: partial 1/3, UNDECIDED",
        "008-proposal, medium priority",
        "hypothesis  It does.",
        "estimated   50 min 00 s, 0.00 USD",
        "actual      3 s",
        "decision    We go on.",
        "decision    none yet",
    ):
        assert part in shown
    assert main(["log", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)[1]
    assert (entry["priority"], entry["verdict"], entry["decision"]) == ("medium", "UNDECIDED", "We go on.")


def test_experiments_are_listed_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    written(Path(), SMALL)
    other("001-none", None)
    assert main(["experiments"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.startswith("experiment ")
    assert [line.split()[0] for line in lines] == ["001-none", "008-features"]
    assert lines[1].split()[1:] == ["declared", "0", "0", "50", "Does", "it", "recall?"]


@pytest.mark.parametrize(
    "grid, skip, n",
    [
        ({"seed": "0,1,2"}, [], 3),
        ({"seed": "0, 1", "model": "a,b"}, [], 4),
        ({"seed": "0,1", "lr": "1e-3,1e-2"}, [{"seed": 1, "lr": [0.01]}], 3),
        ({"seed": "0,1"}, [{"model": "a"}], None),
        ({"seed": "range(3)"}, [], None),
        ({}, [], None),
    ],
)
def test_plain_grids_are_counted(grid: dict[str, str], skip: list[dict[str, object]], n: int | None) -> None:
    assert n_jobs(grid, skip=skip) == n


def test_a_new_experiment_is_written_and_the_next_commands_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf").mkdir()
    for group in ("model", "task", "recipe"):
        (tmp_path / "conf" / group).symlink_to(ROOT / "conf" / group)
    monkeypatch.setattr(new, "conf_dir", lambda: tmp_path / "conf")
    assert main(["new", "042-short-name"]) == 0
    path, dry, real = capsys.readouterr().out.splitlines()
    assert path == "conf/experiment/042_short_name.yaml"
    assert declared(Path(path)).name == "042-short-name"
    assert dry.split()[:4] == ["mad", "-m", "--dry-run", "experiment=042"]
    assert real.split()[:3] == ["mad", "-m", "experiment=042"]
    assert main(["new", "042-short-name"]) == 2
    assert "042 is taken" in capsys.readouterr().err


def test_a_report_is_asked_for_in_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    written(Path(), SMALL)
    assert main(["report", "777"]) == 2
    assert main(["report", "008", "--check"]) == 1
    assert main(["report", "008"]) == 0
    assert main(["report", "008", "--check"]) == 0
