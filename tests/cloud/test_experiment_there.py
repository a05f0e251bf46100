"""A declared experiment whose runs are made at Modal ends as one that is run here."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from mad.door.compose import compose
from mad.launch.experiment import Declared
from mad.launch.sweep import sweep
from mad.report.judging.folder import ExperimentFolder
from mad.report.seal import unsealed
from mad.run import main
from tests.cloud.plane.control import Plane
from tests.cloud.small import words

NAME = "005-there"
DECLARATION = """\
# A test.
experiment:
  name: 005-there
  question: Does it come back?
  criteria:
    - {claim: it learns, where: {}, above: 0.01}
hydra: {sweeper: {params: {seed: "range(2)"}}}
"""


def test_what_is_collected_later_completes_the_experiment(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/005_there.yaml").write_text(DECLARATION)
    monkeypatch.chdir(tmp_path)
    composed = [compose(words("launch.wait=false", f"seed={seed}", results=tmp_path)) for seed in (0, 1)]
    configs = [{**config, "results": None, "experiment": {"name": NAME}} for config in composed]
    experiment = Declared.of(configs, command="mad -m experiment=005 launch=modal", grid=None)
    console = Console(file=io.StringIO(), width=80)
    assert sweep(configs, ["seed=0", "seed=1"], console=console, experiment=experiment) == 0
    folder = ExperimentFolder(tmp_path / "experiments" / NAME)
    assert [job.status for job in folder.sweep().jobs] == ["launched", "launched"]
    assert "launched" in (folder.path / "report.md").read_text()

    assert main(["collect", "005", "--wait"]) == 0
    assert f"experiments/{NAME}/report.html" in capsys.readouterr().out
    assert [job.status for job in folder.sweep().jobs] == ["finished", "finished"]
    report = (folder.path / "report.md").read_text()
    assert "launched" not in report
    assert "billed" not in report  # so there are dollars in the place of those words
    spent = unsealed(json.loads((folder.runs / "ledger.json").read_text()))
    costs = [result.cost["usd"] or 0 for result in folder.results()]
    assert sum(costs) == pytest.approx(sum(entry["usd"] for entry in spent.values()))
    assert len(plane.calls) == 2
