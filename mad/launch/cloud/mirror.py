"""Copies of a run's record between a container's own disk and the volume that outlives it.

The run works on the container's disk. What goes to the volume goes there in an order in which every moment is
one to resume from: a checkpoint before the curves that it counts on, its digest after these, the result last.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

NOT_MIRRORED = ("lock", "superseded")

RANKS: Mapping[str, int] = {".pt": 0, ".jsonl": 2, ".sha256": 3}
"""By suffix; others go between checkpoints and curves, and the result after all."""


def in_order(names: Iterable[str]) -> list[str]:
    """Relative paths of a record's files, in the order in which they may be copied."""
    return sorted(names, key=lambda name: (name == "result.json", RANKS.get(Path(name).suffix, 1), name))


def files_of(folder: Path) -> list[str]:
    """The files of a record, by their relative paths, in the order in which they may be copied."""
    found = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    kept = (file for file in found if file.parts[0] not in NOT_MIRRORED and file.suffix != ".tmp")
    return in_order(file.as_posix() for file in kept)


def copied(source: Path, target: Path, *, keep: Iterable[str] = ()) -> None:
    """Makes ``target`` hold what ``source`` holds, each file whole; others go, but for those of ``keep``."""
    present = files_of(source) if source.exists() else []
    for name in present:
        _copy(source / name, target / name)
    for name in set(files_of(target) if target.exists() else []) - {*present, *keep}:
        (target / name).unlink()


def put(path: Path, content: bytes) -> None:
    """Writes a file of a volume whole or not at all. It lasts from the next commit on: nothing is synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _copy(source: Path, target: Path) -> None:
    try:
        content = source.read_bytes()
    except FileNotFoundError:  # an older checkpoint that has just been given up
        return
    if not target.exists() or target.stat().st_size != len(content) or target.read_bytes() != content:
        put(target, content)


class Mirror:
    """Keeps a copy up to date from a thread of its own, while the run goes on."""

    def __init__(self, synchronise: Callable[[], None], *, every_seconds: float) -> None:
        self._synchronise, self._every_seconds = synchronise, every_seconds
        self._stopped = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def stop(self) -> None:
        """One last copy, and no more. Raises whatever keeps that one from being made."""
        self._stopped.set()
        with self._one_at_a_time:
            self._synchronise()

    def _go_on(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            with self._one_at_a_time:
                if self._stopped.is_set():
                    return
                try:
                    self._synchronise()
                except Exception as error:  # the run must not die of it; the last copy will not be so lenient
                    print(f"no copy was made ({type(error).__name__}: {error}); the next may be", flush=True)
