"""The inside of a worker process: one run, its output in its own folder, its end told through a pipe."""

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mad.launch.clean_output import CleanOutput
from mad.report.lock import AlreadyRunning
from mad.report.redaction import redacted

Report = tuple[str, str]
"""How a run ended, and what there is to say: ``result`` and its JSON, or why there is none.

That is ``refused``, ``failed``, or ``running``: by another process.
"""


def work(
    function: str,
    config: Mapping[str, Any],
    console_file: str,
    environment: Mapping[str, str],
    reports: Connection,
    alive: Connection,
) -> None:
    """Calls ``function`` (``module:name``) with the config and reports how it ended.

    The environment variables are those of whoever asks for the run: the server may be older than they.
    The process leads a session of its own: the terminal's Ctrl-C reaches the parent only, which asks its
    workers to stop. A parent that dies without asking closes ``alive``, and the worker stops by itself.
    """
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _say_into(Path(console_file))
    faulthandler.enable()
    threading.Thread(target=_stop_without, args=(alive,), daemon=True).start()
    report = _outcome(function, config)
    reports.send(report)


def _outcome(function: str, config: Mapping[str, Any]) -> Report:
    try:
        return "result", _named(function)(config).to_json()
    except AlreadyRunning as error:
        return "running", str(error)
    except Exception as error:
        traceback.print_exc()
        reason = redacted(str(error)) or type(error).__name__
        return "refused" if isinstance(error, ValueError) else "failed", reason


def _named(function: str) -> Callable[[Mapping[str, Any]], Any]:
    module, _, name = function.partition(":")
    found: Callable[[Mapping[str, Any]], Any] = getattr(import_module(module), name)
    return found


def _say_into(console_file: Path) -> None:
    """Sends all output to the file, also that of C code and of a crash; Python's without secrets."""
    console_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(console_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
    sys.stdout, sys.stderr = CleanOutput(sys.stdout), CleanOutput(sys.stderr)


def _stop_without(alive: Connection) -> None:
    try:
        alive.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
