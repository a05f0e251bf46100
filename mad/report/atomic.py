"""The one way in which a file of the record comes to be: whole, or not at all."""

import os
import threading
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes ``path`` so that a crash at any moment leaves either the old file or the new one.

    The content goes to a neighbour of this writer's own, to the disk, and only then takes the name. Raises
    OSError if the disk refuses; the old file is intact then.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Brings a folder's names to the disk: without it, a power cut may forget a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
