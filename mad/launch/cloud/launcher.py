"""Launches runs on Modal and waits for them: the counterpart of the pool of processes on this machine."""

import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from mad.launch.board import Entry
from mad.launch.cloud.account import check_account
from mad.launch.cloud.job import Job
from mad.launch.cloud.listening import Ears
from mad.launch.cloud.plan import Plan
from mad.launch.cloud.prices import own_rates, rate
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.launch.settings import Cloud, launcher_of_all
from mad.report.record import RunFolder


def run_there(
    configs: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    console: Console,
    split: str = "test",
) -> tuple[list[Ending], signal.Signals | None]:
    """The ending of each config, and the signal that ended the waiting, if one did.

    A run whose job is under way already is waited for, not launched again. ``split``: whose accuracy is
    shown. Raises ValueError for what keeps all of them from being launched.
    """
    settings = launcher_of_all(configs)
    assert isinstance(settings, Cloud), "only such configs come here"
    check_account()
    folders = [RunFolder.of(config) for config in configs]
    endings = dict[int, Ending]()
    with Ears() as ears:
        tickets = _tickets(folders, endings)
        fresh = [
            i for i, ticket in enumerate(tickets) if i not in endings and not (ticket and ticket.is_open)
        ]
        endings |= _launch(fresh, configs, folders, settings, console=console, ears=ears)
        jobs = _jobs(folders, [i for i in range(len(folders)) if i not in endings])
        _tell(jobs, labels, console=console)
        if settings.wait and jobs:
            endings |= _waited(jobs, labels, folders, console=console, split=split, ears=ears)
    left = {index: job for index, job in jobs.items() if index not in endings}
    for line in how_to_go_on([job.folder.as_posix() for job in left.values()]):
        console.print(line, markup=False, soft_wrap=True)
    under_way = Ending(status="launched", error=None)
    return [endings.get(index, under_way) for index in range(len(configs))], ears.received


def cost_lines(configs: Sequence[Mapping[str, Any]], settings: Cloud) -> list[str]:
    """What a launch of the runs that have not finished may cost, without asking anybody."""
    folders = {RunFolder.of(config).path: config for config in configs}
    left = [config for config in folders.values() if RunFolder.of(config).state() != "finished"]
    return Plan.of(left, settings=settings, rate=rate(settings)).lines() if left else []


def how_to_go_on(folders: Sequence[str]) -> list[str]:
    """What to type to fetch or to call off the runs in these folders."""
    if not folders:
        return []
    names = folders if len(folders) <= 3 else sorted({folder.rpartition("/")[0] for folder in folders})
    words = shlex.join(names)
    n = len(folders)
    return [
        f"{n} {'run is' if n == 1 else 'runs are'} under way at Modal, whatever happens to this machine",
        f"fetch:     mad collect {words}",
        f"call off:  mad cancel {words}",
    ]


def _tickets(folders: Sequence[RunFolder], endings: dict[int, Ending]) -> list[Ticket | None]:
    """The ticket of each run; those that other code holds open are refused."""
    tickets = list[Ticket | None]()
    for index, folder in enumerate(folders):
        try:
            tickets.append(Ticket.read(folder.path))
        except ValueError as error:
            endings[index] = Ending(status="unreadable", error=str(error))
            tickets.append(None)
    for index, (folder, ticket) in enumerate(zip(folders, tickets, strict=True)):
        if ticket and ticket.is_open and ticket.code != folder.code:
            reason = (
                "a job that was launched with other code is under way; "
                f"mad collect or mad cancel {folder.path} first"
            )
            endings[index] = Ending(status="refused", error=reason)
    return tickets


def _launch(
    indices: Sequence[int],
    configs: Sequence[Mapping[str, Any]],
    folders: Sequence[RunFolder],
    settings: Cloud,
    *,
    console: Console,
    ears: Ears,
) -> dict[int, Ending]:
    """Launches the runs of these indices; the endings of those that could not be."""
    if not indices:
        return {}
    from mad.launch.cloud.dispatch import dispatched  # the client, at last
    from mad.launch.cloud.holding import Wanted

    chosen = [configs[index] for index in indices]
    own = own_rates() if settings.usd_per_hour is None and settings.gpu else None
    plan = Plan.of(chosen, settings=settings, rate=rate(settings, own=own))
    for line in plan.lines():
        console.print(line, markup=False, soft_wrap=True)
    wanted = [
        Wanted(config=configs[i], folder=folders[i], seconds=plan.seconds[place])
        for place, i in enumerate(indices)
    ]
    found = dispatched(wanted, plan, ears=ears)
    return {i: ending for i, ending in zip(indices, found, strict=True) if ending}


def _jobs(folders: Sequence[RunFolder], indices: Sequence[int]) -> dict[int, Job]:
    found = {index: Ticket.read(folders[index].path) for index in indices}
    return {index: Job(folders[index].path, ticket) for index, ticket in found.items() if ticket}


def _tell(jobs: Mapping[int, Job], labels: Sequence[str], *, console: Console) -> None:
    for index, job in jobs.items():
        console.print(f"launched  {labels[index]}  {job.ticket.url}", markup=False, soft_wrap=True)


def _waited(
    jobs: Mapping[int, Job],
    labels: Sequence[str],
    folders: Sequence[RunFolder],
    *,
    console: Console,
    split: str,
    ears: Ears,
) -> dict[int, Ending]:
    from mad.launch.cloud.waiting import Vigil
    from mad.launch.cloud.watchers import watcher

    order = list(jobs)
    entries = [Entry(label=labels[index], metrics=folders[index].metrics) for index in order]
    board = watcher(entries, console=console, split=split)
    vigil = Vigil(
        {place: jobs[i] for place, i in enumerate(order)}, watcher=board, console=console, ears=ears
    )
    return {order[place]: ending for place, ending in vigil.wait().items()}
