"""``mad cancel``: calls jobs at Modal off. A checkpoint stays and is fetched: run it again to go on."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mad.launch.cloud.account import check_account
from mad.launch.cloud.calls import Outcome, cancel, outcome
from mad.launch.cloud.cut_off import called_off
from mad.launch.cloud.fetching import named_folders
from mad.launch.cloud.job import Job, open_jobs
from mad.launch.cloud.store import Gone, NoAnswer, Refused, Store
from mad.launch.cloud.ticket import Ticket
from mad.report.lock import AlreadyRunning, locked
from mad.report.tables import terminal

PATIENCE_SECONDS = 20.0
"""For a container to write its checkpoint and end."""


def main(words: Sequence[str]) -> int:
    """The command; 0 if all were called off or had ended, 1 if Modal could not be asked about one."""
    parser = argparse.ArgumentParser(prog="mad cancel", description="Calls jobs at Modal off.")
    parser.add_argument("names", nargs="*", metavar="RUN|EXPERIMENT|FOLDER", help="which ones")
    parser.add_argument("--all", action="store_true", help="all that are under way")
    given = parser.parse_args(words)
    if bool(given.names) == given.all:
        raise ValueError("mad cancel expects names of runs or experiments, or else --all")
    console, folders = terminal(), named_folders(given.names)
    n_cleared = sum(_cleared(folder, console) for folder in folders)
    jobs = open_jobs(folders)
    if not jobs:
        if not n_cleared:
            console.print("no job is under way at Modal", markup=False)
        return 0
    check_account()
    codes = []
    for job, line in zip(jobs, _called_off(jobs), strict=True):
        console.print(f"{line}  {job.folder.name}", markup=False, soft_wrap=True)
        codes.append(0 if line.startswith(("cancelled", "finished")) else 1)
    return max(codes)


def _cleared(folder: Path, console: Console) -> bool:
    """Clears a launch that was cut off, if there is one that nobody is at."""
    try:
        with locked(folder):
            ticket = Ticket.read(folder)
            if ticket is None or ticket.state != "launching":
                return False
            console.print(f"{called_off(ticket, folder)}  {folder.name}", markup=False, soft_wrap=True)
    except (AlreadyRunning, ValueError):  # it is being launched, or it is named with the open jobs
        return False
    return True


def _called_off(jobs: Sequence[Job]) -> list[str]:
    """All are called off before the first is waited for: their containers end side by side."""
    silent = {index: _asked(job) for index, job in enumerate(jobs)}
    until = time.monotonic() + PATIENCE_SECONDS
    return [silent[index] or _settled(job, until) for index, job in enumerate(jobs)]


def _asked(job: Job) -> str:
    """Nothing, or why it could not be called off."""
    try:
        cancel(job.ticket)
    except NoAnswer as error:
        return f"not cancelled ({error}); try again"
    return ""


def _settled(job: Job, until: float) -> str:
    """What became of it, once its container has had its last word."""
    store = Store(job.ticket.volume)
    try:
        while not _has_ended(job, store) and time.monotonic() < until:
            time.sleep(0.2)
        came = outcome(job.ticket)
        cancelled = Outcome(status="cancelled", error="called off by mad cancel")
        ending = job.settle(came if came and came.by_itself else cancelled, store=store)
    except (NoAnswer, AlreadyRunning) as error:
        return f"cancelled, but not fetched ({error}); run mad collect"
    return f"{ending.status}: {ending.error}" if ending.status == "failed" else ending.status


def _has_ended(job: Job, store: Store) -> bool:
    """Whether no container works on it any more: none has begun, or the last one has signed off."""
    try:
        tried = job.attempts(store=store)
    except Gone:
        return True
    except Refused:
        raise
    except (NoAnswer, ValueError):  # a container writes there at this very moment; there is time to ask again
        return False
    return not tried or bool(tried[-1].ended)
