"""What leaves this machine, what comes to be there, and the files that remember it."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mad.door.compose import compose
from mad.launch.cloud.app import application, extras_of, on_hardware
from mad.launch.cloud.attempts import Logbook, attempts_of, seconds_of
from mad.launch.cloud.mirror import Mirror, copied, files_of, in_order
from mad.launch.cloud.order import Order
from mad.launch.cloud.remote import carry_out, run
from mad.launch.cloud.requirements import requirements
from mad.launch.cloud.ticket import Ticket
from mad.launch.settings import Cloud
from mad.report.identity import identity
from mad.report.record import RunFolder
from mad.run import main
from tests.cloud.plane.control import Plane
from tests.cloud.small import ROOT, words
from tests.cloud.tickets import ticket


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return compose(words(results=tmp_path / "runs"))


def ordered(config: dict[str, Any]) -> Order:
    return Order.of(config, settings=Cloud(), folder="one/launch")


def test_an_order_is_plain_json_and_means_the_same_run(config: dict[str, Any]) -> None:
    order = ordered(config)
    back = Order.from_json(order.to_json())
    assert back == order
    there = back.config_here("/scratch")
    assert identity(there) == identity(config)
    assert RunFolder.of(there).path == Path("/scratch") / order.run
    assert there["launch"] == {"kind": "local", "threads": 2, "device": "cuda"}
    assert not {"results", "launch"} & back.config.keys()


def test_a_gpu_that_was_asked_for_is_used_or_the_run_refused(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Order.of(config, settings=Cloud(gpu="T4"), folder="one/launch")
    without = Order.of(config, settings=Cloud(gpu=None), folder="one/launch")
    assert asked.config_here("/scratch")["launch"]["device"] == "cuda"
    assert without.config_here("/scratch")["launch"]["device"] == "auto"
    monkeypatch.setenv("MAD_DEVICE", "cpu")
    assert asked.config_here("/scratch")["launch"]["device"] == "cpu"


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_is_not_plain_is_not_sent(config: dict[str, Any], value: Any) -> None:
    with pytest.raises(ValueError, match="a config expects text, finite numbers, lists and mappings"):
        ordered({**config, "extra": value}).to_json()


def test_a_secret_in_the_words_is_hidden_and_one_in_the_meaning_refused(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "s3cret-s3cret-s3cret")
    asked = {**config["asked"], "overrides": ["track.group=s3cret-s3cret-s3cret"]}
    assert "s3cret" not in ordered({**config, "asked": asked}).to_json()
    with pytest.raises(ValueError, match="looks like a secret"):
        ordered({**config, "notes": "s3cret-s3cret-s3cret"})


def test_an_order_of_another_version_is_refused(config: dict[str, Any]) -> None:
    content = json.loads(ordered(config).to_json())
    for broken in ({**content, "more": 1}, {"config": {}}, []):
        with pytest.raises(ValueError, match="an order expects exactly the fields"):
            Order.from_json(json.dumps(broken))


def test_no_secret_reaches_modal(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567")
    monkeypatch.setenv("MY_SERVICE_TOKEN", "tok-tok-tok-tok-tok")
    assert main(words("launch.wait=false", "track.group=tok-tok-tok-tok-tok", results=tmp_path)) == 2
    assert main(words("launch.wait=false", results=tmp_path)) == 0
    sent = b"".join(request.body for request in plane.requests)
    assert b"vanilla_linear" in sent
    assert b"0123456789abcdef0123456789abcdef01234567" not in sent
    assert b"tok-tok-tok-tok-tok" not in sent


def test_the_key_to_wandb_goes_along_as_a_secret_of_the_launch(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")  # and nowhere else
    more = ("track=wandb", "track.mode=online", "launch.wait=false")
    given = [word for word in words(*more, results=tmp_path) if word != "track=files"]
    assert main(given) == 0
    holding = {request.name for request in plane.requests if key.encode() in request.body}
    assert holding == {"SecretGetOrCreate"}
    assert key.encode() not in b"".join(one.data for one in plane.calls[0].inputs)
    assert not [
        file for file in tmp_path.rglob("*") if file.is_file() and key in file.read_text(errors="replace")
    ]


def test_hardware_and_limits_are_those_of_the_settings() -> None:
    settings = Cloud(gpu="A100", cpu=4.0, memory_gib=16.0, timeout_seconds=77, retries=3, max_containers=5)
    _, function = application(settings)
    info = on_hardware(function, settings).info()
    assert info.gpus == [("A100", 1)]
    assert (info.cpu, info.memory_mib) == (4.0, 16384)
    assert (info.timeout, info.max_retries) == (77, 3)
    assert info.single_use_containers
    assert [mount.name for mount in info.volumes.values()] == ["mad-runs"]
    assert not on_hardware(function, Cloud(gpu=None)).info().gpus


def test_limits_reach_modal(plane: Plane, tmp_path: Path) -> None:
    more = ("launch.wait=false", "launch.timeout_seconds=77", "launch.retries=1", "launch.max_containers=3")
    assert main(words(*more, results=tmp_path)) == 0
    [call] = plane.calls
    assert (call.gpu, call.timeout, call.retries, call.function.max_containers) == ("T4", 77, 1, 3)


def test_a_container_installs_what_was_tested() -> None:
    constraints = {_same(line) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    found = requirements()
    untested = {_same(line) for line in found} - constraints
    assert all(line.startswith("setuptools==") for line in untested)
    names = {line.partition("==")[0] for line in found}
    assert {"torch", "numpy", "rich", "pyyaml", "wandb", "hydra-core"} <= names
    assert not names & {"modal", "pytest", "mypy", "optuna"}
    assert not [line for line in found if "+" in line]
    assert any(line.startswith("fla-core") for line in requirements(extras=["fla"]))
    assert extras_of([{"trainer": {"kernels": "fla"}}, {}]) == ["fla"]


def test_the_lines_of_the_image_agree_with_each_other_and_with_the_constraints() -> None:
    asked = ["install", "--dry-run", "--no-index", "--quiet", "--disable-pip-version-check"]
    arguments = [*asked, "-c", str(ROOT / "constraints.txt"), *requirements()]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def _same(line: str) -> str:
    name, _, version = line.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version.partition('+')[0]}"


def test_a_ticket_is_read_as_it_was_written(config: dict[str, Any], tmp_path: Path) -> None:
    given = ticket(config)
    given.write(tmp_path)
    assert Ticket.read(tmp_path) == given
    assert given.is_open
    assert not given.closed("finished").is_open
    assert Ticket.read(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"state": "open"}', "null"],
)
def test_a_broken_ticket_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "ticket.json").write_text(content)
    with pytest.raises(ValueError, match=r"ticket\.json is no ticket .* move it away"):
        Ticket.read(tmp_path)


@pytest.mark.parametrize("field, value", [("state", "lost"), ("usd_per_hour", "much"), ("call", 7)])
def test_a_ticket_with_a_wrong_field_is_named(
    field: str, value: Any, config: dict[str, Any], tmp_path: Path
) -> None:
    ticket(config).write(tmp_path)
    content = json.loads((tmp_path / "ticket.json").read_text())
    (tmp_path / "ticket.json").write_text(json.dumps({**content, field: value}))
    with pytest.raises(ValueError, match=f"is no ticket .*{field}"):
        Ticket.read(tmp_path)


def test_files_go_to_the_volume_in_an_order_to_resume_from(tmp_path: Path) -> None:
    names = ["result.json", "checkpoint-4.pt.sha256", "metrics.jsonl", "console.log", "checkpoint-4.pt"]
    assert in_order(names) == [
        "checkpoint-4.pt",
        "console.log",
        "metrics.jsonl",
        "checkpoint-4.pt.sha256",
        "result.json",
    ]
    source, target = tmp_path / "source", tmp_path / "target"
    for name in (*names, "lock", "wandb/run/x.log", "superseded/a/result.json", "result.json.tmp"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    copied(source, target)
    assert files_of(target) == in_order([*names, "wandb/run/x.log"])
    (source / "checkpoint-4.pt").unlink()
    (target / "attempts.json").write_text("[]")
    copied(source, target, keep=["attempts.json"])
    assert set(files_of(target)) == {*names, "wandb/run/x.log", "attempts.json"} - {"checkpoint-4.pt"}


def test_a_copy_that_fails_is_said_and_the_last_one_raises(capsys: pytest.CaptureFixture[str]) -> None:
    tried = threading.Semaphore(0)

    def refuse() -> None:
        tried.release()
        raise OSError("the disk is full")

    mirror = Mirror(refuse, every_seconds=0.001)
    mirror.start()
    assert tried.acquire(timeout=30)
    assert tried.acquire(timeout=30)  # the first one has been told by now
    with pytest.raises(OSError, match="the disk is full"):
        mirror.stop()
    assert "no copy was made (OSError: the disk is full)" in capsys.readouterr().out


def test_attempts_are_counted_and_timed(tmp_path: Path) -> None:
    first = Logbook(tmp_path)
    first.sign()
    second = Logbook(tmp_path)
    second.sign(ended="finished")
    second.sign()
    found = attempts_of((tmp_path / "attempts.json").read_text())
    assert (first.number, second.number) == (1, 2)
    assert [attempt.ended for attempt in found] == ["", "finished"]
    assert seconds_of(found) == sum(attempt.seconds for attempt in found)
    with pytest.raises(ValueError, match="attempts expect a list of known fields"):
        attempts_of('[{"a": 1}]')


class Disk:
    """A volume that is a folder."""

    def commit(self) -> None:
        """Nothing is held back."""

    def reload(self) -> None:
        """Nothing is hidden."""


def test_a_container_with_other_code_says_so(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAD_VOLUME_PATH", str(tmp_path / "volume"))
    order = Order(**{**json.loads(ordered(config).to_json()), "code": "0" * 64})
    envelope = carry_out(order, volume=Disk(), cancelled=lambda number: KeyboardInterrupt())
    assert envelope["status"] == "failed"
    assert "the container holds other code" in envelope["error"]
    assert "RuntimeError" in envelope["traceback"]


def test_an_order_that_cannot_be_read_is_refused_and_not_tried_again() -> None:
    envelope = run('{"config": {}}')
    assert envelope["status"] == "refused"
    assert "send it anew" in envelope["error"]
    assert envelope["attempts"] == []
