"""What a W&B server receives, from the client as it is."""

import json
import subprocess
import sys
from pathlib import Path
from subprocess import Popen

import pytest

from mad.track.report import send_report
from mad.track.settings import Track
from mad.track.weights_and_biases import run_id
from tests.track.stub import KEY, encoded_key, stub
from tests.track.watched import PATIENT, refused_port, senders, watch

__all__ = ["senders"]

ID = run_id("1" * 64, "2" * 64)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is configured."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)


def test_a_run_arrives_whole_and_a_retry_continues_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        settings = {**PATIENT, "kind": "auto", "tags": ["a", "b"], "artifacts": ["record"]}
        watched = watch(tmp_path / "run", settings)
        again = range(20, 61, 10)  # as a run does whose newest checkpoint is of step 10
        watch(tmp_path / "run", {**settings, "artifacts": []}, steps=again)
    assert f"W&B shows this run at {server.url}/tester/mad/runs/{ID}" in watched.log
    assert list(server.runs) == [ID]
    sent = server.runs[ID]
    assert sent.exit_code == 0
    assert sent.bucket["project"] == "mad"
    assert sent.bucket["groupName"] == "008-features"
    assert sent.bucket["jobType"] == "train"
    assert sent.bucket["tags"] == ["a", "b"]
    assert sent.bucket["displayName"] == "linear-mqar-s0"
    assert sent.config["model"] == {"d_model": 16}
    assert [(row["step"], row["train/loss_nats"]) for row in sent.history] == [
        (step, 3.0 - step / 100) for step in range(10, 61, 10)
    ]
    assert {row["cost/steps_per_second"] for row in sent.history} == {7.0}
    expected = {"status": "finished", "test/accuracy": 0.75, "cost/seconds": 1.5, "stamp/device": "a CPU"}
    assert expected.items() <= sent.summary.items()
    assert '"step"' in json.dumps(server.axes(ID))
    assert [artifact["artifactTypeName"] for artifact in server.artifacts] == ["record"]
    assert all(row.keys() == {"step", "train/loss_nats"} for row in watched.rows)
    for method, path, _, body in server.received:
        assert KEY.encode() not in body, (method, path)
        assert encoded_key().encode() not in body, (method, path)
    assert not [path for _, path, _, _ in server.received if "otel" in path]


def test_the_newest_checkpoint_arrives_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for step in (9, 30):
        (folder / f"checkpoint-{step:08d}.pt").write_bytes(f"weights of step {step}".encode())
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        watch(folder, {**PATIENT, "artifacts": ["checkpoint"]})
    assert [artifact["artifactTypeName"] for artifact in server.artifacts] == ["checkpoint"]
    sent = [body for method, _, _, body in server.received if method == "PUT"]
    assert b"weights of step 30" in sent
    assert b"weights of step 9" not in sent


def test_an_attempt_without_a_server_records_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    offline = {**PATIENT, "mode": "offline"}
    watch(tmp_path / "run", offline)
    watch(tmp_path / "run", offline, steps=range(20, 61, 10))
    recorded = [steps_in(file) for file in sorted(tmp_path.glob("run/wandb/offline-run-*/*.wandb"))]
    assert recorded == [[10, 20, 30], [40, 50, 60]]


def steps_in(file: Path) -> list[int]:
    """The steps of the history that an offline run holds."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [record["history"]["item"]["step"] for record in records if record["type"] == "history"]


def test_pages_are_recorded_where_no_host_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    folder, said = tmp_path / "008-features", list[str]()
    folder.mkdir()
    (folder / "report.md").write_text("# 008-features\n")
    monkeypatch.setenv("WANDB_BASE_URL", refused_port())
    monkeypatch.chdir(tmp_path)
    asked = Track(kind="wandb", artifacts=["report"], finish_seconds=120.0)
    send_report(asked, folder, say=said.append)
    (recorded,) = folder.glob("wandb/offline-run-*")
    (line,) = said
    assert "cannot be reached; recorded offline" in line
    assert f"`wandb sync 008-features/wandb/{recorded.name}` sends it" in line


def test_an_experiments_pages_arrive_where_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    folder, said = tmp_path / "008-features", list[str]()
    folder.mkdir()
    (folder / "report.md").write_text("# 008-features\n")
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        send_report(Track(kind="wandb"), folder, say=said.append)
        assert senders == []
        asked = Track(kind="wandb", artifacts=["report"], finish_seconds=120.0)
        send_report(asked, folder, say=said.append)
    assert said[0].startswith(f"W&B has the report: {server.url}/tester/mad/runs/")
    (run,) = server.runs.values()
    assert (run.bucket["jobType"], run.bucket["groupName"]) == ("report", "008-features")
    assert [artifact["artifactTypeName"] for artifact in server.artifacts] == ["report"]
    assert b"# 008-features\n" in [body for method, _, _, body in server.received if method == "PUT"]
