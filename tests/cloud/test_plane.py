import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cloud.plane.calls import Call
from tests.cloud.plane.control import Plane

EXAMPLE = Path(__file__).parent / "plane" / "example"
PROJECT = Path(__file__).parents[2]
PATIENCE = 120  # seconds, on a busy machine; no test waits so long for what goes well


@pytest.fixture
def tiny(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The small app, running for as long as the test."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    import tiny_app

    with tiny_app.app.run():
        yield tiny_app


def python(code: str, *, plane: Plane) -> str:
    """What a program prints that runs as a client of its own, in another process."""
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {**plane.environment, "PYTHONPATH": str(EXAMPLE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that does not exist yet: bodies wait until a test makes it."""
    return tmp_path / "gate"


def has_committed(call: Call, n_times: int) -> bool:
    return call.commits >= n_times


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_spawned_call_returns_what_the_body_returned(plane: Plane, tiny: Any) -> None:
    spawned = tiny.add.spawn(1, 2)
    assert spawned.get_dashboard_url().endswith(spawned.object_id)
    assert spawned.get(timeout=PATIENCE) == 3
    [call] = plane.calls
    assert (call.id, call.function_name, call.state) == (spawned.object_id, "add", "success")
    assert (call.attempts, call.preemptions) == (1, 0)
    plane.wait(lambda: "adding 1 and 2" in call.log)


def test_a_map_gives_every_result_and_the_one_error(plane: Plane, tiny: Any) -> None:
    pairs = [(number, number) for number in range(6)]
    results = list(tiny.add.starmap(pairs, return_exceptions=True))
    assert results[1:] == [2, 4, 6, 8, 10]
    assert isinstance(results[0], ValueError)
    [call] = plane.calls
    assert call.state == "failure"
    assert [one.state for one in call.inputs].count("success") == 5


def test_another_process_collects_what_a_detached_client_has_left(plane: Plane, gate: Path) -> None:
    launch = f"""
import tiny_app
with tiny_app.app.run(detach=True):
    print(tiny_app.wait.spawn({str(gate)!r}).object_id)
"""
    collect = f"""
import modal
call = modal.FunctionCall.from_id({python(launch, plane=plane).strip()!r})
try:
    print(call.get(timeout=0))
except TimeoutError:
    print("not yet")
open({str(gate)!r}, "w").close()
print(call.get(timeout={PATIENCE}) > 1)
"""
    assert python(collect, plane=plane).split("\n")[:2] == ["not yet", "True"]


def test_an_attached_client_takes_its_calls_with_it(plane: Plane) -> None:
    python("import tiny_app\nwith tiny_app.app.run():\n tiny_app.wait.spawn('/never')", plane=plane)
    plane.wait(lambda: plane.calls[0].state == "cancelled")
    plane.wait(lambda: not any(container.alive for container in plane.containers))


def test_a_body_is_told_of_its_cancellation(plane: Plane, tiny: Any) -> None:
    import modal

    spawned = tiny.stubborn.spawn()
    [call] = plane.calls
    plane.wait(lambda: "sleeping" in call.log)
    spawned.cancel()
    with pytest.raises(modal.exception.RemoteError, match="cancelled"):
        spawned.get(timeout=PATIENCE)
    assert call.state == "cancelled"
    plane.wait(lambda: (plane.volume("tiny") / "cancelled").exists())


def test_three_preemptions_count_as_no_attempt_and_the_input_goes_on(
    plane: Plane, tiny: Any, gate: Path
) -> None:
    spawned = tiny.count.spawn(str(gate))
    [call] = plane.calls
    for _ in range(3):
        plane.preempt(call, after=functools.partial(has_committed, call, call.commits + 2))
    gate.touch()
    starts = spawned.get(timeout=PATIENCE)
    assert (call.attempts, call.preemptions, call.inputs[0].starts) == (1, 3, 4)
    assert starts[0] == 0
    assert len(starts) == 4
    assert starts == sorted(set(starts))  # each began where another had stopped


def test_who_is_deaf_to_a_preemption_is_killed_after_the_grace(plane: Plane, tiny: Any) -> None:
    plane.limits.grace_seconds = 0.3
    spawned = tiny.stubborn.spawn()
    [call] = plane.calls
    plane.preempt(call, after=lambda: "sleeping" in call.log)
    assert spawned.get(timeout=PATIENCE) == "went on"
    assert (call.preemptions, call.attempts) == (1, 1)
    assert plane.containers[0].code == -signal.SIGKILL


def test_what_was_not_committed_is_lost_with_the_container(plane: Plane, tiny: Any, gate: Path) -> None:
    spawned = tiny.scribble.spawn(str(gate))
    [call] = plane.calls
    plane.preempt(call, after=lambda: "scribbled" in call.log)
    gate.touch()
    assert spawned.get(timeout=PATIENCE) == []
    assert call.preemptions == 1
    assert plane.containers[0].code != -signal.SIGKILL  # it ended in good order
    assert not list(plane.volume("tiny").iterdir())


def test_a_timeout_is_retried_within_the_retries(plane: Plane, tiny: Any) -> None:
    import modal

    short = tiny.stubborn.with_options(timeout=2, retries=1)
    assert short.spawn().get(timeout=PATIENCE) == "went on"
    [call] = plane.calls
    assert (call.timeout, call.retries, call.attempts, call.state) == (2, 1, 2, "success")
    assert (plane.volume("tiny") / "cancelled").exists()
    late = tiny.wait.with_options(timeout=1, retries=0).spawn("/never")
    with pytest.raises(modal.exception.FunctionTimeoutError, match="timeout of 1s"):
        late.get(timeout=PATIENCE)
    assert plane.calls[1].state == "timeout"


def test_a_killed_container_counts_as_an_attempt(plane: Plane, tiny: Any, gate: Path) -> None:
    import modal

    spawned = tiny.count.spawn(str(gate))
    [call] = plane.calls
    plane.kill(call, after=lambda: call.commits >= 2)
    gate.touch()
    assert spawned.get(timeout=PATIENCE)[1] >= 2
    assert (call.attempts, call.preemptions) == (2, 0)
    lost = tiny.wait.spawn("/never")  # without retries
    plane.kill(plane.calls[1])
    with pytest.raises(modal.exception.InternalFailure, match="code -9"):
        lost.get(timeout=PATIENCE)


def test_an_error_of_the_body_is_tried_again_as_often_as_the_retries_say(plane: Plane, tiny: Any) -> None:
    spawned = tiny.add.with_options(retries=2).spawn(1, 0)
    with pytest.raises(ValueError, match="nothing to add"):
        spawned.get(timeout=PATIENCE)
    assert (plane.calls[0].attempts, plane.calls[0].state) == (3, "failure")


def test_what_is_committed_comes_back_to_the_client(plane: Plane, tiny: Any, gate: Path) -> None:
    import modal

    gate.touch()
    tiny.count.remote(str(gate))
    assert b"".join(tiny.volume.read_file("steps")) == b"1"
    assert [entry.path for entry in tiny.volume.listdir("/")] == ["starts", "steps"]
    with pytest.raises(FileNotFoundError):
        list(tiny.volume.read_file("nothing"))
    with tiny.volume.batch_upload() as batch:
        batch.put_file(EXAMPLE / "notes.txt", "deep/notes.txt")
    assert (plane.volume("tiny") / "deep/notes.txt").read_text() == (EXAMPLE / "notes.txt").read_text()
    large = os.urandom(9 * 1024 * 1024)  # more than one block
    (plane.volume("tiny") / "large").write_bytes(large)
    assert b"".join(tiny.volume.read_file("large")) == large
    with pytest.raises(modal.exception.NotFoundError):
        modal.Volume.from_name("nobody").listdir("/")


def test_a_container_works_on_a_copy_of_the_volume_until_it_reloads(
    plane: Plane, tiny: Any, gate: Path
) -> None:
    gate.touch()
    (plane.volume("tiny") / "steps").write_text("3")
    assert tiny.count.remote(str(gate)) == [3]
    (plane.volume("tiny") / "steps").write_text("1")
    assert tiny.count.remote(str(gate)) == [3, 1]
    assert len(plane.containers) == 1
    assert "open files" in tiny.hold_open.remote()


def test_options_of_a_variant_are_seen(plane: Plane, tiny: Any) -> None:
    variant = tiny.add.with_options(gpu="A100-80GB", timeout=77, retries=4, max_containers=1)
    assert variant.remote(2, 3) == 5
    [call] = plane.calls
    assert (call.gpu, call.timeout, call.retries) == ("A100-80GB", 77, 4)
    assert call.function.max_containers == 1
    assert call.inputs[0].data
    assert call.outputs[0]


def test_max_containers_is_held(plane: Plane, tiny: Any, gate: Path) -> None:
    gate.touch()
    few = tiny.wait.with_options(max_containers=2)
    pids = set(few.map([str(gate)] * 6))
    assert len(pids) <= 2
    assert len(plane.containers) <= 2


def test_a_body_sees_only_what_is_mounted(plane: Plane, tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import modal

    monkeypatch.setenv("HOME_SECRET", "stays here")
    secret = modal.Secret.from_dict({"KEY": "goes along"})
    seen = tiny.look.with_options(secrets=[secret]).remote()
    assert seen["files"] == ["notes.txt", "tiny_app.py"]
    assert not seen["mad"]
    assert seen["torch"]
    assert not any(Path(folder).is_relative_to(PROJECT) for folder in seen["path"] if "plane-" not in folder)
    assert seen["variables"]["KEY"] == "goes along"
    assert {"HOME_SECRET", "MODAL_TOKEN_SECRET"}.isdisjoint(seen["variables"])
    assert any(b"goes along" in request.body for request in plane.requests)


def test_large_inputs_and_outputs_travel_beside_the_messages(plane: Plane, tiny: Any) -> None:
    data = os.urandom(3 * 1024 * 1024)
    assert tiny.echo.spawn(data).get(timeout=PATIENCE) == data
    assert data in plane.calls[0].inputs[0].data
    assert {"BlobCreate", "BlobGet"} <= {request.name for request in plane.requests}


def test_an_app_that_cannot_be_imported_fails_its_call(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    import broken_app

    with broken_app.app.run(), pytest.raises(RuntimeError, match="lacks something"):
        broken_app.never.spawn().get(timeout=PATIENCE)


def test_modal_run_passes_its_arguments_and_shows_what_a_body_prints(plane: Plane) -> None:
    command = [sys.executable, "-m", "modal", "run", str(EXAMPLE / "tiny_app.py"), "a=1", "-m", "b"]
    done = subprocess.run(command, env=plane.environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "words a=1 -m b" in done.stdout
    assert "sum 3" in done.stdout
    assert "adding 1 and 2" in done.stdout


def test_modal_billing_tells_the_rates(plane: Plane) -> None:
    command = [sys.executable, "-m", "modal", "billing", "rates", "--json"]
    done = subprocess.run(command, env=plane.environment, capture_output=True, text=True, timeout=PATIENCE)
    assert json.loads(done.stdout) == plane.account.rates, done.stderr


def test_a_wrong_token_and_a_missing_secret_are_refused(plane: Plane) -> None:
    import modal

    with pytest.raises(modal.exception.AuthError):
        modal.Client.from_credentials("ak-wrong", "as-wrong").hello()
    with pytest.raises(modal.exception.NotFoundError, match="nobody"):
        modal.Secret.from_name("nobody").hydrate()


def test_a_call_outlives_the_client_s_network(plane: Plane, tiny: Any, gate: Path) -> None:
    import modal

    spawned = tiny.wait.spawn(str(gate))
    [call] = plane.calls
    plane.wait(lambda: call.state == "running")
    plane.down()
    with pytest.raises(modal.exception.ConnectionError):
        spawned.get(timeout=0)
    gate.touch()
    plane.wait(lambda: call.state == "success")
    plane.up()
    assert spawned.get(timeout=0) > 1


def test_a_result_expires(plane: Plane, tiny: Any) -> None:
    import modal

    spawned = tiny.add.spawn(1, 2)
    assert spawned.get(timeout=PATIENCE) == 3
    plane.expire(plane.calls[0])
    with pytest.raises(modal.exception.OutputExpiredError):
        spawned.get(timeout=0)


def test_clearing_ends_what_runs_for_good(plane: Plane, tiny: Any) -> None:
    tiny.count.spawn("/never")
    tiny.count.spawn("/never")
    plane.wait(lambda: all(call.commits for call in plane.calls))
    containers = plane.containers
    plane.preempt(plane.calls[0])
    plane.clear()
    assert not any(container.alive for container in containers)
    assert plane.calls == plane.containers == plane.requests == []
    assert tiny.add.remote(1, 2) == 3
    assert [call.function_name for call in plane.calls] == ["add"]


def test_a_refused_request_raises_what_the_service_would(plane: Plane, tiny: Any) -> None:
    import modal

    plane.refuse("FunctionMap", "spend limit reached")
    with pytest.raises(modal.exception.ConflictError, match="spend limit"):
        tiny.add.spawn(1, 2)


def test_no_container_outlives_its_plane() -> None:
    code = """
import sys
from tests.cloud.plane.control import Plane
plane = Plane()
import os
os.environ.update(plane.variables)
import tiny_app
with tiny_app.app.run(detach=True):
    tiny_app.wait.spawn("/never")
    plane.wait(lambda: "waiting" in plane.calls[0].log)
    print(plane.containers[0].process.pid, plane.root, flush=True)
    if sys.argv[1] == "close":
        plane.close()
        os._exit(0)
    sys.stdin.read()
"""
    for ending in ("close", "kill"):
        environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{EXAMPLE}"}
        program = subprocess.Popen(
            [sys.executable, "-c", code, ending],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with program:
            pid, root = (program.stdout.readline() if program.stdout else b"").decode().split()
            if ending == "kill":
                assert is_running(int(pid))
                program.send_signal(signal.SIGKILL)
            program.wait(timeout=PATIENCE)
        deadline = time.monotonic() + 15  # the kernel ends it at once, if at all
        while is_running(int(pid)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_running(int(pid)), ending
        assert Path(root).exists() == (ending == "kill")
        shutil.rmtree(root, ignore_errors=True)
