"""The command as a person calls it, in odd places: a small run in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

WORDS = (
    *("model=vanilla_linear", "model.d_model=16", "model.n_layers=1", "task=recall", "task.vocab_size=8"),
    *("task.seq_len=12", "task.n_pairs=2", "task.data.train=32", "task.data.validation=16"),
    *("task.data.test=16", "trainer.epochs=null", "trainer.steps=4", "trainer.warmup_steps=0", "track=files"),
    *("trainer.batch_size=8", "trainer.log_every=1", "launch.device=cpu"),
)

PATIENCE = 240.0
"""Seconds for a run of a second or two, on a machine that has better things to do."""


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """That of the tests with changes; None takes a variable away."""
    known: dict[str, str | None] = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
    return {name: value for name, value in known.items() if value is not None}


def mad(
    *words: str,
    cwd: Path,
    env: Mapping[str, str | None] | None = None,
    before: str = "",
    inside: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Calls the command line; ``before`` is Python that runs first, ``inside`` the words in front of it."""
    program = f"{before}\nimport sys\nfrom mad.run import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [*inside, sys.executable, "-c", program, *words],
        cwd=cwd,
        env=environment(env or {}),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command which was refused or failed ends with. Raises AssertionError otherwise."""
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]
