"""The command line on a disk that fills up: by itself, or by what the environment names.

``FILLED=start`` takes all room before the run begins, ``FILLED=checkpoint`` after the second checkpoint;
``FILLED=refused`` makes the system refuse from then on, where there is no small disk to be had.
"""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from mad.run import main
from mad.train.checkpoint import Checkpoints


def fill(folder: Path) -> None:
    """Takes all room that there is."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(256))


def refuse(descriptor: int) -> None:
    """What ``os.fsync`` is on a full disk that notices late."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def after_second_save(do: Any) -> None:
    """Has something done once two checkpoints are there."""
    save, n_saved = Checkpoints.save, 0

    def saving(checkpoints: Checkpoints, state: dict[str, Any], *, step: int) -> None:
        nonlocal n_saved
        save(checkpoints, state, step=step)
        n_saved += 1
        if n_saved == 2:
            do()

    Checkpoints.save = saving  # type: ignore[method-assign]


if __name__ == "__main__":
    results = Path(next(word for word in sys.argv if word.startswith("results=")).partition("=")[2])
    filled = os.environ["FILLED"]
    if filled == "start":
        fill(results)
    elif filled == "checkpoint":
        after_second_save(lambda: fill(results))
    elif filled == "refused":
        after_second_save(lambda: setattr(os, "fsync", refuse))
    sys.exit(main())
