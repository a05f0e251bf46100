"""Calls of a function and their inputs: what came in, how often it was tried, what went out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.functions import Function, Functions
from tests.cloud.plane.names import Names
from tests.cloud.plane.wire import Bell

if TYPE_CHECKING:
    from tests.cloud.plane.container import Container

Result = pb.GenericResult
_OUTCOMES = {
    Result.GENERIC_STATUS_SUCCESS: "success",
    Result.GENERIC_STATUS_FAILURE: "failure",
    Result.GENERIC_STATUS_TIMEOUT: "timeout",
    Result.GENERIC_STATUS_TERMINATED: "cancelled",
    Result.GENERIC_STATUS_INTERNAL_FAILURE: "crashed",
}


@dataclass(eq=False)
class Input:
    """One input of a call; ``starts`` counts the containers that were given it, whatever became of them."""

    id: str
    call: "Call" = field(repr=False)
    index: int
    message: pb.FunctionInput = field(repr=False)
    data: bytes = field(repr=False)
    starts: int = 0
    preemptions: int = 0
    container: "Container | None" = field(default=None, repr=False)
    output: pb.FunctionGetOutputsItem | None = field(default=None, repr=False)

    @property
    def attempts(self) -> int:
        """How many starts count against the retries; those that ended in a preemption do not."""
        return self.starts - self.preemptions

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``success``, ``failure``, ``timeout``, ``cancelled`` or ``crashed``."""
        if self.output is not None:
            return _OUTCOMES[self.output.result.status]
        return "running" if self.container is not None else "queued"


@dataclass(eq=False)
class Call:
    """One call: a spawn has one input, a map many."""

    id: str
    function: Function = field(repr=False)
    inputs: list[Input] = field(default_factory=list)
    finished: list[Input] = field(default_factory=list, repr=False)  # in the order in which they finished
    log: str = field(default="", repr=False)
    commits: int = 0
    expired: bool = False

    @property
    def function_name(self) -> str:
        """The function's name in the source."""
        return self.function.name

    @property
    def gpu(self) -> str:
        """The accelerator asked for, as ``"A100"``; ``""`` for none."""
        return self.function.gpu

    @property
    def timeout(self) -> int:
        """Seconds that one attempt may take."""
        return int(self.function.definition.timeout_secs)

    @property
    def retries(self) -> int:
        """How often a failed attempt is tried again."""
        return int(self.function.definition.retry_policy.retries)

    @property
    def attempts(self) -> int:
        """The attempts of all inputs that count against the retries."""
        return sum(one.attempts for one in self.inputs)

    @property
    def preemptions(self) -> int:
        """How often a container was taken away from an input of this call."""
        return sum(one.preemptions for one in self.inputs)

    @property
    def outputs(self) -> list[bytes]:
        """The bytes of the results, in the order of the inputs; ``b""`` for none."""
        return [one.output.result.data if one.output else b"" for one in self.inputs]

    @property
    def state(self) -> str:
        """The state that all inputs share; ``running`` or ``queued`` while any is, else the worst."""
        states = {one.state for one in self.inputs}
        order = ("running", "queued", "crashed", "timeout", "failure", "cancelled", "success")
        return next((state for state in order if state in states), "queued")


class Calls:
    """Answers what concerns calls; the fleet of containers is told of new and cancelled inputs."""

    def __init__(self, names: Names, functions: Functions, bell: Bell, read: Callable[[Any], bytes]) -> None:
        self.names = names
        self.functions = functions
        self.bell = bell
        self.read = read
        self.all: dict[str, Call] = {}
        self.on_input: Callable[[Input], None] = lambda one: None
        self.on_cancel: Callable[[Input], None] = lambda one: None

    async def FunctionMap(self, request: pb.FunctionMapRequest, _: Any) -> pb.FunctionMapResponse:
        call = Call(id=self.names.new("fc"), function=self.functions.find(request.function_id))
        self.all[call.id] = call
        return pb.FunctionMapResponse(
            function_call_id=call.id,
            pipelined_inputs=[self._accept(call, item) for item in request.pipelined_inputs],
            retry_policy=call.function.definition.retry_policy,
            function_call_jwt=call.id,
            sync_client_retries_enabled=False,  # the service itself retries
            max_inputs_outstanding=1000,
        )

    async def FunctionPutInputs(
        self, request: pb.FunctionPutInputsRequest, _: Any
    ) -> pb.FunctionPutInputsResponse:
        call = self.find(request.function_call_id)
        return pb.FunctionPutInputsResponse(inputs=[self._accept(call, item) for item in request.inputs])

    async def FunctionGetOutputs(
        self, request: pb.FunctionGetOutputsRequest, _: Any
    ) -> pb.FunctionGetOutputsResponse:
        call = self.find(request.function_call_id)
        seen = int(request.last_entry_id.partition("-")[0] or 0)
        first = request.start_idx if request.HasField("start_idx") else 0
        last = request.end_idx if request.HasField("end_idx") else len(call.inputs) + 1_000_000

        def ready() -> list[Input]:
            if call.expired:
                return []
            return [one for one in call.finished[seen:] if first <= one.index <= last]

        await self.bell.until(lambda: call.expired or ready(), request.timeout)
        return pb.FunctionGetOutputsResponse(
            idxs=[one.index for one in ready()],
            outputs=[one.output for one in ready() if one.output],
            last_entry_id=f"{len(call.finished)}-0",
            num_unfinished_inputs=0 if call.expired else len(call.inputs) - len(call.finished),
        )

    async def FunctionCallFromId(
        self, request: pb.FunctionCallFromIdRequest, _: Any
    ) -> pb.FunctionCallFromIdResponse:
        call = self.find(request.function_call_id)
        metadata = pb.FunctionCallHandleMetadata(app_id=call.function.app_id, function_id=call.function.id)
        return pb.FunctionCallFromIdResponse(
            function_call_id=call.id, num_inputs=len(call.inputs), metadata=metadata
        )

    async def FunctionCallCancel(self, request: pb.FunctionCallCancelRequest, _: Any) -> Empty:
        for one in self.find(request.function_call_id).inputs:
            if one.output is None:
                self.on_cancel(one)
        return Empty()

    def find(self, call_id: str) -> Call:
        """Returns a call by its id; NOT_FOUND when there is none."""
        if call_id not in self.all:
            raise GRPCError(Status.NOT_FOUND, f"Function call '{call_id}' not found")
        return self.all[call_id]

    def _accept(self, call: Call, item: pb.FunctionPutInputsItem) -> pb.FunctionPutInputsResponseItem:
        one = Input(
            id=self.names.new("in"),
            call=call,
            index=item.idx,
            message=item.input,
            data=self.read(item.input),
        )
        call.inputs.append(one)
        self.on_input(one)
        return pb.FunctionPutInputsResponseItem(idx=item.idx, input_id=one.id, input_jwt=one.id)
