"""The inputs that wait for a container, and what becomes of an input when an attempt at it is over."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from modal_proto import api_pb2 as pb

from tests.cloud.plane.calls import Input
from tests.cloud.plane.wire import Bell

Result = pb.GenericResult


@dataclass
class Limits:
    """What a test may set; the defaults keep the tests quick.

    ``grace_seconds`` pass between a signal and SIGKILL, ``retry_seconds`` at most before a retry, and
    ``capacity`` containers run at once. ``environment`` is added to that of every container.
    """

    grace_seconds: float = 30.0
    retry_seconds: float = 0.05
    capacity: int = 4
    environment: dict[str, str] = field(default_factory=lambda: {"OMP_NUM_THREADS": "1", "MAD_DEVICE": "cpu"})


class Waiting:
    """The queue, and the rules of retrying: a failed, killed or late attempt counts, a preempted one not."""

    def __init__(self, bell: Bell, limits: Limits) -> None:
        self.bell = bell
        self.limits = limits
        self.inputs: list[Input] = []
        self.on_input: Callable[[], None] = lambda: None
        self._timers: list[asyncio.TimerHandle] = []

    def add(self, one: Input) -> None:
        """Puts an input at the end of the queue."""
        self.inputs.append(one)
        self.bell.ring()
        self.on_input()

    def put_back(self, one: Input) -> None:
        """Puts an input whose container was taken away at the front."""
        one.preemptions += 1
        self.inputs.insert(0, one)
        self.bell.ring()

    def of(self, function_id: str) -> list[Input]:
        """Returns the inputs that wait for a function, the next one first."""
        return [one for one in self.inputs if one.call.function.id == function_id]

    def retry(self, one: Input, result: pb.GenericResult, *, data_format: int = 0) -> None:
        """Queues the input again if its function's retries allow it, else finishes it with the result."""
        policy = one.call.function.definition.retry_policy
        if one.attempts > policy.retries:
            self.finish(one, result, data_format=data_format)
            return
        seconds = min(policy.initial_delay_ms / 1000, self.limits.retry_seconds)
        self.later(seconds, lambda: self.add(one) if one.output is None else None)

    def finish(self, one: Input, result: pb.GenericResult, *, data_format: int = 0) -> None:
        """Gives the input its result, for good."""
        if one in self.inputs:
            self.inputs.remove(one)
        one.output = pb.FunctionGetOutputsItem(
            result=result,
            idx=one.index,
            input_id=one.id,
            data_format=data_format,  # type: ignore[arg-type]
            retry_count=max(0, one.attempts - 1),
        )
        one.call.finished.append(one)
        self.bell.ring()

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Does something after so many seconds."""
        self._timers.append(asyncio.get_running_loop().call_later(seconds, action))

    def clear(self) -> None:
        """Forgets what waits and what was to be done later."""
        self.inputs.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def timed_out(one: Input) -> pb.GenericResult:
    """Returns the result of an attempt that took longer than its function's timeout."""
    message = f"Task's current input in {one.call.function_name} hit its timeout of {one.call.timeout}s"
    return Result(status=Result.GENERIC_STATUS_TIMEOUT, exception=message)


def terminated(reason: str) -> pb.GenericResult:
    """Returns the result of an input that somebody ended."""
    return Result(status=Result.GENERIC_STATUS_TERMINATED, exception=reason)


def crashed(reason: str) -> pb.GenericResult:
    """Returns the result of an input whose container died."""
    return Result(status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception=reason)
