"""The packages that a container's image has: those of this environment, without the project itself."""

import sysconfig
from collections.abc import Iterable
from pathlib import Path


def link_packages(folder: Path, *, hidden: Iterable[str] = ()) -> Path:
    """Fills a folder with links to the installed packages and returns it.

    A container starts without ``site``, so no ``.pth`` file is read, and the editable install of the project
    is not seen; its folder and its metadata are left out too, as are the packages that are ``hidden``.
    """
    installed = Path(sysconfig.get_paths()["purelib"])
    left_out = {"mad", *hidden}
    folder.mkdir(parents=True, exist_ok=True)
    for path in installed.iterdir():
        name = path.name.partition("-")[0].partition(".")[0]
        if name not in left_out and path.suffix != ".pth" and not name.startswith("_editable"):
            (folder / path.name).symlink_to(path)
    return folder
