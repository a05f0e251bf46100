"""The stamp says under what a result was made, and betrays nobody."""

import getpass
import json
import socket
import subprocess
from pathlib import Path

import pytest

from mad.report import stamp as module
from mad.report.stamp import stamp


def stamped() -> dict[str, object]:
    """A stamp of now."""
    return stamp(seed=3, device="a CPU", n_parameters=10, state_floats=20, train_flops=30)


def repository(folder: Path) -> None:
    """A folder under version control with one commit."""
    (folder / "mad").mkdir()
    (folder / "mad" / "a.py").write_text("one = 1\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def test_sizes_versions_and_device_are_there() -> None:
    found = stamped()
    assert {key: found[key] for key in ("seed", "device", "n_parameters", "state_floats", "train_flops")} == {
        "seed": 3,
        "device": "a CPU",
        "n_parameters": 10,
        "state_floats": 20,
        "train_flops": 30,
    }
    assert isinstance(found["versions"], dict)
    assert {"python", "torch", "omegaconf"} <= found["versions"].keys()
    assert str(found["started"]).endswith("+00:00")


def test_neither_host_nor_user_nor_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(stamped())
    for secret in (socket.gethostname(), str(Path.home()), str(Path.cwd()), f'"{getpass.getuser()}"'):
        assert secret not in text


def test_a_checkout_is_known_by_its_commit_and_whether_it_was_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    clean = stamped()
    assert len(str(clean["commit"])) == 40
    assert clean["dirty"] is False
    (tmp_path / "mad" / "a.py").write_text("one = 2\n")
    assert stamped()["dirty"] is True


def test_an_installed_package_is_not_taken_for_the_repository_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path)
    inner = tmp_path / "venv" / "site-packages"
    inner.mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", inner)
    assert stamped()["commit"] is None
    assert stamped()["dirty"] is None
