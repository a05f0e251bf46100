"""A volume of Modal's, read from here: what containers have committed."""

from pathlib import PurePosixPath
from typing import Any


class Store:
    """The records on one volume."""

    def __init__(self, name: str) -> None:
        """Asks nothing yet."""
        import modal

        self.name = name
        self._volume: Any = modal.Volume.from_name(name)

    def names(self, folder: str) -> list[str]:
        """The files below a folder, relative to it; none if there is no such folder.

        Raises ValueError if the volume is gone, or for a name that leads out of the folder.
        """
        from modal.exception import NotFoundError

        try:
            entries = self._volume.listdir(folder, recursive=True)
        except NotFoundError as error:
            self._check_exists(error)
            return []
        files = [PurePosixPath(entry.path.lstrip("/")) for entry in entries if entry.type.name == "FILE"]
        names = [file.relative_to(folder).as_posix() for file in files if file.is_relative_to(folder)]
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise ValueError(f"the volume {self.name} holds a file called {name!r}, which is not fetched")
        return names

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none. Raises ValueError if the volume is gone."""
        from modal.exception import NotFoundError

        try:
            return b"".join(self._volume.read_file(path))
        except FileNotFoundError:
            return None
        except NotFoundError as error:
            self._check_exists(error)
            return None

    def _check_exists(self, error: Exception) -> None:
        """Tells a missing volume from a missing file."""
        from modal.exception import NotFoundError

        try:
            self._volume.hydrate()
        except NotFoundError:
            raise ValueError(
                f"Modal has no volume {self.name} any more (see `modal volume list`): "
                "what was kept there is lost; launch again"
            ) from error
