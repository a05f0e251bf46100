"""A run held for its launch: its folder by the lock, its money by the ledger, until it has an open ticket.

What a ticket says counts only under the lock: somebody else may have launched the run a moment ago.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mad.launch.cloud.account import place
from mad.launch.cloud.cut_off import cleared, to_go_on_from
from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.order import Order
from mad.launch.cloud.plan import Plan
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.report.record import RunFolder, State
from mad.report.stamp import sources


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run to be launched."""

    config: Mapping[str, Any]
    folder: RunFolder
    seconds: float
    """As expected."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A run whose folder and money are held for it, ready to go."""

    stack: ExitStack
    ticket: Ticket
    order: Order
    found: State
    """What lies in the folder; nothing of it was touched."""

    def give_up(self) -> None:
        """Lets go of all of it; a folder that was made for it goes, too."""
        with suppress(_GivenUp), self.stack:
            raise _GivenUp


class _GivenUp(ValueError):
    """What a folder is told when its run will not be."""


def held(one: Wanted, plan: Plan) -> Held | Ending | None:
    """Holds a run's folder and its money; or says that it has finished, or None if it is under way by now.

    Raises AlreadyRunning, or ValueError for a budget passed or a job of other code that is under way.
    """
    with ExitStack() as stack:
        found = stack.enter_context(one.folder.held())
        result = one.folder.result() if found == "finished" else None
        if result:
            return Ending(status=result.status, result=result, error=result.error)
        earlier = cleared(Ticket.read(one.folder.path), one.folder.path)
        if earlier and earlier.is_open:
            _check_same_code(earlier, one.folder)
            return None
        ticket = _ticket(one, plan, earlier=earlier, is_new=found == "new")
        order = Order.of(one.config, settings=plan.settings, folder=ticket.folder, earlier=ticket.earlier)
        order.to_json()
        usd, ledger = plan.rate.usd(one.seconds), Ledger(one.folder.path.parent)
        ledger.reserve(ticket.launch, run=one.folder.name, usd=usd, budget_usd=plan.settings.budget_usd)
        stack.enter_context(_undone_unless_spawned(one.folder, ticket, earlier, ledger))
        ticket.write(one.folder.path)
        return Held(stack=stack.pop_all(), ticket=ticket, order=order, found=found)
    raise AssertionError("an exit stack swallows nothing here")


def _check_same_code(ticket: Ticket, folder: RunFolder) -> None:
    """Raises ValueError for a job of other code, which cannot be waited for."""
    if ticket.code != folder.code:
        raise ValueError(
            "a job that was launched with other code is under way; "
            f"mad collect or mad cancel {folder.path} first"
        )


@contextmanager
def _undone_unless_spawned(
    folder: RunFolder, ticket: Ticket, earlier: Ticket | None, ledger: Ledger
) -> Iterator[None]:
    """Gives the money back, and puts the earlier ticket in its place, if the job was not handed over."""
    try:
        yield
    finally:
        now = Ticket.read(folder.path)
        if now is None or now.launch != ticket.launch or now.state == "launching":
            ledger.release(ticket.launch)
            if now and now.launch == ticket.launch:
                _put_back(earlier, folder)


def _put_back(earlier: Ticket | None, folder: RunFolder) -> None:
    if earlier:
        earlier.write(folder.path)
    else:
        folder.ticket_file.unlink()


def _ticket(one: Wanted, plan: Plan, *, earlier: Ticket | None, is_new: bool) -> Ticket:
    settings, (commit, dirty) = plan.settings, sources()
    launch = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
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
        folder=f"{one.folder.name}-{one.folder.code[:10]}/{launch}",
        commit=commit,
        dirty=dirty,
        earlier=to_go_on_from(earlier, code=one.folder.code),
        made_folder=is_new and earlier is None,
        place=place(),
    )
