"""A small app that the plane's own tests run: each function shows one thing that can happen to a call."""

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


@app.function(image=image, timeout=30)
def add(first: int, second: int) -> int:
    """Adds, and says so."""
    print(f"adding {first} and {second}")
    if second == 0:
        raise ValueError("nothing to add")
    return first + second


@app.function(image=image, timeout=30)
def nap(seconds: float) -> str:
    """Sleeps, and tells in which process."""
    print("napping")
    time.sleep(seconds)
    return f"{os.getpid()}"


@app.function(image=image, volumes={"/vol": volume}, timeout=30, retries=2)
def count(n_steps: int, seconds: float) -> list[int]:
    """Counts from where the volume says; returns the first step of every attempt that has begun."""
    volume.reload()
    steps, starts = _folder() / "steps", _folder() / "starts"
    first = int(steps.read_text()) if steps.exists() else 0
    with starts.open("a") as file:
        file.write(f"{first}\n")
    for step in range(first, n_steps):
        steps.write_text(str(step + 1))
        volume.commit()
        time.sleep(seconds)
    return [int(line) for line in starts.read_text().split()]


@app.function(image=image, volumes={"/vol": volume}, timeout=30)
def stubborn(seconds: float) -> str:
    """Leaves a file that is not committed, and notes a cancellation in one that is."""
    (_folder() / "uncommitted").write_text("lost")
    try:
        print("sleeping")
        time.sleep(seconds)
    except KeyboardInterrupt:
        print("not now")
        time.sleep(seconds)
    except InputCancellation:
        (_folder() / "cancelled").write_text("yes")
        volume.commit()
        raise
    return f"{sorted(path.name for path in _folder().iterdir())}"


@app.function(image=image, volumes={"/vol": volume}, timeout=30)
def look() -> dict[str, Any]:
    """Tells what a body can see."""
    return {
        "files": sorted(path.name for path in Path.cwd().iterdir()),
        "mad": importlib.util.find_spec("mad") is not None,
        "torch": importlib.util.find_spec("torch") is not None,
        "variables": dict(os.environ),
        "path": sys.path,
    }


@app.function(image=image, volumes={"/vol": volume}, timeout=30)
def hold_open() -> str:
    """Reloads while a file of the volume is open."""
    with (_folder() / "held").open("w"):
        try:
            volume.reload()
        except RuntimeError as error:
            return str(error)
    return "reloaded"


@app.function(image=image, timeout=30)
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
