import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.plane.control import PATIENCE, Plane

EXAMPLE = Path(__file__).parent / "plane" / "example"
PROJECT = Path(__file__).parents[2]


def python(code: str, *, plane: Plane) -> str:
    """What a program prints that runs as a client of its own, in another process."""
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {**plane.environment, "PYTHONPATH": str(EXAMPLE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
