"""What a dry run says of the time that a sweep may take."""

from pathlib import Path
from typing import Any

from mad.launch.estimate import rest_of
from mad.report.record import RunFolder
from tests.results import small_config, small_result


def job(folder: Path, *, seed: int, model: str = "softmax", **changes: Any) -> dict[str, Any]:
    """A config with two processes."""
    return small_config(folder, seed=seed, model={"_target_": f"mad.{model}", "d_model": 8}, **changes)


def finish(config: dict[str, Any]) -> None:
    """Leaves a result of three seconds."""
    with RunFolder.of(config).claim(config):
        RunFolder.of(config).write_result(small_result(config))


def test_earlier_runs_of_the_same_kind_tell_how_long_the_rest_takes(tmp_path: Path) -> None:
    jobs = [job(tmp_path, seed=seed) for seed in range(5)]
    finish(jobs[0])
    assert rest_of(jobs) == "5 runs: 1 finished before, 4 to run; about 6 s (2 at once, after 1 earlier runs)"
    other = job(tmp_path, seed=9, model="cosformer")
    assert rest_of([*jobs, other]).endswith("so there is no estimate")


def test_what_the_choices_do_not_name_counts_as_well(tmp_path: Path) -> None:
    finish(job(tmp_path, seed=0))
    other_rate = job(tmp_path, seed=0, trainer={"learning_rate": 1e-2, "steps": 1000})
    assert "about 3 s" in rest_of([other_rate])
    longer = job(tmp_path, seed=0, trainer={"learning_rate": 1e-3, "steps": 9000})
    assert rest_of([longer]).endswith("so there is no estimate")


def test_a_declaration_is_asked_where_nothing_was_run(tmp_path: Path) -> None:
    experiment = {"name": "005-x", "expected": {"minutes": 10}}
    jobs = [job(tmp_path, seed=seed, experiment=experiment) for seed in range(2)]
    assert rest_of(jobs) == "2 runs: 0 finished before, 2 to run; about 10 min 00 s, says the declaration"


def test_a_finished_sweep_takes_no_time(tmp_path: Path) -> None:
    jobs = [job(tmp_path, seed=seed) for seed in range(2)]
    for config in jobs:
        finish(config)
    assert rest_of(jobs) == "2 runs: 2 finished before, 0 to run"
