"""What has become of a call at Modal: still to come, come back with an envelope, or ended some other way."""

from dataclasses import dataclass
from typing import Any

from mad.launch.cloud.ticket import Ticket


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended."""

    status: str
    """Of the envelope, or ``failed`` for a call that brought none."""
    error: str = ""
    traceback: str = ""
    device: str = ""


class NoAnswer(Exception):
    """Modal could not be asked; the job is not concerned."""


def outcome(ticket: Ticket) -> Outcome | None:
    """How the call ended; None while it has not. Raises NoAnswer if Modal could not be asked."""
    import modal
    from modal import exception

    try:
        envelope: dict[str, Any] = modal.FunctionCall.from_id(ticket.call).get(timeout=0)
    except exception.FunctionTimeoutError:
        return Outcome(status="failed", error=_late(ticket))
    except (exception.OutputExpiredError, exception.NotFoundError):
        return Outcome(status="failed", error="Modal does not know the call any more; run it again to go on")
    except (exception.ConnectionError, exception.ServiceError, exception.InternalError, OSError) as error:
        if isinstance(error, TimeoutError):
            return None
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    except exception.AuthError as error:
        raise ValueError(f"Modal refuses the token ({error}); run `modal token new`") from error
    except (exception.Error, exception.InputCancellation, KeyboardInterrupt) as error:
        return Outcome(status="failed", error=f"Modal ended it: {str(error) or type(error).__name__}")
    return _of(envelope)


def cancel(ticket: Ticket) -> None:
    """Calls the job off. Raises ValueError for a refused token, NoAnswer if Modal cannot be asked."""
    import modal
    from modal import exception

    try:
        modal.FunctionCall.from_id(ticket.call).cancel()
    except exception.NotFoundError:
        return
    except exception.AuthError as error:
        raise ValueError(f"Modal refuses the token ({error}); run `modal token new`") from error
    except (exception.Error, OSError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


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
