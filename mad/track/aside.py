"""A tracker that lives in a process of its own, so that a dashboard can neither stop, slow nor change a run.

The client of a dashboard starts threads and processes, waits for servers, and may raise anything at any
time. Here it does so elsewhere (``sender.py``), told through a pipe that is never waited for; only the end of
a run waits, for ``track.finish_seconds`` at most (in a container longer: ``place.py``). A sender that
needs longer is left to finish by itself.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from mad.progress import Run
from mad.report.result import Result, finite
from mad.track.base import Tracker
from mad.track.place import ends_with_run, patience, sends
from mad.track.settings import Track

PACKAGE_ROOT = Path(__file__).resolve().parents[2]

COMMAND = [sys.executable, "-P", "-m", "mad.track.sender"]

EXIT_SECONDS = 0.2
"""Between the last word of a process and its end; once in a run, and only if the sender fails."""

NAMES = {"wandb": "W&B", "report": "W&B", "trackio": "trackio"}


class Aside(Tracker):
    """Tells the sender what it is told."""

    def __init__(
        self, client: str, track: Track, *, folder: Path, offline: bool, say: Callable[[str], None]
    ) -> None:
        """``folder`` is the run's, ``say`` takes the sentences that a person should read."""
        self._client, self._track, self._folder, self._offline = client, track, folder, offline
        self._say_aloud = say
        self._process: subprocess.Popen[bytes] | None = None
        self._unsent, self._unread = bytearray(), bytearray()
        self._is_done, self._how_to_send_later = False, _later(client, folder)

    def start(self, run: Run) -> None:
        """Starts the sender and does not wait for it."""
        order = {
            "client": self._client,
            "folder": str(self._folder.absolute()),
            "track": asdict(self._track),
            "offline": self._offline,
            "run": asdict(run),
            "pid": os.getpid(),
        }
        try:
            self._process = _started()
        except OSError as error:
            self._say(f"cannot be started ({error})")
            return
        self._send(order)

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Sends the numbers as far as the pipe takes them, and says what the sender has to say."""
        self._send({"step": step, "metrics": dict(metrics)})

    def finish(self, result: Result) -> None:
        """Sends the result and waits until it has arrived, or until it has waited long enough."""
        self._send({"result": result.to_json()})
        self.wait(stopped=result.status == "preempted")

    def wait(self, *, stopped: bool = False) -> None:
        """Waits until the sender has done its work; ``stopped``: somebody wants this machine back."""
        seconds = patience(self._track.finish_seconds, stopped=stopped)
        self._wait(time.monotonic() + seconds)
        if self._process and not self._is_done:
            what = (
                "this container ends with its run"
                if ends_with_run()
                else "goes on by itself for two minutes; if that is not enough"
            )
            self._say(f"has not taken everything in {seconds:g} s and {what}, {self._how_to_send_later}")
        self._forget()

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process is None:
            return
        self._unsent += json.dumps(finite(message)).encode() + b"\n"
        self._push()
        self._listen()

    def _push(self) -> None:
        """Writes what the pipe takes at once."""
        assert self._process
        assert self._process.stdin
        try:
            while self._unsent:
                del self._unsent[: os.write(self._process.stdin.fileno(), self._unsent[:65536])]
        except BlockingIOError:
            return
        except OSError:  # the sender is gone: what it said last is still to be heard
            self._unsent.clear()

    def _listen(self) -> None:
        """Hears what the sender has said, if anything."""
        assert self._process
        assert self._process.stdout
        try:
            while heard := os.read(self._process.stdout.fileno(), 65536):
                self._unread += heard
        except BlockingIOError:
            self._hear()
            return
        self._hear()
        if not self._is_done:
            self._say(f"has ended by itself ({_last_word(self._process)}); local files only")
        self._forget()

    def _hear(self) -> None:
        *lines, rest = bytes(self._unread).split(b"\n")
        self._unread = bytearray(rest)
        for line in lines:
            message = json.loads(line)
            self._how_to_send_later = message.get("later", self._how_to_send_later)
            self._is_done |= bool(message.get("done"))
            if message.get("say"):
                self._say(message["say"])

    def _wait(self, deadline: float) -> None:
        with DefaultSelector() as selector:
            while (
                (process := self._process) and not self._is_done and (left := deadline - time.monotonic()) > 0
            ):
                assert process.stdin
                assert process.stdout
                selector.register(process.stdout, EVENT_READ)
                if self._unsent:
                    selector.register(process.stdin, EVENT_WRITE)
                selector.select(left)
                for key in list(selector.get_map().values()):
                    selector.unregister(key.fileobj)
                self._push()
                self._listen()

    def _forget(self) -> None:
        """Lets go of the sender: without its input it ends by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.stdout.close()
        threading.Thread(target=process.wait, daemon=True).start()  # so that the system can forget it, too

    def _say(self, sentence: str) -> None:
        self._say_aloud(f"{NAMES[self._client]} {sentence}")


def _later(client: str, folder: Path) -> str:
    """How to come by what has not been sent, before the client says where it records."""
    if client == "trackio":
        return "the files in the run's folder hold the rest"
    return sends(f"{folder}/wandb/*run-*", folder=folder)


def _last_word(process: subprocess.Popen[bytes]) -> str:
    """How a process ended that has closed its output: it is gone in a moment, or it hangs."""
    try:
        return f"exit code {process.wait(timeout=EXIT_SECONDS)}"
    except subprocess.TimeoutExpired:
        return "it has hung up"


def _started() -> subprocess.Popen[bytes]:
    """A sender with pipes that never block this process; Ctrl-C does not reach it."""
    paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
        start_new_session=True,
    )
    for pipe in (process.stdin, process.stdout):
        assert pipe
        os.set_blocking(pipe.fileno(), False)
    return process
