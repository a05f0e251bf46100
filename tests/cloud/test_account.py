"""What is missing is said at once, in a line that names the command which mends it."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mad.launch.cloud.account import check_account
from mad.run import main
from tests.cloud.small import no_account, words


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN_ID", "TOKEN_SECRET", "PROFILE", "SERVER_URL", "CONFIG_PATH"):
        monkeypatch.delenv(f"MODAL_{name}", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something that takes connections where Modal is said to be."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("MODAL_SERVER_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


def configured(tmp_path: Path, text: str) -> None:
    (tmp_path / ".modal.toml").write_text(text)


TOKEN = 'token_id = "ak-1"\ntoken_secret = "as-1"\n'


def test_no_token_names_the_command_that_makes_one() -> None:
    with pytest.raises(ValueError, match=r"needs a Modal token and there is none; run `modal setup` once"):
        check_account()


def test_half_a_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    with pytest.raises(ValueError, match="MODAL_TOKEN_SECRET is missing"):
        check_account()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "text, profile, fits",
    [
        (f"[default]\n{TOKEN}", None, True),
        (f"[mine]\nactive = true\n{TOKEN}", None, True),
        (f"[mine]\n{TOKEN}", None, False),
        (f"[mine]\n{TOKEN}", "mine", True),
        (f"[mine]\nactive = true\n{TOKEN}", "other", False),
        ("", None, False),
        ("= not toml", None, False),
    ],
)
def test_the_profile_in_force_is_read_as_modal_does(
    text: str, profile: str | None, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, text)
    if profile:
        monkeypatch.setenv("MODAL_PROFILE", profile)
    if fits:
        check_account()
    else:
        with pytest.raises(ValueError, match=r"modal setup|modal token new"):
            check_account()


@pytest.mark.usefixtures("server")
def test_a_token_in_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-1")
    check_account()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:1,http://nowhere.invalid"])
def test_a_server_that_does_not_answer_is_named_in_time(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, f"[default]\n{TOKEN}")
    monkeypatch.setenv("MODAL_SERVER_URL", url)
    begun = time.monotonic()
    with pytest.raises(ValueError, match=re.escape("Modal cannot be reached (127.0.0.1:1")):
        check_account()
    assert time.monotonic() - begun < 5


def test_a_black_hole_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path, f"[default]\n{TOKEN}")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        filling = [socket.socket() for _ in range(8)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(address)
        monkeypatch.setenv("MODAL_SERVER_URL", f"http://127.0.0.1:{address[1]}")
        begun = time.monotonic()
        with pytest.raises(ValueError, match="did not answer within 3 s"):
            check_account()
        assert time.monotonic() - begun < 5
        for one in filling:
            one.close()


@pytest.mark.parametrize("flags", [[], ["-m"]], ids=["run", "sweep"])
def test_a_new_user_is_told_what_to_do_before_anything_is_composed(flags: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom mad.run import main\n"
        f"code = main({[*flags, *words(results=tmp_path / 'runs')]!r})\n"
        "assert 'hydra' not in sys.modules\n"
        "sys.exit(code)"
    )
    arguments = [sys.executable, "-W", "error", "-c", code]
    environment = no_account(tmp_path)
    done = subprocess.run(
        arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines() == [
        "mad: launch=modal needs a Modal token and there is none; run `modal setup` once, "
        "or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"
    ]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("flags", [[], ["-m"], ["--dry-run"]], ids=["run", "sweep", "dry run"])
def test_an_unknown_gpu_is_refused_naming_the_nearest(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*flags, *words("launch.gpu=A10000", results=tmp_path / "runs")]) == 2
    assert "mad: launch.gpu=A10000 is not one of Modal's; did you mean A100" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", [["collect"], ["cancel", "--all"]])
def test_without_jobs_nobody_asks_for_an_account(verb: list[str], tmp_path: Path) -> None:
    arguments = [sys.executable, "-W", "error", "-m", "mad.run", *verb]
    environment = no_account(tmp_path)
    done = subprocess.run(
        arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "no job is under way at Modal\n", "")
