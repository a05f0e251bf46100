"""What has become of a call at Modal: still to come, come back with an envelope, or ended some other way."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mad.launch.cloud.store import asking
from mad.launch.cloud.ticket import Ticket


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended."""

    status: str
    """Of the envelope, or ``failed`` for a call that brought none."""
    error: str = ""
    traceback: str = ""
    device: str = ""


def outcome(ticket: Ticket) -> Outcome | None:
    """How the call ended; None while it has not. Raises NoAnswer if Modal could not be asked."""
    from modal import exception

    try:
        with asking():
            return _asked(ticket)
    except (exception.InputCancellation, KeyboardInterrupt) as error:
        return Outcome(status="failed", error=f"Modal ended it: {str(error) or type(error).__name__}")


def _asked(ticket: Ticket) -> Outcome | None:
    import modal
    from modal import exception

    try:
        return _of(modal.FunctionCall.from_id(ticket.call).get(timeout=0))
    except TimeoutError:
        return None
    except exception.FunctionTimeoutError:
        return Outcome(status="failed", error=_late(ticket))
    except (exception.OutputExpiredError, exception.NotFoundError):
        return Outcome(status="failed", error="Modal does not know the call any more; run it again to go on")
    except (exception.RemoteError, exception.InternalFailure, exception.ExecutionError) as error:
        return Outcome(status="failed", error=f"Modal ended it: {str(error) or type(error).__name__}")


def cancel(ticket: Ticket) -> None:
    """Calls the job off. Raises ValueError for a refused token, NoAnswer if Modal cannot be asked."""
    import modal
    from modal import exception

    with asking(), suppress(exception.NotFoundError):
        modal.FunctionCall.from_id(ticket.call).cancel()


def _late(ticket: Ticket) -> str:
    n = ticket.retries + 1
    tries = "1 attempt" if n == 1 else f"{n} attempts"
    return (
        f"no end after {tries} of {ticket.timeout_seconds} s (launch.timeout_seconds); "
        "run it again, and it goes on from its checkpoint"
    )


def _of(envelope: dict[str, Any]) -> Outcome:
    return Outcome(
        status=str(envelope.get("status")),
        error=str(envelope.get("error") or ""),
        traceback=str(envelope.get("traceback") or ""),
        device=str(envelope.get("device") or ""),
    )
