"""Functions as defined by an app, and their variants with other hardware, time and retries."""

from dataclasses import dataclass
from typing import Any

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.names import Names


@dataclass
class Function:
    """A function, or a variant of one: the definition that its containers get."""

    id: str
    app_id: str
    definition: pb.Function
    base_id: str

    @property
    def name(self) -> str:
        """The function's name in the source."""
        return str(self.definition.function_name)

    @property
    def gpu(self) -> str:
        """The accelerator asked for, ``""`` for none, ``"A100:2"`` for two."""
        gpu = self.definition.resources.gpu_config
        return gpu.gpu_type if gpu.count <= 1 else f"{gpu.gpu_type}:{gpu.count}"

    @property
    def max_containers(self) -> int:
        """How many containers it may have at once; 0 when the user set no limit."""
        return int(self.definition.autoscaler_settings.max_containers or self.definition.concurrency_limit)

    def handle(self) -> pb.FunctionHandleMetadata:
        """Returns what a client knows about the function."""
        definition = self.definition
        return pb.FunctionHandleMetadata(
            function_name=definition.function_name,
            function_type=definition.function_type,
            function_schema=definition.function_schema,
            supported_input_formats=definition.supported_input_formats,
            supported_output_formats=definition.supported_output_formats,
            definition_id=f"de-{self.id[3:]}",
            app_id=self.app_id,
            base_function_id=self.base_id,
        )


class Functions:
    """Answers what concerns the definition of a function."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.all: dict[str, Function] = {}

    def find(self, function_id: str) -> Function:
        """Returns a function by its id; NOT_FOUND when there is none."""
        if function_id not in self.all:
            raise GRPCError(Status.NOT_FOUND, f"Function '{function_id}' not found")
        return self.all[function_id]

    async def FunctionPrecreate(
        self, request: pb.FunctionPrecreateRequest, _: Any
    ) -> pb.FunctionPrecreateResponse:
        definition = pb.Function(
            function_name=request.function_name,
            function_type=request.function_type,
            function_schema=request.function_schema,
            supported_input_formats=request.supported_input_formats,
            supported_output_formats=request.supported_output_formats,
        )
        function = self._add(request.existing_function_id, app_id=request.app_id, definition=definition)
        return pb.FunctionPrecreateResponse(function_id=function.id, handle_metadata=function.handle())

    async def FunctionCreate(self, request: pb.FunctionCreateRequest, _: Any) -> pb.FunctionCreateResponse:
        definition = request.function
        if request.function_data.ranked_functions:  # a list of accelerators: the first is always free here
            definition = request.function_data.ranked_functions[0].function
        function = self._add(request.existing_function_id, app_id=request.app_id, definition=definition)
        ranked = pb.FunctionData.RankedFunction(rank=0, function=definition)
        return pb.FunctionCreateResponse(
            function_id=function.id,
            function=definition,
            handle_metadata=function.handle(),
            function_data=pb.FunctionData(
                function_name=definition.function_name,
                module_name=definition.module_name,
                timeout_secs=definition.timeout_secs,
                ranked_functions=[ranked],
            ),
        )

    async def FunctionBindParams(
        self, request: pb.FunctionBindParamsRequest, _: Any
    ) -> pb.FunctionBindParamsResponse:
        base = self.find(request.function_id)
        definition = pb.Function()
        definition.CopyFrom(base.definition)
        _apply(request.function_options, definition)
        variant = Function(
            id=self.names.new("fu"), app_id=base.app_id, definition=definition, base_id=base.base_id
        )
        self.all[variant.id] = variant
        return pb.FunctionBindParamsResponse(bound_function_id=variant.id, handle_metadata=variant.handle())

    def _add(self, existing_id: str, *, app_id: str, definition: pb.Function) -> Function:
        function_id = existing_id or self.names.new("fu")
        function = Function(id=function_id, app_id=app_id, definition=definition, base_id=function_id)
        self.all[function_id] = function
        return function


def _apply(options: pb.FunctionOptions, definition: pb.Function) -> None:
    if options.replace_secret_ids:
        del definition.secret_ids[:]
    if options.replace_volume_mounts:
        del definition.volume_mounts[:]
    definition.secret_ids.extend(options.secret_ids)
    definition.volume_mounts.extend(options.volume_mounts)
    definition.mount_ids.extend(options.mount_ids)
    if options.HasField("resources"):
        definition.resources.CopyFrom(options.resources)
    if options.HasField("retry_policy"):
        definition.retry_policy.CopyFrom(options.retry_policy)
    if options.HasField("timeout_secs"):
        definition.timeout_secs = options.timeout_secs
    if options.HasField("concurrency_limit"):
        definition.concurrency_limit = options.concurrency_limit
        definition.autoscaler_settings.max_containers = options.concurrency_limit
