"""Hands jobs over to Modal: each reserved in the ledger and held by its folder's lock until it has a ticket.

A job is launched once, whoever else launches at the same moment: the lock decides who, the ledger whether at
all. All of a launch go into one detached app, which outlives this process.
"""

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mad.launch.cloud.app import application, extras_of, on_hardware
from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.listening import Ears
from mad.launch.cloud.order import Order
from mad.launch.cloud.plan import Plan
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.report.lock import AlreadyRunning
from mad.report.record import RunFolder
from mad.report.stamp import sources
from mad.track import Track, account

if TYPE_CHECKING:
    from modal import Secret


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run to be launched."""

    config: Mapping[str, Any]
    folder: RunFolder
    seconds: float
    """As expected."""
    earlier: Ticket | None = None
    """Of a launch that has ended without the run's end."""


def dispatched(wanted: Sequence[Wanted], plan: Plan, *, ears: Ears) -> list[Ending | None]:
    """Launches what may be launched; None for each that now has an open ticket, or why it has none.

    Raises ValueError, with nothing launched, if Modal refuses the whole.
    """
    endings: list[Ending | None] = [Ending(status="waiting")] * len(wanted)
    with ExitStack() as held:
        mine: dict[int, Held] = {}
        for index, one in enumerate(wanted):
            try:
                mine[index] = _held(one, plan)
            except AlreadyRunning as error:
                endings[index] = Ending(status="running", error=str(error))
            except ValueError as error:
                endings[index] = Ending(status="refused", error=str(error))
            else:
                held.enter_context(mine[index].stack)
        if mine:
            _hand_over(wanted, mine, endings, plan, ears)
    return endings


@dataclass(frozen=True, kw_only=True)
class Held:
    """A run whose folder and money are held for it, ready to go."""

    stack: ExitStack
    ticket: Ticket
    order: Order

    def give_up(self) -> None:
        """Lets go of all of it; a folder that was made for it goes, too."""
        with suppress(_GivenUp), self.stack:
            raise _GivenUp


class _GivenUp(ValueError):
    """What a folder is told when its run will not be."""


def _hand_over(
    wanted: Sequence[Wanted], mine: dict[int, Held], endings: list[Ending | None], plan: Plan, ears: Ears
) -> None:
    from modal import exception

    n_held, reason = len(mine), ""
    try:
        for index in _spawned(wanted, dict(mine), plan, ears):
            mine.pop(index).stack.close()
            endings[index] = None
    except (exception.Error, OSError) as error:
        reason = f"Modal did not take the job ({type(error).__name__}: {error})"
    for index, one in mine.items():
        one.give_up()
        if reason:
            endings[index] = Ending(status="refused", error=reason)
    if reason and len(mine) == n_held:
        raise ValueError(f"{reason}; nothing was launched")


def _held(one: Wanted, plan: Plan) -> Held:
    """Holds a run's folder and its money. Raises AlreadyRunning, or ValueError for a budget passed."""
    launch = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    folder = f"{one.folder.name}-{one.folder.code[:10]}/{launch}"
    earlier = one.earlier.folder if one.earlier and one.earlier.code == one.folder.code else None
    order = Order.of(one.config, settings=plan.settings, folder=folder, earlier=earlier)
    order.to_json()
    ledger, usd = Ledger(one.folder.path.parent), plan.rate.usd(one.seconds)
    with ExitStack() as stack:
        stack.enter_context(one.folder.claim(one.config))
        ledger.reserve(launch, run=one.folder.name, usd=usd, budget_usd=plan.settings.budget_usd)
        stack.enter_context(_undone_unless_spawned(one, launch, ledger))
        ticket = _ticket(one, plan, launch, folder)
        ticket.write(one.folder.path)
        return Held(stack=stack.pop_all(), ticket=ticket, order=order)
    raise AssertionError("an exit stack swallows nothing here")


@contextmanager
def _undone_unless_spawned(one: Wanted, launch: str, ledger: Ledger) -> Iterator[None]:
    """Gives the money back, and puts the earlier ticket in its place, if the job was not handed over."""
    try:
        yield
    finally:
        ticket = Ticket.read(one.folder.path)
        if ticket and ticket.launch == launch and ticket.state == "launching":
            ledger.release(launch)
            (one.folder.path / "ticket.json").unlink()
            if one.earlier:
                one.earlier.write(one.folder.path)


def _ticket(one: Wanted, plan: Plan, launch: str, folder: str) -> Ticket:
    settings, (commit, dirty) = plan.settings, sources()
    return Ticket(
        state="launching",
        launch=launch,
        run=one.folder.name,
        identity=one.folder.identity,
        code=one.folder.code,
        gpu=settings.gpu,
        launched=datetime.now(UTC).isoformat(timespec="seconds"),
        usd_per_hour=plan.rate.usd_per_hour,
        price_source=plan.rate.source,
        estimated_seconds=one.seconds,
        timeout_seconds=settings.timeout_seconds,
        retries=settings.retries,
        volume=settings.volume,
        folder=folder,
        commit=commit,
        dirty=dirty,
    )


def _spawned(wanted: Sequence[Wanted], mine: Mapping[int, Held], plan: Plan, ears: Ears) -> Iterator[int]:
    """Spawns the calls one by one, and says which came about."""
    configs = [wanted[index].config for index in mine]
    packages = sorted({name for config in configs for name in config.get("allow") or ()})
    app, function = application(plan.settings, packages=packages, extras=extras_of(configs))
    there = on_hardware(function, plan.settings, secrets=_secrets(configs))
    with _shown(), app.run(detach=True, name="mad"):
        for index, one in mine.items():
            if ears.received:
                return
            call = there.spawn(one.order.to_json())
            given = replace(one.ticket, state="open", call=call.object_id, app=str(app.app_id))
            replace(given, url=call.get_dashboard_url()).write(wanted[index].folder.path)
            yield index


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
