"""Where a run is watched from: a machine that stays, or a container that ends with the run.

Here, a client that has not sent everything goes on by itself, and what it has recorded lies where the run's
record lies. A container takes both away with it: there the end of a run waits longer, and a path says where
the record lies once it has been fetched.
"""

import os
from pathlib import Path

MARK = "MODAL_TASK_ID"
"""Set in Modal's containers, by Modal."""

CONTAINER_SECONDS = 60.0
"""The least that the end of a run grants there; the last copy of its record is made afterwards."""

STOPPED_SECONDS = 5.0
"""The longest wait there for a run that was told to stop: its container is taken away half a minute later."""


def ends_with_run() -> bool:
    """Whether this machine is gone when the run is over."""
    return bool(os.environ.get(MARK))


def patience(seconds: float, *, stopped: bool = False) -> float:
    """How long the end of a run that grants ``seconds`` waits for its dashboard here."""
    if not ends_with_run():
        return seconds
    return min(seconds, STOPPED_SECONDS) if stopped else max(seconds, CONTAINER_SECONDS)


def sends(recorded: Path | str, *, folder: Path) -> str:
    """The words that say how to send what is ``recorded``, a path or a pattern below the run's ``folder``."""
    if ends_with_run():
        inside = os.path.relpath(recorded, folder)
        return f"`wandb sync {folder.name}/{inside}` sends it from where the record is fetched to"
    return f"`wandb sync {recorded}` sends it"
