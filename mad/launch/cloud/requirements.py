"""What a container installs: the package's dependencies in the versions that are installed here.

``scripts/install`` takes them from ``constraints.txt``, so that these are the versions that were tested. Of
PyTorch the public version counts: for Linux the index keeps it with CUDA.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PYTHON = "3.11"

NOT_INSTALLED = ("modal",)
"""Modal brings its own client into the container."""

CONTAINER = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
"""What markers are read against, wherever the launcher runs."""


def requirements(*, extras: Sequence[str] = ()) -> list[str]:
    """Lines for an installer: ``name==version``, for the dependencies' dependencies as well.

    ``extras`` are the package's own; what is missing here of them is asked for as the package does, and what
    else is missing here (CUDA's libraries) is left to the installer.
    """
    pins: dict[str, str] = {}
    todo = [*_needed("mad", ""), *(requirement for extra in extras for requirement in _needed("mad", extra))]
    asked = {requirement.name: f"{requirement.name}{requirement.specifier}" for requirement in todo}
    while todo:
        requirement = todo.pop()
        name, extra = _canonical(requirement.name), ",".join(sorted(requirement.extras))
        if f"{name}[{extra}]" in pins or name in NOT_INSTALLED:
            continue
        try:
            pins[f"{name}[{extra}]"] = f"{name}=={_public(distribution(name).version)}"
        except PackageNotFoundError:
            if name in asked:
                pins[f"{name}[{extra}]"] = asked[name]
            continue
        todo += [more for which in ("", *requirement.extras) for more in _needed(name, which)]
    return sorted(set(pins.values()))


def _needed(package: str, extra: str) -> Iterator[Requirement]:
    """What a package (extra ``""``) or one of its extras asks for in the container."""
    for line in _known(package).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        plainly = marker is None or marker.evaluate({**CONTAINER, "extra": ""})
        if (
            plainly
            if not extra
            else not plainly and marker and marker.evaluate({**CONTAINER, "extra": extra})
        ):
            yield requirement


def _known(package: str) -> Distribution:
    try:
        return distribution(package)
    except PackageNotFoundError as error:
        raise ValueError(
            f"{package} is not installed here, so its versions are not known; pip install it"
        ) from error


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _public(version: str) -> str:
    """Without what names one build of it, such as ``+cpu``."""
    return version.partition("+")[0]
