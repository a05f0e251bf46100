"""Runs so small that most of their time in a container is its start, and what is asked about them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mad.report.record import RunFolder
from mad.report.result import Result
from tests.cloud.plane.calls import Call
from tests.cloud.plane.control import Plane

ROOT = Path(__file__).parents[2]

WORDS = (
    "model=vanilla_linear",
    "task=recall",
    "model.d_model=16",
    "model.n_layers=1",
    "model.dropout=0.1",
    "task.vocab_size=8",
    "task.seq_len=12",
    "task.n_pairs=2",
    "task.data.train=80",
    "task.data.validation=32",
    "task.data.test=32",
    "trainer.batch_size=16",
    "trainer.epochs=null",
    "trainer.steps=12",
    "trainer.warmup_steps=5",
    "trainer.log_every=1",
    "trainer.checkpoint_steps=4",
    "trainer.validate_every=7",
    "track=files",
)

THERE = ("launch=modal", "launch.usd_per_hour=0.6", "launch.threads=1", "launch.mirror_seconds=0.5")

PATIENCE = 240
"""Seconds, on a busy machine; no test waits so long for what goes well."""


def words(*more: str, results: Path, there: bool = True) -> list[str]:
    """A command line, at Modal or here."""
    return [*WORDS, *(THERE if there else ("launch.threads=1",)), f"results={results}", *more]


def folders(results: Path) -> list[Path]:
    """The run folders."""
    return sorted(path for path in results.iterdir() if path.is_dir())


def record(folder: Path) -> tuple[dict[str, Any], bytes]:
    """What the seed determines of a run: the result and the curves."""
    return Result.read(folder / "result.json").determined(), (folder / "metrics.jsonl").read_bytes()


def command(
    arguments: Sequence[str], *, plane: Plane, cwd: Path, program: Sequence[str] = ("-m", "mad.run")
) -> subprocess.Popen[str]:
    """``mad`` in a process of its own, led to the plane."""
    environment = {**plane.environment, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and the output of a process, once it has ended."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out + err


def committed_step(plane: Plane, config: dict[str, Any], *, volume: str = "mad-runs") -> int:
    """The step of the newest whole checkpoint of a run on the volume; 0 if there is none."""
    found = plane.volume(volume).glob(f"{RunFolder.of(config).name}-*/*/checkpoint-*.pt.sha256")
    return max((int(file.name.split("-")[1].split(".")[0]) for file in found), default=0)


def wait_for_progress(plane: Plane, config: dict[str, Any]) -> None:
    """Returns once the attempt under way has added to what earlier ones have left on the volume."""
    left = committed_step(plane, config)
    plane.wait(lambda: committed_step(plane, config) > left, seconds=PATIENCE)


def time_out(plane: Plane, call: Call) -> None:
    """Ends the present attempt as its timeout would."""
    [one] = call.inputs
    fleet = plane._service.fleet

    def expire() -> None:
        assert one.container is not None
        fleet._time_out(one, one.container, one.starts)

    plane._do(plane._in_loop(expire))


def no_account(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has just installed the package."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("MODAL_", "WANDB_"))}
    return {**left, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
