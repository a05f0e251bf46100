"""Runs are found wherever they lie, whatever became of them; a broken record is one of many."""

import json
from pathlib import Path

import pytest

from mad.browse.runs import Run, all_runs, last_row
from mad.report.judging.folder import ExperimentFolder
from mad.report.judging.swept import Sweep, SweptJob
from mad.report.lock import locked
from tests.browse.records import EXPERIMENT, begun_by, left, three, unsealed
from tests.report.judging.runs import run


def only() -> Run:
    """The one run that there is."""
    (found,) = all_runs(Path())
    return found


def test_runs_are_found_in_both_places_the_newest_last() -> None:
    folders = three()
    found = all_runs(Path())
    assert [run.path for run in found] == folders
    assert [run.experiment for run in found] == ["", "", "008-features"]
    assert [run.status for run in found] == ["finished", "failed", "finished"]


def test_where_nothing_was_run_there_is_nothing() -> None:
    assert all_runs(Path()) == []
    Path("runs/.hidden").mkdir(parents=True)
    Path("runs/refused").mkdir()
    Path("runs/refused/console.log").touch()
    Path("runs/notes.txt").touch()
    assert all_runs(Path()) == []


def test_a_run_without_a_result_is_running_or_unfinished() -> None:
    folder = begun_by(run())
    with locked(folder):
        assert only().status == "running"
    found = only()
    assert found.status == "unfinished"
    assert found.choices["model"] == "softmax"


def test_a_run_that_is_made_again_does_not_show_the_failure_of_before() -> None:
    with locked(left(run(status="failed"))):
        found = only()
    assert (found.status, found.result, found.error) == ("running", None, "")


def test_a_run_that_died_is_failed_as_its_sweep_saw() -> None:
    folder = begun_by(run(), where=EXPERIMENT)
    job = SweptJob(label="seed=0", run=folder.name, status="failed", error="killed by SIGSEGV")
    ExperimentFolder(folder.parents[1]).write_sweep(Sweep(jobs=(job,)))
    assert (only().status, only().error) == ("failed", "killed by SIGSEGV")
    (folder.parents[1] / "sweep.json").write_text('{"command": "", "jobs": [{"run": []}]}')
    assert only().status == "unfinished"
    assert "sweep.json is no record of a sweep" in only().error


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"metrics": 3}, "metrics expects a mapping; got 3"),
        (
            {"metrics": {"test/accuracy": "high"}},
            'metrics.test/accuracy expects a finite number or null; got "',
        ),
        ({"metrics": {"test/accuracy": 10**400}}, "expects a finite number"),
        ({"cells": {"default": []}}, "cells.default expects a mapping"),
        ({"cost": {"seconds": True}}, "cost.seconds expects a finite number"),
        ({"stamp": {"state_floats": "many"}}, "stamp.state_floats expects a finite number"),
        ({"config": []}, "config expects a mapping"),
        ({"config": {"asked": {"choices": ["softmax"]}}}, "asked.choices expects a mapping"),
        ({"config": {"asked": {"choices": {"model": 3}}}}, "asked.choices.model expects text"),
        ({"config": {"asked": {"overrides": "seed=1"}}}, "asked.overrides expects a list"),
        ({"status": "done"}, "status expects one of"),
        ({"status": []}, ""),
        ({"best_step": "last"}, "best_step expects a finite number"),
        ({"run_id": 7}, "run_id expects text"),
        ({"more": 1}, "a mapping with code, config"),
    ],
    ids=str,
)
def test_a_result_that_is_none_is_unreadable_and_says_why(change: dict[str, object], reason: str) -> None:
    good = left(run(seed=1))
    bad = left(run(seed=0)) / "result.json"
    bad.write_text(json.dumps(unsealed(bad) | change))
    found = {run.path: run for run in all_runs(Path())}
    assert found[good].status == "finished"
    assert found[bad.parent].status == "unreadable"
    assert reason in found[bad.parent].error


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"status": NaN}', b"null", b"1" * 5000],
    ids=lambda content: repr(content[:8]),
)
def test_any_bytes_for_a_result_are_unreadable(content: bytes) -> None:
    (left(run()) / "result.json").write_bytes(content)
    assert only().status == "unreadable"
    assert only().error


@pytest.mark.parametrize(
    "content", ["[", "- 1", "3", "a: !!python/object:os.system 1", "asked: {choices: 3}"]
)
def test_a_config_that_is_none_is_unreadable(content: str) -> None:
    (begun_by(run()) / "config.yaml").write_text(content)
    assert only().status == "unreadable"
    assert only().error


def test_a_torn_last_line_is_as_a_kill_leaves_it_and_any_other_is_unreadable() -> None:
    metrics = begun_by(run()) / "metrics.jsonl"
    metrics.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert only().status == "unfinished"
    assert last_row(only()) == {"step": 2}
    metrics.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    assert only().status == "unreadable"
    assert "metrics.jsonl:2 is no JSON" in only().error
    left(run())
    assert only().status == "finished"


def test_a_folder_in_the_place_of_a_file_is_unreadable() -> None:
    Path("runs/odd/result.json").mkdir(parents=True)
    assert only().status == "unreadable"
