"""The doctor says what is there, what is not, and how to get it; never a key."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mad.browse import doctor
from mad.track import account
from tests.track.stub import KEY, stub

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working folder in which nothing is set up."""
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "MODAL_CONFIG_PATH", "MODAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def diagnosis(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    """What the doctor says as JSON, by part."""
    doctor.main(["--json"])
    return {finding["part"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_nothing_set_up_is_no_illness(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["part", "state", "found"]
    shown = {line.split("  ")[0]: line for line in lines[1:]}
    assert "-> wandb login" in shown["W&B key"]
    assert "-> modal setup" in shown["Modal token"]
    assert " ok " in shown["torch"]
    assert str(home) in shown["results"]
    assert list(home.iterdir()) == []


def test_keys_are_found_and_not_shown(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".modal.toml").write_text(
        '[old]\ntoken_id = "ak-old"\ntoken_secret = "as-old"\n\n'
        '[mine]\ntoken_id = "ak-secret"\ntoken_secret = "as-secret"\nactive = true\n'
    )
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        found = diagnosis(capsys)
    assert found["W&B key"]["found"] == "from WANDB_API_KEY"
    assert found["W&B host"] == {"part": "W&B host", "state": "ok", "found": server.url, "mend": ""}
    assert found["Modal token"]["found"] == f"from profile mine of {home}/.modal.toml"
    text = json.dumps(found)
    assert KEY not in text
    assert "ak-" not in text
    assert "as-secret" not in text


@pytest.mark.parametrize(
    "there, missing",
    [("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"), ("MODAL_TOKEN_SECRET", "MODAL_TOKEN_ID")],
)
def test_half_a_modal_token_is_told_with_the_half_that_is_missing(
    there: str, missing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(there, "planted-half")
    found = diagnosis(capsys)["Modal token"]
    assert found["state"] == "optional"
    assert found["found"] == f"half a Modal token is set: {missing} is missing"
    assert found["mend"].startswith(f"set {missing}, or run `modal setup`")
    assert "planted" not in json.dumps(found)


def test_half_a_token_in_each_place_is_a_whole_one(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".modal.toml").write_text('[default]\ntoken_secret = "as-secret"\n')
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-secret")
    found = diagnosis(capsys)["Modal token"]
    assert found["state"] == "ok"
    assert found["found"] == f"from MODAL_TOKEN_ID and profile default of {home}/.modal.toml"


def test_a_broken_file_of_modals_is_told(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / ".modal.toml").write_text("= not toml")
    found = diagnosis(capsys)["Modal token"]
    assert found["state"] == "optional"
    assert found["found"].startswith(f"{home}/.modal.toml cannot be read (")
    assert "modal token new" in found["mend"]


def test_a_host_that_does_not_answer_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(account, "is_reachable", lambda url, *, seconds: False)
    host = diagnosis(capsys)["W&B host"]
    assert host["state"] == "optional"
    assert "does not answer" in host["found"]


def test_what_every_run_needs_must_be_there(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "conf_dir", lambda: home / "nowhere")
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert doctor.main([]) == 1
    shown = capsys.readouterr().out
    assert f"no config.yaml in {home}/nowhere" in shown
    assert f"{home} cannot be written" in shown


def test_a_missing_package_is_told_with_its_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "trackio" else known(name))
    trackio = diagnosis(capsys)["trackio"]
    assert trackio["state"] == "optional"
    assert trackio["mend"] == "pip install 'mad[trackio]'"


def test_the_command_answers_in_80_columns_on_a_terminal(home: Path) -> None:
    code = (
        "import sys; sys.stdout.isatty = lambda: True\nfrom mad.run import main; sys.exit(main(['doctor']))"
    )
    environment = {"HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=home,
        env={**environment, "TERM": "xterm", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Modal token" in done.stdout
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert max(map(len, plain.splitlines())) <= 80
