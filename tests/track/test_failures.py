"""W&B may be away, refuse, hang or die: it is said in a line, and a run loses no more than it granted."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from subprocess import Popen

import pytest

from mad.track import account, aside
from mad.track.plan import plan, settled
from mad.track.settings import Track
from tests.track.stub import KEY, stub
from tests.track.watched import PATIENT, black_hole, refused_port, senders, watch

__all__ = ["senders"]

GRANTED = 1.0
SLACK = 4.0
"""For a busy machine to start a process and to wake up in."""

IMPATIENT = {"kind": "auto", "finish_seconds": GRANTED, "console": False}

ROOT = Path(__file__).parents[2]


def test_a_sender_records_offline_where_the_host_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    host = refused_port()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", host)
    watched = watch(tmp_path / "run", PATIENT)
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert f"W&B {host} cannot be reached; recorded offline; `wandb sync" in watched.log
    assert folder.name in watched.log
    assert list(folder.glob("*.wandb"))


def test_a_wrong_key_is_told_and_the_run_is_recorded_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with stub(refuses=True) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        watched = watch(tmp_path / "run", PATIENT)
    assert "wandb login --relogin" in watched.log
    assert "recorded offline; `wandb sync" in watched.log
    assert KEY not in watched.log
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(black_hole, id="nobody lets anybody in"),
        pytest.param(lambda: nullcontext(refused_port()), id="nobody listens"),
    ],
)
def test_a_dead_host_costs_a_run_what_it_granted(
    host: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    senders: list[Popen[bytes]],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with host() as url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
        watched = watch(tmp_path / "run", IMPATIENT, steps=range(1, 3000))
    assert watched.seconds < GRANTED + SLACK
    assert len(watched.rows) == 2999
    assert "`wandb sync" in watched.log


@pytest.mark.parametrize("moment", ["UpsertBucket", "file_stream"])
def test_a_host_that_dies_costs_a_run_what_it_granted(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with stub(dies_at=moment) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        folder = tmp_path / "run"
        granted = {**IMPATIENT, "finish_seconds": 3.0}
        watched = watch(folder, granted)
    assert watched.seconds < 3.0 + SLACK
    assert "W&B has not taken everything in 3 s" in watched.log
    assert "`wandb sync" in watched.log


def test_without_a_key_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    watched = watch(tmp_path / "run", {**IMPATIENT, "console": True})
    assert senders == []
    line = watched.said.splitlines()[0]
    assert line.startswith("W&B: no key, ")
    assert "local files only (`wandb login` sets one; track=console: no W&B)" in line
    assert watched.log.splitlines()[0] == line
    assert not (tmp_path / "run" / "wandb").exists()


def test_asked_for_without_a_key_it_records_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    monkeypatch.setattr(account, "is_reachable", lambda url: pytest.fail("no key, no question"))
    watched = watch(tmp_path / "run", PATIENT)
    assert "W&B: no key (`wandb login` sets one); recorded offline" in watched.log
    assert f"`wandb sync {tmp_path}/run/wandb/offline-*` sends it" in watched.log
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))


def test_without_the_package_there_are_files(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'wandb':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "from pathlib import Path\n"
        "from tests.track.watched import watch\n"
        f"watched = watch(Path({str(tmp_path / 'run')!r}), {{'kind': 'wandb', 'console': False}})\n"
        "assert len(watched.rows) == 3\n"
        "print(watched.log)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "wandb is not installed; local files only (pip install wandb)" in done.stdout


def test_a_client_that_breaks_is_told_of_once(
    tmp_path: Path, senders: list[Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "wandb"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('the client is broken\\nin two lines')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    watched = watch(tmp_path / "run", PATIENT)
    line = "W&B has stopped (RuntimeError: the client is broken); local files only"
    assert watched.log.count(line) == 1
    assert len(watched.rows) == 3


def test_a_sender_that_is_killed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(aside, "COMMAND", [sys.executable, "-c", killer])
    watched = watch(tmp_path / "run", PATIENT)
    assert "W&B has ended by itself (exit code -9); local files only" in watched.log


HANGING = """
import time

class Error(Exception):
    pass

class Settings:
    sync_dir = "nowhere"
    def __init__(self, **given):
        pass

class Run:
    settings, url = Settings(), ""
    def define_metric(self, *names, **given):
        pass
    resumed, summary = False, {}
    def log(self, row):
        time.sleep(1e6)

def init(**given):
    HANG
    return Run()
"""


@pytest.mark.parametrize("hang", ["time.sleep(1e6)", "pass"], ids=["at its start", "at a row"])
def test_a_sender_that_hangs_ends_soon_after_its_run(
    hang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    (tmp_path / "wandb.py").write_text(HANGING.replace("HANG", hang))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    soon = "from mad.track import sender; sender.LAST_SECONDS = 0.2; sender.main()"
    monkeypatch.setattr(aside, "COMMAND", [sys.executable, "-P", "-c", soon])
    settings = {"kind": "wandb", "mode": "offline", "finish_seconds": 0.2, "console": False}
    watched = watch(tmp_path / "run", settings, steps=range(1, 3000))
    assert watched.seconds < 0.2 + SLACK
    assert senders[0].wait(timeout=60) == 1


def test_a_sender_that_hangs_up_without_ending_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: list[Popen[bytes]]
) -> None:
    deaf = "import os, time; os.close(1); time.sleep(1e6)"
    monkeypatch.setattr(aside, "COMMAND", [sys.executable, "-c", deaf])
    watched = watch(tmp_path / "run", PATIENT)
    assert watched.seconds < SLACK
    assert "W&B has ended by itself (it has hung up); local files only" in watched.log


def test_a_probe_takes_no_longer_than_it_may() -> None:
    with black_hole() as url:
        assert not account.is_reachable(url, seconds=0.2)
    assert not account.is_reachable(refused_port(), seconds=2.0)
    with stub() as server:
        assert account.is_reachable(server.url, seconds=10.0)


def test_a_sweep_asks_and_says_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, said = list[str](), list[str]()
    monkeypatch.setenv("WANDB_API_KEY", KEY)

    def asks(url: str) -> bool:
        asked.append(url)
        return False

    monkeypatch.setattr(account, "is_reachable", asks)
    configs = settled([{"seed": seed, "track": {"kind": "auto"}} for seed in range(5)], say=said.append)
    assert len(asked) == len(said) == 1
    assert "cannot be reached; recorded offline" in said[0]
    assert {(config["track"]["kind"], config["track"]["mode"]) for config in configs} == {
        ("wandb", "offline")
    }
    assert [config["seed"] for config in configs] == list(range(5))
    assert settled(configs, say=said.append) == configs
    assert len(said) == 1


def test_a_dashboard_that_would_end_with_its_container_is_refused_at_launch() -> None:
    said = list[str]()
    here, there, again = (
        {"track": {"kind": "trackio", "mode": "auto"}, "launch": {"kind": kind}}
        for kind in ("local", "modal", "modal")
    )
    configs = settled([here, there, again], say=said.append)
    assert [config["track"]["kind"] for config in configs] == ["trackio", "none", "none"]
    (line,) = said
    assert line.startswith("trackio keeps its dashboard on the machine of the run")
    assert "local files only (track=wandb tells a server)" in line


@pytest.mark.parametrize(
    "environment, kind, client, offline",
    [
        ({"WANDB_API_KEY": KEY}, "auto", "wandb", False),
        ({"WANDB_API_KEY": KEY, "WANDB_MODE": "offline"}, "auto", "wandb", True),
        ({"WANDB_API_KEY": KEY, "WANDB_MODE": "disabled"}, "wandb", None, False),
        ({"WANDB_MODE": "offline"}, "auto", "wandb", True),
        ({}, "auto", None, False),
        ({}, "wandb", "wandb", True),
        ({"WANDB_API_KEY": KEY}, "none", None, False),
        ({}, "trackio", "trackio", False),
    ],
)
def test_what_is_done_follows_from_settings_and_key(
    environment: dict[str, str], kind: str, client: str | None, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = plan(Track.of({"track": {"kind": kind}}))
    assert (found.client, found.offline) == (client, offline)


def test_the_key_of_a_login_is_found_for_its_host_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text(f"machine wandb.example.org\n  login user\n  password {KEY}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    assert account.key_source() is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org/")
    assert account.api_key() == KEY
    assert account.key_source() == str(file)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"kind": "tensorboard"}, "track.kind expects auto, wandb, trackio or none; got 'tensorboard'"),
        ({"knid": "auto"}, "unknown key track.knid; did you mean kind"),
        ({"mode": "sometimes"}, "track.mode expects auto, online or offline"),
        ({"project": ""}, "track.project expects a short name"),
        ({"tags": "one"}, "track.tags expects a list of short names"),
        ({"artifacts": ["weights"]}, "track.artifacts expects a list with any of record, checkpoint, report"),
        ({"finish_seconds": -1}, "track.finish_seconds expects a number of seconds"),
        ({"console": 1}, "track.console expects true or false"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Track.of({"track": settings})
