"""A container ends with its run: it waits longer for W&B, and no path names the container's disk."""

import os
from pathlib import Path
from subprocess import Popen

import pytest

from mad.track import place
from mad.track.place import patience, sends
from tests.track.stub import KEY, stub
from tests.track.watched import refused_port, senders, watch

__all__ = ["senders"]

SETTINGS = {"kind": "wandb", "mode": "auto", "finish_seconds": 0.1, "console": False}


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this were one."""
    monkeypatch.setenv("MODAL_TASK_ID", "ta-1")
    monkeypatch.setenv("WANDB_API_KEY", KEY)


@pytest.mark.parametrize(
    "inside, stopped, granted, waited",
    [
        (False, False, 5.0, 5.0),
        (False, True, 7.0, 7.0),
        (True, False, 5.0, 60.0),
        (True, False, 90.0, 90.0),
        (True, True, 90.0, 5.0),
        (True, True, 1.0, 1.0),
    ],
)
def test_the_end_of_a_run_waits_longer_in_a_container_unless_it_was_stopped(
    inside: bool, stopped: bool, granted: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODAL_TASK_ID", raising=False)
    if inside:
        monkeypatch.setenv("MODAL_TASK_ID", "ta-1")
    assert patience(granted, stopped=stopped) == waited


@pytest.mark.usefixtures("container")
def test_a_run_in_a_container_arrives_whole_though_it_grants_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setattr(place, "CONTAINER_SECONDS", 120.0)
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        watched = watch(tmp_path / "run", SETTINGS)
    (sent,) = server.runs.values()
    assert sent.exit_code == 0, watched.log
    assert len(sent.history) == 3
    assert "has not taken" not in watched.log


@pytest.mark.usefixtures("container")
def test_what_a_container_has_recorded_is_named_where_it_is_fetched_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setattr(place, "CONTAINER_SECONDS", 120.0)
    monkeypatch.setenv("WANDB_BASE_URL", refused_port())
    watched = watch(tmp_path / "linear-s0-abc", SETTINGS)
    (recorded,) = (tmp_path / "linear-s0-abc" / "wandb").glob("offline-run-*")
    assert f"`wandb sync linear-s0-abc/wandb/{recorded.name}` sends it" in watched.log
    assert str(tmp_path) not in watched.log
    assert os.path.relpath(tmp_path) not in watched.log


@pytest.mark.usefixtures("container")
def test_a_container_that_has_waited_in_vain_does_not_promise_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setattr(place, "CONTAINER_SECONDS", 0.1)
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        watched = watch(tmp_path / "linear-s0-abc", SETTINGS)
    assert "W&B has not taken everything in 0.1 s and this container ends with its run" in watched.log
    assert "`wandb sync linear-s0-abc/wandb/*run-*` sends it" in watched.log
    assert "by itself" not in watched.log


def test_here_a_path_is_said_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODAL_TASK_ID", raising=False)
    assert sends("runs/a/wandb/run-1", folder=tmp_path) == "`wandb sync runs/a/wandb/run-1` sends it"
