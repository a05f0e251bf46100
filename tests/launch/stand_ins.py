"""What a worker does in place of training: it behaves as the seed says."""

import math
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mad.report.record import RunFolder
from mad.report.result import Result
from tests.results import small_result


def by_seed(config: Mapping[str, Any]) -> Result:
    """Even seeds finish; the others fail, each in a way of its own."""
    folder, seed = RunFolder.of(config), config["seed"]
    print("seed", seed, flush=True)
    if seed == 1:
        raise RuntimeError("something broke")
    if seed == 3:
        os._exit(139)
    if seed == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    if seed == 7:
        time.sleep(60)
    if seed == 9:
        raise ValueError("n_heads (3) must divide d_model (64)")
    if seed == 11:
        sys.exit("leaving early")
    if seed == 15:
        signal.raise_signal(signal.SIGINT)
    with folder.claim(config):
        result = small_result(config, status="diverged" if seed == 13 else "finished")
        folder.write_result(result)
    return result


def patient(config: Mapping[str, Any]) -> Result:
    """Waits to be told to stop, and says so in time."""
    folder = RunFolder.of(config)
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    with folder.claim(config):
        (folder.path / "checkpoint.pt").write_bytes(b"so far")
        while not received:
            time.sleep(0.01)
        result = small_result(config, status="preempted")
        folder.write_result(result)
    return result


def stubborn(config: Mapping[str, Any]) -> Result:
    """Does not listen."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(config["results"], f"started-{config['seed']}").touch()
    time.sleep(60)
    raise AssertionError


def rough(config: Mapping[str, Any]) -> Result:
    """Seeds 1 to 5 raise, 6 and 7 die, 8 hangs, until there is a file ``mended``; says who was begun."""
    folder, seed, here = RunFolder.of(config), config["seed"], Path()
    with (here / "begun").open("a") as file:
        file.write(f"{seed}\n")
    if not (here / "mended").exists():
        if 1 <= seed <= 5:
            raise RuntimeError("something broke")
        if seed in (6, 7):
            os._exit(139)
        if seed == 8:
            time.sleep(60)
    with folder.claim(config):
        result = small_result(config)
        folder.write_result(result)
    return result


def by_learning_rate(config: Mapping[str, Any]) -> Result:
    """Best on validation at 1e-2 (the test says the opposite); above 5e-2 it diverges, below 2e-4 it dies.

    A file ``interrupting`` names a process, which the third run interrupts before it waits for its own end.
    """
    folder, rate, here = RunFolder.of(config), config["trainer"]["learning_rate"], Path()
    with (here / "begun").open("a") as file:
        file.write(f"{rate!r} {config['seed']}\n")
    n_begun = len((here / "begun").read_text().splitlines())
    if n_begun == 3 and (here / "interrupting").exists():
        os.kill(int((here / "interrupting").read_text()), signal.SIGINT)
        return patient(config)
    if rate < 2e-4:
        raise RuntimeError("something broke")
    with folder.claim(config):
        result = small_result(config, status="diverged" if rate > 5e-2 else "finished")
        accuracy = max(0.0, 1 - abs(math.log10(rate) + 2) / 2) - 0.01 * config["seed"]
        metrics = {"validation/accuracy": accuracy, "test/accuracy": 1 - accuracy}
        result = replace(result, metrics=metrics)
        folder.write_result(result)
    return result
