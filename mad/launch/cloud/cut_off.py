"""A launch that was cut off before its ticket could say what came of it: by a kill, or by a power cut.

Whoever holds the folder of such a run knows that nobody is at the launch any more.
"""

from pathlib import Path

from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.ticket import Ticket

NEVER = "never launched"
"""The outcome of a launch that did not come about."""


def cleared(ticket: Ticket | None, folder: Path) -> Ticket | None:
    """The ticket of a held folder, closed if its launch was cut off before anything was sent.

    Its money is given back then. Raises ValueError if it was cut off while the job was sent:
    Modal may have it.
    """
    if ticket is None or ticket.state != "launching":
        return ticket
    if ticket.app:
        raise ValueError(
            f"a launch was cut off and may have left a job in Modal's app {ticket.app}; "
            f"see `modal app list`, and clear it with mad cancel {folder}"
        )
    Ledger(folder.parent).release(ticket.launch)
    closed = ticket.closed(NEVER)
    closed.write(folder)
    return closed


def called_off(ticket: Ticket, folder: Path) -> str:
    """Clears away a launch that was cut off, and says what is left to do. The folder is held."""
    if not ticket.app:
        cleared(ticket, folder)
        return "cancelled, it was never launched"
    ticket.closed("cut off").write(folder)
    return f"cancelled as far as is known; `modal app stop {ticket.app}` ends what may run there"


def to_go_on_from(ticket: Ticket | None, *, code: str) -> str | None:
    """The folder on the volume that a new launch goes on from; None if there is none of this code."""
    if ticket is None or ticket.code != code:
        return None
    return ticket.earlier if ticket.outcome == NEVER else ticket.folder
