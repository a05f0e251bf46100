"""Apps: made by a client, gone with it unless detached, and the stream of what their containers print."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.names import Names
from tests.cloud.plane.wire import Bell

LOG_SECONDS = 20.0


@dataclass
class App:
    """An app as the service knows it; ``client_gone`` once its client has said good-bye."""

    id: str
    description: str
    detached: bool
    function_ids: dict[str, str] = field(default_factory=dict)
    logs: list[pb.TaskLogsBatch] = field(default_factory=list)
    client_gone: bool = False
    stopped: bool = False


class Apps:
    """Answers what concerns an app as a whole."""

    def __init__(self, names: Names, bell: Bell) -> None:
        self.names = names
        self.bell = bell
        self.all: dict[str, App] = {}
        self.on_stop: Callable[[App], None] = lambda app: None

    def log(self, app_id: str, text: str, *, container: str) -> None:
        """Adds what a container printed to its app's stream."""
        app = self.all[app_id]
        item = pb.TaskLogs(data=text, file_descriptor=pb.FILE_DESCRIPTOR_STDOUT)
        app.logs.append(pb.TaskLogsBatch(task_id=container, items=[item], entry_id=str(len(app.logs) + 1)))
        self.bell.ring()

    def stop(self, app: App) -> None:
        """Ends an app with everything that runs in it."""
        app.stopped = True
        self.on_stop(app)
        self.bell.ring()

    async def AppCreate(self, request: pb.AppCreateRequest, _: Any) -> pb.AppCreateResponse:
        app = App(
            id=self.names.new("ap"),
            description=request.description,
            detached=request.app_state == pb.APP_STATE_DETACHED,
        )
        self.all[app.id] = app
        page = f"https://modal.com/apps/loopback/main/{app.id}"
        return pb.AppCreateResponse(app_id=app.id, app_page_url=page, app_logs_url=page)

    async def AppGetOrCreate(self, request: pb.AppGetOrCreateRequest, _: Any) -> pb.AppGetOrCreateResponse:
        for app in self.all.values():
            if app.description == request.app_name and not app.stopped:
                return pb.AppGetOrCreateResponse(app_id=app.id)
        app = App(id=self.names.new("ap"), description=request.app_name, detached=True)
        self.all[app.id] = app
        return pb.AppGetOrCreateResponse(app_id=app.id)

    async def AppHeartbeat(self, request: pb.AppHeartbeatRequest, _: Any) -> Empty:
        return Empty()

    async def AppPublish(self, request: pb.AppPublishRequest, _: Any) -> pb.AppPublishResponse:
        app = self._find(request.app_id)
        app.function_ids = dict(request.function_ids)
        return pb.AppPublishResponse(url=f"https://modal.com/apps/loopback/main/{app.id}")

    async def AppClientDisconnect(self, request: pb.AppClientDisconnectRequest, _: Any) -> Empty:
        app = self._find(request.app_id)
        app.client_gone = True
        if not app.detached:
            self.stop(app)
        self.bell.ring()
        return Empty()

    async def AppStop(self, request: pb.AppStopRequest, _: Any) -> Empty:
        self.stop(self._find(request.app_id))
        return Empty()

    async def AppGetLogs(self, request: pb.AppGetLogsRequest, _: Any) -> AsyncIterator[pb.TaskLogsBatch]:
        app = self._find(request.app_id)
        start = int(request.last_entry_id or 0)
        seconds = min(request.timeout, LOG_SECONDS)
        await self.bell.until(lambda: len(app.logs) > start or app.client_gone or app.stopped, seconds)
        for batch in app.logs[start:]:
            yield batch
        # The last lines of a container that is being ended are not waited for.
        if app.client_gone or app.stopped:
            yield pb.TaskLogsBatch(app_done=True)

    def _find(self, app_id: str) -> App:
        if app_id not in self.all:
            raise GRPCError(Status.NOT_FOUND, f"App '{app_id}' not found")
        return self.all[app_id]
