"""Waits for jobs at Modal and settles each as it ends. A signal ends the waiting, never the jobs."""

import time
from collections.abc import Mapping

from rich.console import Console

from mad.launch.cloud.calls import outcome
from mad.launch.cloud.job import Job
from mad.launch.cloud.listening import Ears
from mad.launch.cloud.store import NoAnswer, Refused, Store
from mad.launch.cloud.watchers import Watcher
from mad.launch.ending import Ending
from mad.report.lock import AlreadyRunning

LOOK_SECONDS = 1.0
"""Between two rounds of asking which calls have ended."""

PEEK_SECONDS = 10.0
"""Between two looks at a job's curves on the volume."""

N_LINES = 20
"""The end of a traceback, which tells the most."""


class Vigil:
    """A wait for several jobs, which go by their index."""

    def __init__(self, jobs: Mapping[int, Job], *, watcher: Watcher, console: Console, ears: Ears) -> None:
        self._jobs, self._watcher, self._console, self._ears = dict(jobs), watcher, console, ears
        self._stores = {job.ticket.volume: Store(job.ticket.volume) for job in jobs.values()}
        self._peeked: dict[int, float] = {}
        self._is_silent = False
        self.n_unanswered = 0
        """Jobs that Modal did not answer for in the last round."""

    def wait(self) -> dict[int, Ending]:
        """The endings of the jobs, of all unless a signal came.

        Raises ValueError for a token that is refused.
        """
        endings: dict[int, Ending] = {}
        with self._watcher.shown():
            while self._jobs and not self._ears.received:
                endings |= self.look()
                self._watcher.refresh()
                if self._jobs and not self._ears.received:
                    time.sleep(LOOK_SECONDS)
        return endings

    def look(self) -> dict[int, Ending]:
        """One round: the endings of the jobs that have ended since."""
        endings, self.n_unanswered = {}, 0
        for index, job in list(self._jobs.items()):
            if self._ears.received:
                break
            try:
                ending = self._look_at(index, job)
            except NoAnswer as error:
                self.n_unanswered += 1
                self._say_silence(error)
                continue
            self._is_silent = False
            if ending:
                endings[index] = ending
                del self._jobs[index]
        return endings

    def _look_at(self, index: int, job: Job) -> Ending | None:
        store = self._stores[job.ticket.volume]
        came = outcome(job.ticket)
        if came is None:
            if time.monotonic() - self._peeked.get(index, float("-inf")) >= PEEK_SECONDS:
                self._peeked[index] = time.monotonic()
                self._watcher.stands(index, job.ticket, job.standing(store=store))
            return None
        try:
            ending = job.settle(came, store=store)
        except AlreadyRunning:  # another command is fetching it, and will have done so in a moment
            return None
        except Refused:
            raise
        except ValueError as error:
            reason = f"its record could not be fetched ({error}); mad collect tries again"
            ending = Ending(status="failed", error=reason)
        except OSError as error:
            ending = Ending(
                status="failed", error=f"its record could not be written here ({error}); mad collect"
            )
        self._watcher.ended(index, ending)
        if came.traceback and ending.status in ("failed", "refused"):
            tail = came.traceback.rstrip().splitlines()[-N_LINES:]
            self._console.print("\n".join(tail), markup=False, highlight=False, soft_wrap=True)
        return ending

    def _say_silence(self, error: NoAnswer) -> None:
        if not self._is_silent:
            self._is_silent = True
            line = f"Modal does not answer ({error}); its jobs go on, and so does the waiting"
            self._console.print(line, markup=False, soft_wrap=True)
