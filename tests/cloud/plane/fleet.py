"""The containers: started when inputs wait, given one input at a time, and what follows when one ends."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2 as pb

from tests.cloud.plane.apps import App
from tests.cloud.plane.calls import Input
from tests.cloud.plane.container import Container
from tests.cloud.plane.functions import Function
from tests.cloud.plane.waiting import Limits, Result, Waiting, crashed, terminated, timed_out

POLL_SECONDS = 14.5  # a container's client asks again every 15 s and gives up a request after 15.1 s
MAX_FAILED_STARTS = 3


class Fleet:
    """Keeps the running containers, and answers what they ask for."""

    def __init__(
        self,
        waiting: Waiting,
        *,
        limits: Limits,
        launch: Callable[[Function], Coroutine[Any, Any, Container]],
    ) -> None:
        self.waiting = waiting
        self.waiting.on_input = self._start_wanted
        self.limits = limits
        self.launch = launch
        self.containers: dict[str, Container] = {}  # also those that have ended
        self.errors: list[str] = []
        self._is_closing = False
        self._starting: list[str] = []  # function ids
        self._failed_starts: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def alive(self) -> list[Container]:
        """The containers that run."""
        return [container for container in self.containers.values() if container.alive]

    def cancel(self, one: Input) -> None:
        """Ends an input for its caller at once; a body that runs is told so by the next heartbeat."""
        self.waiting.finish(one, terminated("Input was cancelled by user"))
        if one.container is not None:
            self._tell(one.container, one)

    def stop_app(self, app: App) -> None:
        """Ends everything that an app has waiting or running."""
        running = [one for one in self.alive if one.function.app_id == app.id]
        waiting = [one for one in self.waiting.inputs if one.call.function.app_id == app.id]
        for one in [*waiting, *(container.input for container in running)]:
            if one is not None and one.output is None:
                self.waiting.finish(one, terminated("App was stopped"))
        for container in running:
            container.kill()

    def preempt(self, container: Container) -> None:
        """Takes a container away: SIGINT, and SIGKILL after the grace."""
        container.preempted = True
        container.interrupt()
        self.waiting.later(self.limits.grace_seconds, container.kill)

    async def close(self) -> None:
        """Ends every container, and returns when all are gone; what they worked on is not tried again."""
        self._is_closing = True
        self.waiting.clear()
        while self._tasks:
            for container in self.alive:
                container.kill()
            await asyncio.wait(self._tasks, timeout=0.1)
        self.containers.clear()
        self._failed_starts.clear()
        self._is_closing = False

    async def ContainerHello(self, request: Empty, container: Container) -> Empty:
        return Empty()

    async def ContainerHeartbeat(
        self, request: pb.ContainerHeartbeatRequest, container: Container
    ) -> pb.ContainerHeartbeatResponse:
        if not await self.waiting.bell.until(lambda: container.cancel_ids, POLL_SECONDS):
            return pb.ContainerHeartbeatResponse()
        event = pb.CancelInputEvent(input_ids=container.cancel_ids)
        container.cancel_ids = []
        return pb.ContainerHeartbeatResponse(cancel_input_event=event)

    async def FunctionGetInputs(
        self, request: pb.FunctionGetInputsRequest, container: Container
    ) -> pb.FunctionGetInputsResponse:
        def next_inputs() -> list[Input]:
            return [] if container.preempted else self.waiting.of(container.function.id)[:1]

        await self.waiting.bell.until(next_inputs, POLL_SECONDS)
        items = [self._give(one, container) for one in next_inputs()]
        return pb.FunctionGetInputsResponse(inputs=items)

    async def FunctionPutOutputs(self, request: pb.FunctionPutOutputsRequest, container: Container) -> Empty:
        for item in request.outputs:
            one = container.input
            if one is not None and one.id == item.input_id:
                _release(container)
                self._settle(one, container, item)
        return Empty()

    async def TaskResult(self, request: pb.TaskResultRequest, container: Container) -> Empty:
        container.failure = request.result
        return Empty()

    def _give(self, one: Input, container: Container) -> pb.FunctionGetInputsItem:
        self.waiting.inputs.remove(one)
        one.starts += 1
        one.container, container.input = container, one
        container.last_call = one.call
        container.n_inputs += 1
        self._failed_starts.pop(container.function.id, None)
        if one.call.timeout:
            start = one.starts
            self.waiting.later(one.call.timeout, lambda: self._time_out(one, container, start))
        return pb.FunctionGetInputsItem(
            input_id=one.id,
            input=one.message,
            function_call_id=one.call.id,
            function_call_invocation_type=pb.FUNCTION_CALL_INVOCATION_TYPE_ASYNC,
            retry_count=one.attempts - 1,
        )

    def _time_out(self, one: Input, container: Container, start: int) -> None:
        if container.input is one and one.starts == start and one.output is None:
            container.timed_out = True
            self._tell(container, one)

    def _tell(self, container: Container, one: Input) -> None:
        container.cancel_ids.append(one.id)
        self.waiting.bell.ring()
        self.waiting.later(
            self.limits.grace_seconds, lambda: container.kill() if container.input is one else None
        )

    def _settle(self, one: Input, container: Container, item: pb.FunctionPutOutputsItem) -> None:
        """Uses what a body has given, unless its caller has already had the answer."""
        if one.output is None and container.timed_out:
            container.kill()
            self.waiting.retry(one, timed_out(one))
        elif one.output is None and item.result.status == Result.GENERIC_STATUS_FAILURE:
            self.waiting.retry(one, item.result, data_format=item.data_format)
        elif one.output is None:
            self.waiting.finish(one, item.result, data_format=item.data_format)

    def _ended(self, container: Container, code: int) -> None:
        one = container.input
        _release(container)
        if self._is_closing:
            return
        if one is None:
            self._failed_to_start(container)
        elif one.output is None and container.preempted:
            self.waiting.put_back(one)
        elif one.output is None and container.timed_out:
            self.waiting.retry(one, timed_out(one))
        elif one.output is None:
            message = f"Container {container.id} ended with code {code} while it worked on the input"
            self.waiting.retry(one, crashed(message))
        self._start_wanted()

    def _failed_to_start(self, container: Container) -> None:
        function_id = container.function.id
        if container.n_inputs or not self.waiting.of(function_id):
            return
        self._failed_starts[function_id] = self._failed_starts.get(function_id, 0) + 1
        if container.failure is not None or self._failed_starts[function_id] >= MAX_FAILED_STARTS:
            reason = container.failure or crashed(f"Container cannot start:\n{container.log[-2000:]}")
            for one in self.waiting.of(function_id):
                self.waiting.finish(one, reason)

    def _start_wanted(self) -> None:
        for function in {one.call.function.id: one.call.function for one in self.waiting.inputs}.values():
            usable = [one for one in self.alive if not (one.preempted or one.timed_out)]
            own = [one for one in usable if one.function.id == function.id]
            n_starting = self._starting.count(function.id)
            n_idle = sum(one.input is None for one in own) + n_starting
            n_more = len(self.waiting.of(function.id)) - n_idle
            if function.max_containers:
                n_more = min(n_more, function.max_containers - len(own) - n_starting)
            n_more = min(n_more, self.limits.capacity - len(usable) - len(self._starting))
            for _ in range(n_more):
                self._starting.append(function.id)
                self._keep(asyncio.get_running_loop().create_task(self._run(function)))
            others = [one for one in usable if one.input is None and one.function.id != function.id]
            if n_more <= 0 and not n_idle and not own and others:
                others[0].kill()  # makes room; this is looked at again when it has ended

    async def _run(self, function: Function) -> None:
        try:
            container = await self.launch(function)
        finally:
            self._starting.remove(function.id)
        self.waiting.bell.ring()
        self._ended(container, await container.run())

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._drop)

    def _drop(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.errors.append("".join(traceback.format_exception(task.exception())))


def _release(container: Container) -> None:
    if container.input is not None:
        container.input.container = None
    container.input = None
