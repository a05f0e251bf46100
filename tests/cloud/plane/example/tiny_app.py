"""A small app that the plane's own tests run: each function shows one thing that can happen to a call.

Containers share the machine's files, so a test says "go on" by making a file, a gate, that a body waits for.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import modal
from modal.exception import InputCancellation

app = modal.App("tiny")
volume = modal.Volume.from_name("tiny", create_if_missing=True)
image = modal.Image.debian_slim().add_local_file(Path(__file__).with_name("notes.txt"), "/root/notes.txt")


@app.function(image=image)
def add(first: int, second: int) -> int:
    """Adds, and says so."""
    print(f"adding {first} and {second}")
    if second == 0:
        raise ValueError("nothing to add")
    return first + second


@app.function(image=image)
def wait(gate: str) -> int:
    """Waits for the gate, and tells in which process."""
    print("waiting")
    _wait(gate)
    return os.getpid()


@app.function(image=image, volumes={"/vol": volume}, retries=2)
def count(gate: str) -> list[int]:
    """Counts on from where the volume says until the gate is open; returns where each attempt began."""
    volume.reload()
    steps, starts = _folder() / "steps", _folder() / "starts"
    step = int(steps.read_text()) if steps.exists() else 0
    with starts.open("a") as file:
        file.write(f"{step}\n")
    while True:
        step += 1
        steps.write_text(str(step))
        volume.commit()
        if Path(gate).exists():
            return [int(line) for line in starts.read_text().split()]
        time.sleep(0.02)


@app.function(image=image, volumes={"/vol": volume})
def stubborn() -> str:
    """Sleeps on when interrupted, and notes a cancellation; returns at once when started again."""
    if (_folder() / "begun").exists():
        return "went on"
    (_folder() / "begun").touch()
    volume.commit()
    try:
        print("sleeping")
        time.sleep(100)
    except KeyboardInterrupt:
        time.sleep(100)
    except InputCancellation:
        (_folder() / "cancelled").touch()
        volume.commit()
        raise
    return "slept"


@app.function(image=image, volumes={"/vol": volume})
def scribble(gate: str) -> list[str]:
    """Tells what the volume held at the start, and leaves a file that it does not commit."""
    found = sorted(path.name for path in _folder().iterdir())
    (_folder() / "uncommitted").write_text("lost")
    print("scribbled")
    _wait(gate)
    return found


@app.function(image=image, volumes={"/vol": volume})
def look() -> dict[str, Any]:
    """Tells what a body can see."""
    return {
        "files": sorted(path.name for path in Path.cwd().iterdir()),
        "mad": importlib.util.find_spec("mad") is not None,
        "torch": importlib.util.find_spec("torch") is not None,
        "variables": dict(os.environ),
        "path": sys.path,
    }


@app.function(image=image, volumes={"/vol": volume})
def hold_open() -> str:
    """Reloads while a file of the volume is open."""
    with (_folder() / "held").open("w"):
        try:
            volume.reload()
        except RuntimeError as error:
            return str(error)
    return "reloaded"


@app.function(image=image)
def echo(data: bytes) -> bytes:
    """Returns what it got."""
    return data


@app.local_entrypoint()
def main(*words: str) -> None:
    """Shows the words, and a sum from a container."""
    print("words", *words)
    print("sum", add.remote(1, 2))


def _folder() -> Path:
    return Path(os.environ["MAD_VOLUME_PATH"])


def _wait(gate: str) -> None:
    deadline = time.monotonic() + 200
    while not Path(gate).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
