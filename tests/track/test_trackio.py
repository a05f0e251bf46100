"""Trackio keeps a run in its database, on this machine and without the network."""

import json
import sqlite3
from pathlib import Path
from subprocess import Popen

import pytest

from tests.track.watched import PATIENT, senders, watch

__all__ = ["senders"]


def test_a_run_is_kept_and_a_retry_continues_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody is there
    settings = {**PATIENT, "kind": "trackio", "project": "tried"}
    watched = watch(tmp_path / "run", settings)
    watch(tmp_path / "run", settings, steps=range(40, 61, 10))
    assert "trackio keeps this run: `trackio show --project tried`" in watched.log
    with sqlite3.connect(tmp_path / "trackio" / "tried.db") as database:
        kept = database.execute("select run_name, step, metrics from metrics order by step").fetchall()
        (configs,) = zip(*database.execute("select config from configs").fetchall(), strict=True)
    rows = [(step, json.loads(metrics)) for _, step, metrics in kept]
    assert {name for name, _, _ in kept} == {"linear-mqar-s0"}
    losses = {step: row["train/loss_nats"] for step, row in rows if "train/loss_nats" in row}
    assert losses == {step: 3.0 - step / 100 for step in range(10, 61, 10)}
    final = [row for _, row in rows if "final/test/accuracy" in row]
    assert [row["final/status"] for row in final] == ["finished", "finished"]
    assert any(json.loads(config)["model"] == {"d_model": 16} for config in configs)


def test_without_the_package_there_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mad.track.plan.is_installed", lambda package: False)
    watched = watch(tmp_path / "run", {**PATIENT, "kind": "trackio"})
    assert 'trackio is not installed; local files only (pip install "mad[trackio]")' in watched.log
