"""The process in which the client of a dashboard lives: it reads what ``aside.py`` tells it, in JSON.

What a person should read goes back the same way. However the client fails, it is said once, and the run
goes on without it. When its input ends, so does this process, within two minutes.
"""

import json
import os
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
    order = json.loads(sys.stdin.readline())
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no word about this machine to anybody else
    if order["client"] == "report":
        from mad.track.report import upload_report

        _end_within(LAST_SECONDS)
        upload_report(order, tell=tell)
        return True
    client = _client(order, tell)
    client.start(Run(**order["run"]))
    for line in sys.stdin:
        message = json.loads(line)
        if "result" in message:
            _end_within(LAST_SECONDS)
            client.finish(Result(**message["result"]))
            return True
        client.log(message["step"], message["metrics"])
    _end_within(LAST_SECONDS)
    return False


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
