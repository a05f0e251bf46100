"""The service as a whole: the desks, wired to each other, and the listeners in front of them."""

import asyncio
import shutil
from pathlib import Path

from modal_proto import api_pb2 as pb

from tests.cloud.plane.account import Account
from tests.cloud.plane.apps import Apps
from tests.cloud.plane.blocks import Blocks
from tests.cloud.plane.calls import Calls
from tests.cloud.plane.container import Container
from tests.cloud.plane.files import Files
from tests.cloud.plane.fleet import Fleet
from tests.cloud.plane.functions import Function, Functions
from tests.cloud.plane.names import Names
from tests.cloud.plane.packages import link_packages
from tests.cloud.plane.volumes import Volumes
from tests.cloud.plane.waiting import Limits, Waiting
from tests.cloud.plane.wire import Bell, Door, Router


class Service:
    """Everything that lives in the plane's event loop."""

    def __init__(self, root: Path, *, limits: Limits) -> None:
        self.root = root
        self.limits = limits
        self.names = Names()
        self.bell = Bell()
        self.account = Account(self.names)
        self.files = Files(self.names)
        self.apps = Apps(self.names, self.bell)
        self.functions = Functions(self.names)
        self.calls = Calls(self.names, self.functions, self.bell, self.files.data)
        self.volumes = Volumes(self.names, root / "volumes", contents=self.files.contents)
        self.waiting = Waiting(self.bell, limits)
        self.fleet = Fleet(self.waiting, limits=limits, launch=self._launch)
        self.calls.on_input = self.waiting.add
        self.calls.on_cancel = self.fleet.cancel
        self.apps.on_stop = self.fleet.stop_app
        desks = (self.account, self.files, self.apps, self.functions, self.calls, self.volumes, self.fleet)
        self.router = Router(desks, containers=self.fleet.containers)
        self.blocks = Blocks(self.files, self.volumes)
        self.door = Door(self.router)  # for clients
        self.back_door = Door(self.router)  # for containers: they keep it when the client's network is down
        self.port = 0
        self._back_port = 0

    async def open(self) -> None:
        """Opens the listeners."""
        self.packages = await asyncio.to_thread(link_packages, self.root / "packages")
        (self.root / "volumes").mkdir()
        self.files.url = self.volumes.url = await self.blocks.open()
        self.port = await self.door.open()
        self._back_port = await self.back_door.open()

    async def shut(self) -> None:
        """Ends the containers and closes the listeners."""
        await self.fleet.close()
        await self.shut_door()
        await self.back_door.shut()
        await self.blocks.shut()

    async def shut_door(self) -> None:
        """Cuts the clients off."""
        if self.door.is_open:
            await self.door.shut()

    async def open_door(self) -> None:
        """Lets clients in again, on the same port."""
        if not self.door.is_open:
            self.door = Door(self.router)
            await self.door.open(self.port)

    async def clear(self) -> None:
        """Ends what runs, forgets calls and requests; what clients hold (ids of volumes) stays valid."""
        await self.fleet.close()
        for app in self.apps.all.values():
            app.stopped = True
        self.calls.all.clear()
        self.router.requests.clear()
        self.router.errors.clear()
        self.fleet.errors.clear()
        self.router.refusals.clear()
        self.volumes.clear()
        shutil.rmtree(self.root / "containers", ignore_errors=True)
        await self.open_door()

    async def _launch(self, function: Function) -> Container:
        container_id = self.names.new("ta")
        folder = self.root / "containers" / container_id
        definition = function.definition
        folder.mkdir(parents=True)
        self.files.lay_out(definition.mount_ids, folder)
        mounts = {mount.volume_id: mount.mount_path.lstrip("/") for mount in definition.volume_mounts}
        container = Container(
            container_id=container_id,
            function=function,
            folder=folder,
            views={
                volume_id: self.volumes.view(volume_id, folder / path) for volume_id, path in mounts.items()
            },
            on_text=self._keep_text,
        )
        self.fleet.containers[container_id] = container
        own = {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self._back_port}",
            "PYTHONPATH": f"{folder / 'root'}:{self.packages}",
            **self.account.variables(definition.secret_ids),
            **self.limits.environment,
        }
        await container.start(self._arguments(container), environment=own)
        return container

    def _arguments(self, container: Container) -> pb.ContainerArguments:
        """Returns what the entry point reads first: its function, and what its app's objects are called."""
        function = container.function
        app = self.apps.all[function.app_id]
        handles = {fid: self.functions.all[fid].handle() for fid in app.function_ids.values()}
        objects = [
            pb.Object(object_id=fid, function_handle_metadata=handle) for fid, handle in handles.items()
        ]
        dependencies = [one.object_id for one in function.definition.object_dependencies]
        volume = pb.VolumeMetadata(version=pb.VOLUME_FS_VERSION_V1)
        objects += [
            pb.Object(object_id=one, volume_metadata=volume if one.startswith("vo-") else None)
            for one in dependencies
        ]
        definition = pb.Function()
        definition.CopyFrom(function.definition)
        for mount in definition.volume_mounts:
            mount.allow_background_commits = False  # only what the body itself commits is kept
        return pb.ContainerArguments(
            task_id=container.id,
            function_id=function.id,
            app_id=app.id,
            function_def=definition,
            environment_name="main",
            app_layout=pb.AppLayout(objects=objects, function_ids=app.function_ids),
        )

    def _keep_text(self, container: Container, text: str) -> None:
        if container.last_call is not None:
            container.last_call.log += text
        self.apps.log(container.function.app_id, text, container=container.id)
