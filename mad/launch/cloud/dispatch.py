"""Hands jobs over to Modal: each reserved in the ledger and held by its folder's lock until it has a ticket.

A job is launched once, whoever else launches at the same moment: the lock decides who, the ledger whether at
all. All of a launch go into one detached app, which outlives this process.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mad.launch.cloud.app import application, extras_of, on_hardware
from mad.launch.cloud.holding import Held, Wanted, held
from mad.launch.cloud.listening import Ears
from mad.launch.cloud.plan import Plan
from mad.launch.ending import Ending
from mad.report.lock import AlreadyRunning
from mad.track import Track, account

if TYPE_CHECKING:
    from modal import Function, Secret


class NotTaken(Exception):
    """A job was not handed over; the text says why."""


def dispatched(wanted: Sequence[Wanted], plan: Plan, *, ears: Ears) -> list[Ending | None]:
    """Launches what may be launched; None for each that now has an open ticket, or why it has none.

    A run that somebody else has launched or finished meanwhile is not launched again. Raises ValueError, with
    nothing launched, if Modal refuses the whole.
    """
    endings: list[Ending | None] = [Ending(status="waiting")] * len(wanted)
    with ExitStack() as stack:
        mine: dict[int, Held] = {}
        for index, one in enumerate(wanted):
            try:
                found = held(one, plan)
            except AlreadyRunning as error:
                endings[index] = Ending(status="running", error=str(error))
            except ValueError as error:
                endings[index] = Ending(status="refused", error=str(error))
            else:
                if isinstance(found, Held):
                    mine[index] = found
                    stack.enter_context(found.stack)
                else:
                    endings[index] = found
        if mine:
            _hand_over(wanted, mine, endings, plan, ears)
    return endings


def _hand_over(
    wanted: Sequence[Wanted], mine: dict[int, Held], endings: list[Ending | None], plan: Plan, ears: Ears
) -> None:
    n_held, reasons = len(mine), list[str]()
    try:
        for index in _spawned(wanted, dict(mine), plan, ears):
            one = mine.pop(index)
            endings[index] = None
            with one.stack:
                wanted[index].folder.prepare(wanted[index].config, one.found)
    except NotTaken as error:
        reasons.append(str(error))
    for index, one in mine.items():
        try:
            one.give_up()
        except OSError as error:
            reasons.append(f"what was set aside for it could not be given back ({error})")
        if reasons:
            endings[index] = Ending(status="refused", error="; ".join(reasons))
    if reasons and len(mine) == n_held:
        raise ValueError(f"{'; '.join(reasons)}; nothing was launched")


def _spawned(wanted: Sequence[Wanted], mine: Mapping[int, Held], plan: Plan, ears: Ears) -> Iterator[int]:
    """Spawns the calls one by one, and says which came about. Raises NotTaken."""
    configs = [wanted[index].config for index in mine]
    packages = sorted({name for config in configs for name in config.get("allow") or ()})
    with ExitStack() as stack:
        with _sending():
            app, function = application(plan.settings, packages=packages, extras=extras_of(configs))
            there = on_hardware(function, plan.settings, secrets=_secrets(configs))
            stack.enter_context(_shown())
            stack.enter_context(app.run(detach=True, name="mad"))
        for index, one in mine.items():
            if ears.received:
                return
            _spawn(there, one, wanted[index].folder.path, app=str(app.app_id))
            yield index


def _spawn(there: "Function[..., Any, Any]", one: Held, folder: Path, *, app: str) -> None:
    """Sends one job. Its ticket names the app before, and the call after; without one it does not stay."""
    given = replace(one.ticket, app=app)
    with _writing():
        given.write(folder)
    with _sending():
        call = there.spawn(one.order.to_json())
    try:
        with _writing():
            url = call.get_dashboard_url()
            replace(given, state="open", call=call.object_id, url=url).write(folder)
    except BaseException:
        call.cancel()
        raise


@contextmanager
def _sending() -> Iterator[None]:
    import aiohttp
    from modal import exception

    try:
        yield
    except (exception.Error, aiohttp.ClientError, OSError) as error:
        raise NotTaken(f"Modal did not take the job ({type(error).__name__}: {error}); try again") from error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotTaken(
            f"its ticket could not be written ({error}); make room there, and launch again"
        ) from error


def _shown() -> AbstractContextManager[None]:
    """Modal's own view of an image that is built, where somebody looks."""
    import modal

    return modal.enable_output() if sys.stdout.isatty() else nullcontext()


def _secrets(configs: Sequence[Mapping[str, Any]]) -> list["Secret"]:
    """The key to W&B, for this launch only, if a run is to be tracked there and there is one."""
    import modal

    sent = [Track.of(config) for config in configs]
    key = account.api_key()
    if not key or not any(track.kind == "wandb" and track.mode == "online" for track in sent):
        return []
    found: dict[str, str | None] = {account.VARIABLE: key, "WANDB_BASE_URL": account.host()}
    return [modal.Secret.from_dict(found)]
