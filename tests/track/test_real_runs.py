"""A run is the same run whoever watches it, and what it leaves behind holds no secret."""

import io
import json
import subprocess
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from rich.console import Console

from mad.execute import execute
from mad.launch.sweep import sweep
from mad.report.judging.folder import ExperimentFolder, Sweep
from mad.report.judging.swept import SweptJob
from mad.report.record import RunFolder
from mad.report.result import Result
from mad.run import main
from mad.train.loop import Training
from tests.test_execute import comparable, config
from tests.track.stub import KEY, stub
from tests.track.watched import black_hole, refused_port, senders

__all__ = ["senders"]

WANDB = {"kind": "wandb", "console": False, "finish_seconds": 120.0}

VARIABLES = {
    "WANDB_API_KEY": KEY,
    "MODAL_TOKEN_ID": "ak-planted0token0id000000",
    "MODAL_TOKEN_SECRET": "as-planted0token0secret00",
    "HF_TOKEN": "planted-hugging-face",
    "AWS_SECRET_ACCESS_KEY": "planted/aws+secret",
    "DATABASE_PASSWORD": "planted 'quoted' words",
}
OTHERS = {
    "an override": "planted-override-1",
    "a URL": "planted-url-password",
    "a git remote": f"ghp_{'planted' * 5}A",
    "a label": "planted-by-its-label",
    "an option": "planted-option-value",
    "a shape": f"sk-{'planted' * 4}",
}
SECRETS = [*VARIABLES.values(), *OTHERS.values()]

LEAK = (
    f"cloning https://me:{OTHERS['a git remote']}@example.org/x.git for "
    f"postgres://me:{OTHERS['a URL']}@host/x with password={OTHERS['a label']} "
    f"--api-key {OTHERS['an option']} {OTHERS['a shape']} {' '.join(VARIABLES.values())}; num_tokens=12345678"
)


def run(results: Path, **track: Any) -> dict[str, Any]:
    """A run of 60 steps that was asked for with a secret."""
    words = {"overrides": ["seed=0", f"+task.api_key={OTHERS['an override']}"], "choices": {}}
    return {**config(results), "track": track, "asked": words}


def assert_clean(*folders: Path) -> None:
    """Not a byte of any secret lies in the folders."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content, (file, secret)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in the environment, and in the remote of the repository around the working folder."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    remote = f"https://me:{OTHERS['a git remote']}@example.org/x.git"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", remote], check=True)


@pytest.mark.parametrize("host", ["refused", "black hole", "none"])
def test_who_watches_changes_no_result(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    execute({**config(tmp_path / "files"), "track": {}})
    expected = comparable(config(tmp_path / "files"))
    if host != "none":
        monkeypatch.setenv("WANDB_API_KEY", KEY)
    with black_hole() as hole:
        monkeypatch.setenv("WANDB_BASE_URL", hole if host == "black hole" else refused_port())
        execute({**config(tmp_path / "wandb"), "track": {**WANDB, "finish_seconds": 0.5}})
    assert comparable(config(tmp_path / "wandb")) == expected


@pytest.mark.usefixtures("planted")
def test_a_run_that_is_sent_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    with stub() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        whole = run(tmp_path / "runs", **WANDB, artifacts=["record"])
        result = execute(whole)
    assert result.status == "finished"
    (sent,) = server.runs.values()
    assert sent.summary["weights_sha256"] == result.weights_sha256
    assert sent.config["asked"]["overrides"] == ["seed=0", "+task.api_key=[redacted]"]
    assert len(sent.history) == 60
    for method, path, _, body in server.received:
        for secret in SECRETS:
            assert secret.encode() not in body, (method, path, secret)
    assert_clean(tmp_path / "runs")
    assert (RunFolder.of(whole).path / "wandb").exists()


@pytest.mark.usefixtures("planted")
def test_a_run_that_breaks_tells_no_secret(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    senders: list[Popen[bytes]],
) -> None:
    def leak(*arguments: Any, **options: Any) -> None:
        raise RuntimeError(LEAK)

    monkeypatch.setattr(Training, "_update", leak)
    whole = run(tmp_path / "runs", **{**WANDB, "mode": "offline", "console": True})
    with pytest.raises(RuntimeError):
        execute(whole)
    folder = RunFolder.of(whole)
    result = folder.result()
    assert result is not None
    assert "num_tokens=12345678" in (result.error or "")
    assert "RuntimeError: cloning https://me:[redacted]@example.org/x.git" in folder.console_file.read_text()
    assert list(folder.path.glob("wandb/offline-run-*/*.wandb"))
    assert_clean(tmp_path / "runs")
    printed = capfd.readouterr()
    assert not [secret for secret in SECRETS if secret in printed.out + printed.err]


def leaking(whole: dict[str, Any]) -> Result:
    """Stands in for a run in a worker's process: it says all it knows, and breaks."""
    print(LEAK)
    raise RuntimeError(LEAK)


@pytest.mark.usefixtures("planted")
def test_a_sweep_keeps_and_shows_no_secret(tmp_path: Path) -> None:
    whole = run(tmp_path / "runs")
    console = Console(file=io.StringIO(), width=80)
    assert sweep([whole], ["seed=0"], console=console, function=f"{__name__}:leaking") == 1
    said = RunFolder.of(whole).console_file.read_text()
    assert said.count("num_tokens=12345678") == 2
    assert "Traceback" in said
    folder = ExperimentFolder(tmp_path / "008-features")
    job = SweptJob(label=LEAK, run="a", status="failed", error=LEAK)
    folder.write_sweep(Sweep(commands=(f"mad -m +api_key={OTHERS['an override']} {LEAK}",), jobs=(job,)))
    assert json.loads(folder.sweep_file.read_text())["jobs"][0]["status"] == "failed"
    assert_clean(tmp_path / "runs", folder.path)
    assert not [secret for secret in SECRETS if secret in console.file.getvalue()]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("key", ["model.api_key", "track.tags"])
def test_a_secret_in_a_config_is_refused_and_not_repeated(
    key: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dry-run", f"+{key}=[{OTHERS['a shape']}]".replace("+track", "track")]) == 2
    printed = capfd.readouterr()
    assert key in printed.err
    assert OTHERS["a shape"] not in printed.out + printed.err
