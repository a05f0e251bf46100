"""Two processes on one results folder: nothing is run twice, and neither takes the other's record away."""

import io
import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.launch.experiment import Declared
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import SweptJob
from mad.report.record import RunFolder
from tests.results import small_config, small_result
from tests.surroundings.small import PATIENCE, WORDS, environment
from tests.surroundings.test_places import result_in

NAME = "005-together"

DECLARATION = """\
# A test.
experiment:
  name: 005-together
  question: Is anything lost?
  criteria:
    - {claim: it recalls, where: {}, above: 0.8}
hydra: {sweeper: {params: {seed: "range(8)"}}}
"""

N = 8


def test_one_run_asked_for_twice_at_once_is_made_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mad.run", *WORDS]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment({}),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 1]), said
    assert codes == [0, 0] or any("is already running" in text for text in said)
    assert result_in(tmp_path / "runs").status == "finished"
    [curves] = (tmp_path / "runs").glob("*/metrics.jsonl")
    steps = [json.loads(line)["step"] for line in curves.read_text().splitlines()]
    assert steps == sorted(set(steps)), "no step stands there twice"


def _config(seed: int) -> dict[str, Any]:
    return small_config(Path(), seed=seed, results=None, experiment={"name": NAME})


def _take_part(seed: int, together: Any) -> None:
    """One of many commands that each run a part of the same experiment, and begin and end with the others."""
    config = _config(seed)
    grid = [(f"seed={n}", _config(n)) for n in range(N)]
    experiment = Declared.of([config], command=f"mad seed={seed}", grid=lambda: grid)
    assert experiment is not None
    folder = RunFolder.of(config)
    together.wait()
    experiment.begin([f"seed={seed}"], [config])
    with folder.claim(config):
        folder.write_result(small_result(config))
    together.wait()
    job = SweptJob(label=f"seed={seed}", run=folder.name, status="finished")
    experiment.end([job], swept=True, console=Console(file=io.StringIO()))


def test_commands_that_end_together_lose_none_of_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/005_together.yaml").write_text(DECLARATION)
    monkeypatch.chdir(tmp_path)
    processes = multiprocessing.get_context("fork")
    together = processes.Barrier(N, timeout=PATIENCE)
    parts = [processes.Process(target=_take_part, args=(seed, together)) for seed in range(N)]
    for part in parts:
        part.start()
    for part in parts:
        part.join(PATIENCE)
    assert [part.exitcode for part in parts] == [0] * N
    folder = ExperimentFolder(tmp_path / "experiments" / NAME)
    sweep = folder.sweep()
    assert {job.label: job.status for job in sweep.jobs} == {f"seed={n}": "finished" for n in range(N)}
    assert sorted(sweep.commands) == [f"mad seed={n}" for n in range(N)]
    assert len(folder.versions()) == 1
    assert len(folder.results()) == N
    assert f"{N} runs finished" in (tmp_path / "experiments/experiment-log.md").read_text()
