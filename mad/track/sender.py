"""The process in which the client of a dashboard lives: it reads what ``aside.py`` tells it, in JSON.

What a person should read goes back the same way. However the client fails, it is said once, and the run
goes on without it. When its input ends, so does this process, within two minutes, whatever the client does:
a thread of its own reads, so that the end is seen while the client hangs.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from mad.progress import Run
from mad.report.result import Result
from mad.track.base import Tracker

LAST_SECONDS = 120.0
"""After the run has ended."""

Tell = Callable[[dict[str, Any]], None]

Inbox = queue.SimpleQueue[dict[str, Any] | None]
"""What has been read, in order; None: there is no more."""


def main() -> None:
    """Serves one run, from its start to its end or to the end of the input."""
    tell = _voice()
    os.nice(5)  # whatever it has to do can wait for the run
    try:
        is_whole = _serve(tell)
    except Exception as error:
        tell(
            {
                "say": f"has stopped ({type(error).__name__}: {_first_line(error)}); local files only",
                "done": True,
            }
        )
        sys.exit(1)
    if not is_whole:
        sys.exit(1)  # the run was killed: the client, at exit, says so to its server
    tell({"done": True})


def _serve(tell: Tell) -> bool:
    """Passes on all that is read; whether it came to the run's result."""
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()
    order = inbox.get()
    if order is None:
        return False
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no word about this machine to anybody else
    if order["client"] == "report":
        from mad.track.report import upload_report

        upload_report(order, tell=tell)
        return True
    client = _client(order, tell)
    client.start(Run(**order["run"]))
    while message := inbox.get():
        if "result" in message:
            client.finish(Result.from_json(message["result"]))
            return True
        client.log(message["step"], message["metrics"])
    return False


def _read(inbox: Inbox) -> None:
    """Reads all of the input; from its end, or from the run's result on, this process has so long to live."""
    unread = b""
    while heard := os.read(0, 65536):  # not sys.stdin: who exits while it is being read is aborted
        *lines, unread = (unread + heard).split(b"\n")
        for message in map(json.loads, lines):
            if "result" in message:
                _end_within(LAST_SECONDS)
            inbox.put(message)
    _end_within(LAST_SECONDS)
    inbox.put(None)


def _client(order: dict[str, Any], tell: Tell) -> Tracker:
    if order["client"] == "wandb":
        from mad.track.weights_and_biases import WeightsAndBiases

        return WeightsAndBiases(order, tell=tell)
    from mad.track.trackio_dashboard import TrackioDashboard

    return TrackioDashboard(order, tell=tell)


def _voice() -> Tell:
    """Takes standard output for the messages alone: what the client prints there goes nowhere."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(message: dict[str, Any]) -> None:
        try:
            stream.write(json.dumps(message) + "\n")
            stream.flush()
        except BrokenPipeError:  # the run has ended, and nobody listens any more
            return

    return tell


def _end_within(seconds: float) -> None:
    """Ends this process after so long, whatever it is doing."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no reason given").splitlines()[0][:300]


if __name__ == "__main__":
    main()
