"""A volume of Modal's, read from here: what containers have committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any


class NoAnswer(Exception):
    """Modal could not be asked; no job is concerned."""


class Refused(ValueError):
    """Modal does not take the token."""


class Gone(ValueError):
    """The volume is not there any more."""


@contextmanager
def asking() -> Iterator[None]:
    """Tells what is wrong between here and Modal. Raises NoAnswer, or Refused."""
    import aiohttp
    from modal import exception

    try:
        yield
    except exception.AuthError as error:
        raise Refused(f"Modal refuses the token ({error}); run `modal token new`") from error
    except (exception.Error, aiohttp.ClientError, OSError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


class Store:
    """The records on one volume. All that it does raises NoAnswer if Modal cannot be asked."""

    def __init__(self, name: str) -> None:
        """Asks nothing yet."""
        import modal

        self.name = name
        self._volume: Any = modal.Volume.from_name(name)

    def names(self, folder: str) -> list[str]:
        """The files below a folder, relative to it; none if there is no such folder.

        Raises Gone if there is no such volume, and ValueError for a name that leads out of the folder.
        """
        from modal.exception import NotFoundError

        with asking():
            try:
                entries = self._volume.listdir(folder, recursive=True)
            except NotFoundError as error:
                self._check_exists(error)
                return []
        files = [PurePosixPath(entry.path.lstrip("/")) for entry in entries if entry.type.name == "FILE"]
        names = [file.relative_to(folder).as_posix() for file in files if file.is_relative_to(folder)]
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise ValueError(
                    f"the volume {self.name} holds a file called {name!r}, which is not fetched; remove it"
                )
        return names

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none. Raises Gone if there is no such volume."""
        from modal.exception import NotFoundError

        with asking():
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
            raise Gone(
                f"Modal has no volume {self.name} any more (see `modal volume list`): "
                "what was kept there is lost; launch again"
            ) from error
