"""The inside of a container: one run, by the same ``execute`` as everywhere, its record kept on the volume.

What the user's code does wrong comes back in an envelope, since Modal would try it again; what Modal does to
the container is raised, so that it does.
"""

import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from mad.launch.cloud.attempts import NAME, Logbook
from mad.launch.cloud.grace import Grace, Stopped
from mad.launch.cloud.mirror import Mirror, copied
from mad.launch.cloud.order import Order
from mad.report.identity import code_hash
from mad.report.redaction import redacted
from mad.report.result import Result

Envelope = dict[str, Any]
"""``status``, ``error``, ``traceback``, ``device``, ``seconds`` of this attempt, ``attempts``: all plain."""


UNKNOWN: Envelope = {"status": "", "error": None, "traceback": "", "device": "", "seconds": 0.0}
"""Before anything is known."""

PACKAGE = Path(__file__).parents[2]
"""Where this package's sources lie."""

MOUNT = "/results"
"""Where the volume is in a container."""


class Volume(Protocol):
    """What is asked of a volume in a container."""

    def commit(self) -> None:
        """Keeps what was written."""

    def reload(self) -> None:
        """Shows what others have written."""


def run(order: str) -> Envelope:
    """Executes an order in a container of Modal's."""
    import modal
    from modal.exception import InputCancellation

    try:
        given = Order.from_json(order)
    except ValueError as error:  # raised, it would be tried again, and paid for
        return {**UNKNOWN, "status": "refused", "error": str(error), "attempts": []}
    volume = modal.Volume.from_name(given.volume)
    stopped = {signal.SIGUSR1: InputCancellation("told to stop")}
    return carry_out(given, volume=volume, cancelled=lambda number: stopped.get(number, KeyboardInterrupt()))


def mounted() -> Path:
    """The volume's folder; MAD_VOLUME_PATH names it where a container cannot be given folders of its own."""
    return Path(os.environ.get("MAD_VOLUME_PATH", MOUNT))


def carry_out(
    order: Order, *, volume: Volume, cancelled: Callable[[signal.Signals], BaseException]
) -> Envelope:
    """Executes an order; the record is on the volume when it returns, and when it raises.

    ``cancelled`` makes the exception that is raised after a signal, once all is saved.
    """
    with Grace() as grace, tempfile.TemporaryDirectory(prefix="mad-") as scratch:
        try:
            volume.reload()
            envelope = _Job(order, volume, Path(scratch)).run(grace)
        except Stopped:
            envelope = {"status": "preempted"}
        except Exception as error:  # raised, it would be taken for Modal's, or for the way there
            envelope = {**UNKNOWN, **_failure(error), "status": "failed", "attempts": []}
        number = _signal_of(envelope, grace)
        if number:
            raise cancelled(number)
        return envelope


def _signal_of(envelope: Envelope, grace: Grace) -> signal.Signals | None:
    """The signal that ended the run; None if it ended by itself."""
    if envelope["status"] != "preempted":
        return None
    return grace.received or signal.Signals[str(envelope["error"])]


def _failure(error: Exception) -> Envelope:
    """How an exception is told, without secrets; a config that this package refuses needs no traceback."""
    text = redacted(str(error)) or type(error).__name__
    if isinstance(error, ValueError) and _is_ours(error):
        return {"status": "refused", "error": text, "traceback": ""}
    status = "refused" if isinstance(error, ValueError) else "failed"
    return {
        "status": status,
        "error": text,
        "traceback": redacted("".join(traceback.format_exception(error))),
    }


def _is_ours(error: Exception) -> bool:
    """Whether this package's own code has raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(PACKAGE)


class _Job:
    """One attempt."""

    def __init__(self, order: Order, volume: Volume, scratch: Path) -> None:
        self._order, self._volume, self._results = order, volume, scratch
        self._folder = scratch / order.run
        self._kept = mounted() / order.folder
        self._started = time.monotonic()

    def run(self, grace: Grace) -> Envelope:
        """Fetches what earlier attempts have left, executes, and keeps all of it."""
        self._kept.mkdir(parents=True, exist_ok=True)
        logbook = Logbook(self._kept)
        logbook.sign()
        self._volume.commit()
        self._fetch()
        mirror = Mirror(lambda: self._keep(logbook), every_seconds=self._order.mirror_seconds)
        mirror.start()
        status = "stopped"
        try:
            envelope = self._executed()
            status = envelope["status"]
        finally:
            grace.saving()
            logbook.sign(ended=f"{status} {grace.received.name}" if grace.received else status)
            mirror.stop()
        return {**envelope, "attempts": logbook.entries()}

    def _fetch(self) -> None:
        """The record as the last attempt left it, or an earlier launch if there was no attempt yet."""
        earlier = mounted() / self._order.earlier if self._order.earlier else self._kept
        has_begun = (self._kept / "claim.json").exists()
        copied(self._kept if has_begun else earlier, self._folder)
        (self._folder / NAME).unlink(missing_ok=True)

    def _keep(self, logbook: Logbook) -> None:
        logbook.sign()
        copied(self._folder, self._kept, keep=[NAME])
        self._volume.commit()

    def _executed(self) -> Envelope:
        """What came of it; an error of the run is told, not raised."""
        try:
            return self._envelope(self._result())
        except Exception as error:
            return {**self._known(), **_failure(error)}

    def _result(self) -> Result:
        order = self._order
        code = code_hash(tuple(order.config.get("allow") or ()))
        if code != order.code:
            raise RuntimeError(
                f"the container holds other code ({code[:10]}) than was sent for ({order.code[:10]}); "
                "launch again"
            )
        from mad.execute import execute

        return execute(order.config_here(str(self._results)))

    def _envelope(self, result: Result) -> Envelope:
        device = result.stamp.get("device") or ""
        return {**self._known(), "status": result.status, "error": result.error, "device": device}

    def _known(self) -> Mapping[str, Any]:
        return {**UNKNOWN, "seconds": time.monotonic() - self._started}
