"""A full disk ends a run clearly, costs nothing that was saved, and the run goes on when there is room."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mad.report.result import Result
from tests.conf import CONF

HERE = Path(__file__).parent
ROOT = CONF.parent

WORDS = [
    *("model=vanilla_linear", "model.n_layers=1", "model.d_model=60", "task=recall", "task.vocab_size=8"),
    *("task.seq_len=12", "task.n_pairs=2", "task.eval=[]", "trainer.epochs=null", "trainer.steps=40"),
    *("task.data.train=80", "task.data.validation=16", "task.data.test=16", "trainer.batch_size=16"),
    *("trainer.checkpoint_steps=5", "trainer.log_every=1", "trainer.validate_every=20", "launch.device=cpu"),
    *("track.console=false", "trainer.warmup_steps=0"),
]
"""A run of eight checkpoints; two of them fit on the disk, and no third."""


def may_mount() -> bool:
    """Whether this system lets anybody have a disk of their own."""
    command = ["unshare", "-Urm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except FileNotFoundError:
        return False


def on_small_disk(kept: Path, filled: str) -> None:
    """Two goes at a run: on a disk of 1 MB, and with room."""
    (kept / "disk").mkdir()
    words = [*WORDS, f"results={kept / 'disk'}"]
    command = ["unshare", "-Urm", str(HERE / "full_disk.sh"), str(kept / "disk"), str(kept), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable, "FILLED": filled}
    subprocess.run(command, cwd=ROOT, env=environment, timeout=200, check=True)


def where_it_is_refused(kept: Path, filled: str) -> None:
    """The same, where the system refuses to bring anything to the disk."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FILLED": filled}
    for go, module in (("first", "tests.faults.small_disk"), ("second", "mad.run")):
        (kept / go).mkdir()
        command = [sys.executable, "-m", module, *WORDS, f"results={kept / 'disk'}"]
        with (kept / go / "out").open("w") as out, (kept / go / "err").open("w") as err:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=out, stderr=err, timeout=100, check=False
            )
        (kept / go / "code").write_text(str(done.returncode))
        subprocess.run(["cp", "-r", str(kept / "disk"), str(kept / go / "disk")], check=True)


def run_folder(kept: Path, go: str) -> Path:
    (result,) = (kept / go / "disk").glob("*-s0-*")
    return result


def steps_of_sound_checkpoints(folder: Path) -> list[int]:
    contents = [
        torch.load(file, weights_only=True)
        for file in sorted(folder.glob("checkpoint-*.pt"))
        if file.with_name(f"{file.name}.sha256").exists()
    ]
    return [content["state"]["tally"]["step"] for content in contents]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    results = tmp_path_factory.mktemp("uninterrupted")
    command = [sys.executable, "-m", "mad.run", *WORDS, f"results={results}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=100, check=True)
    (file,) = results.glob("*/result.json")
    return determined(file)


def determined(file: Path) -> dict[str, Any]:
    """What the seed determines."""
    return Result.read(file).determined()


@pytest.mark.parametrize("filled", ["by itself", "checkpoint", "start", "refused"])
def test_a_full_disk_ends_a_run_clearly_and_costs_nothing_that_was_saved(
    tmp_path: Path, filled: str, uninterrupted: dict[str, Any]
) -> None:
    if filled == "refused":
        where_it_is_refused(tmp_path, filled)
    elif may_mount():
        on_small_disk(tmp_path, filled)
    else:
        pytest.skip("this system does not let a user mount a disk of their own")
    assert (tmp_path / "first/code").read_text().strip() == "1"
    told = (tmp_path / "first/err").read_text()
    assert "No space left on device" in told
    if filled != "start":
        check_first(run_folder(tmp_path, "first"), told, is_recorded=filled == "by itself")
    assert (tmp_path / "second/code").read_text().strip() == "0", (tmp_path / "second/err").read_text()
    assert determined(run_folder(tmp_path, "second") / "result.json") == uninterrupted


def check_first(folder: Path, told: str, *, is_recorded: bool) -> None:
    """Two whole checkpoints are there, and the failure is on record, or said where all can read it."""
    assert len(steps_of_sound_checkpoints(folder)) == 2
    if is_recorded:
        result = Result.read(folder / "result.json")
        assert result.status == "failed"
        assert "No space left on device" in (result.error or "")
    else:
        assert not (folder / "result.json").exists()
        assert "mad: the run failed (OSError: [Errno 28] No space left on device)" in told
        assert "cannot take a record of it" in told
    rows = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    steps = [json.loads(row)["step"] for row in rows if row.endswith("\n")]
    assert steps == list(range(1, len(steps) + 1))
