"""``mad doctor``: what is set up on this machine, and the command that sets up the rest.

Keys and tokens are looked for and never shown; the network is asked for one thing only, whether the W&B host
answers, and only where there is a key for it.
"""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from rich.console import Console

from mad.browse.output import Column, arguments, console, show_json, show_table, styled
from mad.door.folder import conf_dir
from mad.launch.cloud.account import BadToken, token_source
from mad.report.stamp import git
from mad.track import account

State = Literal["ok", "optional", "missing"]
"""There; absent, and only some uses need it; absent or broken, and nothing works without."""

COLUMNS = (Column(name="part"), Column(name="state"), Column(name="found", fold=True))

ENOUGH_BYTES = 1e9
"""Of free disk: a run takes a few megabytes, its checkpoints a few more."""

PROBE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's."""

    part: str
    state: State
    found: str
    mend: str = ""
    """The command that sets it up."""


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code: 1 if something is missing that every run needs."""
    given = arguments("doctor", about="Says what is set up, and how to set up the rest.").parse_args(words)
    found = list(findings(Path()))
    if given.json:
        show_json([asdict(finding) for finding in found])
    else:
        _show(found, to=console())
    return 1 if any(finding.state == "missing" for finding in found) else 0


def findings(folder: Path) -> Iterator[Finding]:
    """What there is, for runs that are started in ``folder``."""
    yield _python()
    yield _mad()
    yield _torch()
    yield _conf()
    yield _results(folder / "runs")
    yield _package("W&B", "wandb", use="track=wandb", install="pip install wandb")
    yield from _wandb_account()
    yield _package("Modal", "modal", use="launch=modal", install="pip install modal")
    yield _modal_token()
    yield _package("trackio", "trackio", use="track=trackio", install="pip install 'mad[trackio]'")
    yield _package("optuna", "optuna", use="mad search", install="pip install 'mad[hpo]'")
    yield _package("pandas", "pandas", use="notebooks", install="pip install 'mad[notebook]'")
    yield _package("fla", "fla-core", use="trainer.kernels=fla", install="pip install 'mad[fla]'")


def _show(found: Sequence[Finding], *, to: Console) -> None:
    looks = {"ok": "PROCEED", "optional": "unfinished", "missing": "failed"}
    rows = [
        [
            styled(finding.part, ""),
            styled(finding.state, looks[finding.state]),
            styled(f"{finding.found} -> {finding.mend}" if finding.mend else finding.found, ""),
        ]
        for finding in found
    ]
    show_table(COLUMNS, rows, to=to)


def _python() -> Finding:
    state: State = "ok" if sys.version_info >= (3, 11) else "missing"
    mend = "" if state == "ok" else "install Python 3.11 or later"
    return Finding(part="Python", state=state, found=platform.python_version(), mend=mend)


def _mad() -> Finding:
    commit = git("rev-parse", "--short=10", "HEAD")
    number = _version("mad") or "not installed, run from its folder"
    return Finding(part="mad", state="ok", found=f"{number}, commit {commit}" if commit else number)


def _torch() -> Finding:
    number = _version("torch")
    if number is None:
        return Finding(part="torch", state="missing", found="not installed", mend="pip install torch")
    if number.endswith("+cpu"):  # no need to import it
        return Finding(part="torch", state="ok", found=f"{number}, {_cores()}")
    try:
        import torch

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"no GPU, {_cores()}"
    except (ImportError, OSError, RuntimeError) as error:  # a library or a driver that does not fit
        return Finding(
            part="torch",
            state="missing",
            found=f"{number} cannot be used ({str(error).partition(chr(10))[0]})",
            mend="pip install --force-reinstall torch",
        )
    return Finding(part="torch", state="ok", found=f"{number}, {device}")


def _cores() -> str:
    n_cores = len(os.sched_getaffinity(0))
    return f"{n_cores} CPU core{'s' if n_cores > 1 else ''}"


def _conf() -> Finding:
    folder = conf_dir()
    if (folder / "config.yaml").is_file():
        return Finding(part="conf", state="ok", found=str(folder))
    return Finding(part="conf", state="missing", found=f"no config.yaml in {folder}", mend="pip install -e .")


def _results(folder: Path) -> Finding:
    """Whether run folders can be made: in ``runs``, or beside where it will be."""
    place = folder if folder.exists() else folder.absolute().parent
    free = shutil.disk_usage(place).free
    room = f"{place.absolute()}, {free / 1e9:.1f} GB free"
    if not os.access(place, os.W_OK | os.X_OK):
        mend = "start in another folder, or set results=FOLDER"
        found = f"{place.absolute()} cannot be written"
        return Finding(part="results", state="missing", found=found, mend=mend)
    if free < ENOUGH_BYTES:
        mend = "free some disk, or set results=FOLDER"
        return Finding(part="results", state="missing", found=room, mend=mend)
    return Finding(part="results", state="ok", found=room)


def _package(part: str, name: str, *, use: str, install: str) -> Finding:
    number = _version(name)
    if number is None:
        return Finding(part=part, state="optional", found=f"not installed, for {use}", mend=install)
    return Finding(part=part, state="ok", found=f"{number}, for {use}")


def _wandb_account() -> Iterator[Finding]:
    source, host = account.key_source(), account.host()
    if source is None:
        found = f"no key for {host}; runs keep local files"
        yield Finding(part="W&B key", state="optional", found=found, mend="wandb login")
        return
    yield Finding(part="W&B key", state="ok", found=f"from {source}")
    if account.is_reachable(host, seconds=PROBE_SECONDS):
        yield Finding(part="W&B host", state="ok", found=host)
    else:
        mend = "check the network or WANDB_BASE_URL; until then wandb sync RUN/wandb/offline-*"
        yield Finding(part="W&B host", state="optional", found=f"{host} does not answer", mend=mend)


def _modal_token() -> Finding:
    try:
        source = token_source()
    except BadToken as error:
        return Finding(part="Modal token", state="optional", found=error.found, mend=error.mend)
    if source:
        return Finding(part="Modal token", state="ok", found=f"from {source}")
    return Finding(part="Modal token", state="optional", found="none, for launch=modal", mend="modal setup")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
