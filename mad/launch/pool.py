"""A pool of processes on this machine: one run in each, and none can harm another.

Workers are forked from a server (``server.py``), so that each starts clean and fast.
"""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from mad.launch import server
from mad.launch.board import Board
from mad.launch.ending import Ending
from mad.launch.settings import Launch
from mad.launch.worker import Report, work
from mad.report.result import Result
from mad.signals import answered

TICK_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Work:
    """One run for the pool."""

    config: Mapping[str, Any]
    console_file: Path


class Pool:
    """Runs works, at most ``settings.n_processes`` at once."""

    def __init__(
        self,
        settings: Launch,
        *,
        board: Board,
        function: str = "mad.execute:execute",
        preload: Sequence[str] = (),
        grace_seconds: float = 20.0,
    ) -> None:
        """``preload`` names modules that the server imports once, so that no worker has to."""
        self._settings, self._board, self._function = settings, board, function
        self._preload = preload
        self._grace_seconds = grace_seconds
        self._gives_up = False
        self.signal: signal.Signals | None = None
        """The signal that ended the sweep before its time."""

    def run(self, works: Sequence[Work]) -> list[Ending]:
        """The ending of each work, in order.

        Those that were not begun are ``waiting``: after a signal, or, where the settings say ``fail_fast``,
        after one that did not finish.
        """
        endings = [Ending(status="waiting")] * len(works)
        waiting, running = deque(enumerate(works)), dict[int, _Worker]()
        with (
            answered((signal.SIGINT, signal.SIGTERM), self._note),
            self._processes() as context,
            self._board.shown(),
        ):
            while running or (waiting and not self._is_ending):
                while waiting and len(running) < self._settings.n_processes and not self._is_ending:
                    index, job = waiting.popleft()
                    running[index] = context.start(job)
                    self._board.started(index)
                self._stop_late_ones(list(running.values()))
                for index in [index for index, worker in running.items() if worker.has_ended()]:
                    endings[index] = running.pop(index).ending()
                    self._gives_up |= self._settings.fail_fast and endings[index].status != "finished"
                    self._board.ended(index, endings[index])
                self._board.refresh()
                wait([worker.sentinel for worker in running.values()], TICK_SECONDS if running else 0)
        return endings

    @property
    def _is_ending(self) -> bool:
        return self._gives_up or self.signal is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        """The answer to SIGINT and SIGTERM, instead of dying of them."""
        if self.signal:  # asked twice: no more patience
            self._grace_seconds = 0.0
        self.signal = signal.Signals(number)

    @contextmanager
    def _processes(self) -> Iterator["_Context"]:
        context = _Context(self._function, self._preload)
        try:
            yield context
        finally:
            context.close()

    def _stop_late_ones(self, running: Sequence["_Worker"]) -> None:
        limit = self._settings.timeout_seconds
        for worker in running:
            if self.signal:
                worker.stop(
                    f"stopped by {self.signal.name}", status="preempted", grace_seconds=self._grace_seconds
                )
            elif limit is not None and worker.seconds > limit:
                reason = f"no end after {limit:g} s (launch.timeout_seconds)"
                worker.stop(reason, status="failed", grace_seconds=self._grace_seconds)


class _Context:
    """Starts workers, and tells them by a closed pipe when this process is gone."""

    def __init__(self, function: str, preload: Sequence[str]) -> None:
        self._function = function
        self._context = multiprocessing.get_context("forkserver")
        server.start([function.partition(":")[0], work.__module__, *preload])
        self._alive, self._kept_open = self._context.Pipe(duplex=False)

    def start(self, job: Work) -> "_Worker":
        reports, sender = self._context.Pipe(duplex=False)
        environment = dict(os.environ)
        arguments = (
            self._function,
            dict(job.config),
            str(job.console_file),
            environment,
            sender,
            self._alive,
        )
        process = self._context.Process(target=work, args=arguments)
        process.start()
        sender.close()
        return _Worker(process, reports)

    def close(self) -> None:
        self._alive.close()
        self._kept_open.close()


class _Worker:
    """A process with a run in it, seen from outside."""

    def __init__(self, process: Any, reports: Connection) -> None:
        self._process, self._reports = process, reports
        self._started_at = time.monotonic()
        self._report: Report | None = None
        self._stopped: Ending | None = None
        self._kill_at = float("inf")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started_at

    @property
    def sentinel(self) -> Any:
        """What becomes ready when the worker reports or dies."""
        return self._process.sentinel if self._report else self._reports

    def has_ended(self) -> bool:
        if self._report is None and self._reports.poll():
            try:
                self._report = self._reports.recv()
            except EOFError:
                self._process.join()
        if self._process.is_alive():
            return False
        if self._report is None and self._reports.poll():  # said between the two questions
            with suppress(EOFError):
                self._report = self._reports.recv()
        return True

    def stop(self, reason: str, *, status: str, grace_seconds: float) -> None:
        """Asks it to stop, and kills it once the grace is over."""
        now = time.monotonic()
        if self._stopped is None:
            self._stopped = Ending(status=status, error=reason)
            self._process.terminate()
            self._kill_at = now + grace_seconds
        elif now >= min(self._kill_at, now + grace_seconds):
            self._process.kill()

    def ending(self) -> Ending:
        """How it ended; to be asked once it has."""
        kind, text = self._report or ("died", _cause(self._process.exitcode))
        result = Result.from_json(text) if kind == "result" else None
        if result and (result.done or self._stopped is None):
            return Ending(status=result.status, result=result, error=result.error, seconds=self.seconds)
        if self._stopped:
            return Ending(
                status=self._stopped.status, result=result, error=self._stopped.error, seconds=self.seconds
            )
        status = kind if kind in ("refused", "running") else "failed"
        seconds = None if status == "running" else self.seconds
        return Ending(status=status, error=text, raised=kind == "failed", seconds=seconds)


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"the process ended by itself with exit code {exit_code}"
