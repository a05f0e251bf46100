"""The process that workers are forked from: it has imported torch once and done nothing else.

Its imports take two seconds. A sweep starts it before it composes, so that the two go side by side.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from typing import Any
from unittest import mock

OF_A_RUN = ("mad.launch.worker", "mad.execute", "torch._dynamo", "mad.model", "mad.mixers.attention")
"""What a run imports; ``torch._dynamo`` is an optimiser's wish at its first step, at a second or two."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Of the server, since threads do not survive a fork; a run starts as many as its config says."""


@contextmanager
def started(modules: Sequence[str]) -> Iterator[None]:
    """Starts the server, which imports the modules while others go on; it is gone afterwards."""
    try:
        start(modules)
        yield
    finally:
        _stop()


def start(modules: Sequence[str]) -> None:
    """Starts the server and does not wait for it; nothing happens if it runs already.

    Ctrl-C is this process's to answer: the server does not hear it, nor do workers before they ask to.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
    resource_tracker.ensure_running()  # it opens all signals, once
    opened = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with mock.patch.dict(os.environ, ONE_THREAD):
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, opened)


def _stop() -> None:
    """Ends the server, also in the midst of an import. A server whose parent was killed ends by itself."""
    server: Any = forkserver._forkserver
    if server._forkserver_pid is not None:
        os.kill(server._forkserver_pid, signal.SIGKILL)
        server._stop()
