"""What has become of a call at Modal: still to come, come back with an envelope, or ended some other way."""

import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from mad.launch.cloud.account import place
from mad.launch.cloud.listening import Impatient
from mad.launch.cloud.store import NoAnswer, asking
from mad.launch.cloud.ticket import Ticket
from mad.report.redaction import redacted


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended."""

    status: str
    """Of the envelope, or ``failed`` for a call that brought none."""
    error: str = ""
    traceback: str = ""
    device: str = ""
    by_itself: bool = False
    """Whether the run came to it: nobody ended the call from outside."""

    @property
    def raised(self) -> bool:
        """Whether the run failed by an exception of its own."""
        return self.by_itself and self.status == "failed"


def outcome(ticket: Ticket) -> Outcome | None:
    """How the call ended, in words without secrets; None while it has not.

    Raises NoAnswer if Modal could not be asked.
    """
    with asking():
        came = _asked(ticket)
    return came and replace(came, error=redacted(came.error), traceback=redacted(came.traceback))


def _asked(ticket: Ticket) -> Outcome | None:
    import aiohttp
    import modal
    from modal import exception

    try:
        return _of(modal.FunctionCall.from_id(ticket.call).get(timeout=0))
    except TimeoutError as error:  # Modal's client says so without a word; a container's has some
        if error.errno is not None:
            raise
        return _ended(error) if error.args else None
    except exception.FunctionTimeoutError:
        return Outcome(status="failed", error=_late(ticket))
    except (exception.OutputExpiredError, exception.NotFoundError) as error:
        check_place(ticket, error)
        return Outcome(status="failed", error="Modal does not know the call any more; run it again to go on")
    except (
        exception.RemoteError,
        exception.InternalFailure,
        exception.ExecutionError,
        exception.InputCancellation,
    ) as error:
        return _ended(error)
    except (exception.Error, aiohttp.ClientError, ConnectionError, socket.gaierror, Impatient):
        raise  # from the way there
    except (Exception, KeyboardInterrupt) as error:  # whatever the container raised is raised here again
        _check_answers(ticket)
        return _ended(error)


def cancel(ticket: Ticket) -> None:
    """Calls the job off. Raises ValueError for a refused token, NoAnswer if Modal cannot be asked."""
    import modal
    from modal import exception

    with asking():
        try:
            modal.FunctionCall.from_id(ticket.call).cancel()
        except exception.NotFoundError as error:
            check_place(ticket, error)


def check_place(ticket: Ticket, error: Exception) -> None:
    """Raises NoAnswer if what is not known here may be known where the job was launched."""
    if ticket.place and ticket.place != place():
        raise NoAnswer(
            f"{ticket.run} was launched at {ticket.place}, and this is {place()}; "
            "set MODAL_PROFILE or MODAL_ENVIRONMENT"
        ) from error


def _check_answers(ticket: Ticket) -> None:
    """Raises what the client raises if Modal does not answer: then it is the way there that failed."""
    import modal
    from modal import exception

    with suppress(exception.NotFoundError):
        modal.Volume.from_name(ticket.volume).hydrate()


def _ended(error: BaseException) -> Outcome:
    return Outcome(status="failed", error=f"Modal ended it: {str(error) or type(error).__name__}")


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
        by_itself=True,
    )
