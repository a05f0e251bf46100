"""The plane as tests hold it: a service in a thread of its own, with faults on demand."""

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from grpclib import GRPCError, Status

from tests.cloud.plane.account import Account
from tests.cloud.plane.calls import Call, Input
from tests.cloud.plane.container import Container
from tests.cloud.plane.service import Service
from tests.cloud.plane.waiting import Limits
from tests.cloud.plane.wire import TOKEN, Request

Answer = TypeVar("Answer")
When = float | Callable[[], object]
#: Seconds, on a busy machine; nothing waits so long for what goes well.
PATIENCE = 120.0


class Plane:
    """A control plane on 127.0.0.1; ``close`` ends it with every container that it has started."""

    def __init__(self) -> None:
        self.limits = Limits()
        # Short, for it appears in every path of a container.
        self.root = Path(tempfile.mkdtemp(prefix="plane-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plane", daemon=True)
        self._thread.start()
        self._service = self._do(self._make())

    @property
    def calls(self) -> list[Call]:
        """Every call since the last ``clear``, in order."""
        return list(self._service.calls.all.values())

    @property
    def requests(self) -> list[Request]:
        """Every request since the last ``clear``, with its bytes."""
        return list(self._service.router.requests)

    @property
    def errors(self) -> list[str]:
        """What went wrong in the plane itself, such as an RPC that it does not have."""
        return [*self._service.router.errors, *self._service.fleet.errors]

    @property
    def containers(self) -> list[Container]:
        """Every container since the last ``clear``, also those that have ended."""
        return list(self._service.fleet.containers.values())

    @property
    def account(self) -> Account:
        """The account's secrets and rates, which a test may change."""
        return self._service.account

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that lead a client here, and to no other account."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self._service.port}",
            "MODAL_TOKEN_ID": TOKEN[0],
            "MODAL_TOKEN_SECRET": TOKEN[1],
            "MODAL_CONFIG_PATH": str(self.root / "no-account.toml"),
            "MODAL_DISABLE_API_PROXY": "1",
            "HOME": str(self.root),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for a client in another process."""
        other = {key: value for key, value in os.environ.items() if not key.startswith("MODAL_")}
        return {**other, **self.variables}

    def volume(self, name: str) -> Path:
        """Returns the folder that holds what was committed to a volume; made if missing."""
        return self._service.volumes.named(name)

    def wait(self, predicate: Callable[[], Any], *, seconds: float = PATIENCE) -> None:
        """Returns once the predicate holds; ``TimeoutError`` with the calls' logs when it does not."""
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                states = [f"{call.function_name} {call.state}\n{call.log[-2000:]}" for call in self.calls]
                raise TimeoutError(f"not within {seconds} s; calls: {states}; errors: {self.errors}")
            time.sleep(0.01)

    def preempt(self, target: Call | Input, *, after: When = 0.0) -> None:
        """Takes the container away with SIGINT, and SIGKILL after the grace; the input is given to another.

        ``after`` is the seconds that the input must have run, or a condition that must have come true while
        it runs, such as ``lambda: call.commits >= 2``. Returns when the signal is sent; a target that has
        ended by then is an error.
        """
        container = self._running(target, after)
        self._do(self._in_loop(lambda: self._service.fleet.preempt(container)))

    def kill(self, target: Call | Input, *, after: When = 0.0) -> None:
        """Ends the container with SIGKILL, unannounced; it counts as an attempt. ``after`` as above."""
        container = self._running(target, after)
        self._do(self._in_loop(container.kill))

    def expire(self, call: Call) -> None:
        """Drops the results of a call, as the service does after a week."""
        call.expired = True

    def refuse(self, name: str, message: str, *, status: Status = Status.FAILED_PRECONDITION) -> None:
        """Answers an RPC with an error from now on, until ``clear``."""
        self._service.router.refusals[name] = GRPCError(status, message)

    def down(self) -> None:
        """Cuts clients off, as when there is no network; containers go on."""
        self._do(self._service.shut_door())

    def up(self) -> None:
        """Lets clients in again, at the same address."""
        self._do(self._service.open_door())

    def clear(self) -> None:
        """Ends what runs and forgets calls, requests, limits and the contents of volumes."""
        self._do(self._service.clear())
        vars(self.limits).update(vars(Limits()))

    def close(self) -> None:
        """Ends the plane, its containers and its thread, and removes its files."""
        self._do(self._service.shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.root, ignore_errors=True)

    async def _make(self) -> Service:
        service = Service(self.root, limits=self.limits)
        await service.open()
        return service

    async def _in_loop(self, action: Callable[[], None]) -> None:
        action()

    def _do(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=PATIENCE)

    def _running(self, target: Call | Input, after: When) -> Container:
        inputs: Iterable[Input] = target.inputs if isinstance(target, Call) else [target]

        def container() -> Container | None:
            found = (one.container for one in inputs if one.container is not None)
            return next((one for one in found if one.alive and not one.preempted), None)

        self.wait(lambda: container() or target.state not in ("queued", "running"))
        since = time.monotonic()
        condition = after if callable(after) else lambda: time.monotonic() - since >= after
        self.wait(lambda: condition() or container() is None)
        found = container()
        if found is None:
            raise ValueError(f"expected a running input to take the container from, but it is {target.state}")
        return found
