"""Under what a result was made: code, versions, device, sizes; nothing that names a host, user or folder."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("mad", "torch", "numpy", "hydra-core", "omegaconf")
ROOT = Path(__file__).resolve().parents[2]


def stamp(
    *, seed: int, device: str, n_parameters: int, state_floats: int, train_flops: int
) -> dict[str, Any]:
    """What the record says beside the result, as of now.

    ``device`` is its name (a CPU's or GPU's model), ``state_floats`` is per sequence at the task's
    length, ``train_flops`` are by formula for the whole run.
    """
    commit, dirty = sources()
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "seed": seed,
        "n_parameters": n_parameters,
        "state_floats": state_floats,
        "train_flops": train_flops,
        "started": now(),
    }


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sources() -> tuple[str | None, bool | None]:
    """The commit of the package's own repository, and whether files differ from it; None without one."""
    commit = git("rev-parse", "HEAD") if _is_checkout() else None
    return commit, bool(git("status", "--porcelain", "--", "mad", "conf")) if commit else None


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a folder that was never installed
            continue
    return found


def _is_checkout() -> bool:
    """Whether the package lies in its own repository: installed, it may well lie inside somebody else's."""
    top = git("rev-parse", "--show-toplevel")
    return top is not None and Path(top).resolve() == ROOT


def git(*arguments: str) -> str | None:
    """What git says, or None if it is not there or refuses."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
