import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.plane.calls import Call
from tests.cloud.plane.control import PATIENCE, Plane

EXAMPLE = Path(__file__).parent / "example"
PROJECT = Path(__file__).parents[3]


def has_committed(call: Call, n_times: int) -> bool:
    return call.commits >= n_times


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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


def test_a_refused_request_raises_what_the_service_would(plane: Plane, tiny: Any) -> None:
    import modal

    plane.refuse("FunctionMap", "spend limit reached")
    with pytest.raises(modal.exception.ConflictError, match="spend limit"):
        tiny.add.spawn(1, 2)


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
