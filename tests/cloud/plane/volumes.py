"""Volumes: one folder each, and the private view that a container works on until it commits."""

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.names import Names

if TYPE_CHECKING:
    from tests.cloud.plane.container import Container

BLOCK_BYTES = 8 * 1024 * 1024  # the client takes a file apart into such blocks
Stamp = tuple[int, int, int]


@dataclass
class View:
    """A container's own copy of a volume; ``seen`` is what both sides held when they last agreed."""

    folder: Path
    store: Path
    seen: dict[str, tuple[Stamp, Stamp]] = field(default_factory=dict)

    def commit(self) -> None:
        """Copies what this view has changed or removed into the volume."""
        here = _stamps(self.folder)
        for name, stamp in here.items():
            if name not in self.seen or self.seen[name][0] != stamp:
                self.seen[name] = (stamp, self._copy(self.folder / name, self.store / name))
        for name in [name for name in self.seen if name not in here]:
            (self.store / name).unlink(missing_ok=True)
            del self.seen[name]

    def reload(self) -> None:
        """Copies what others have changed or removed in the volume into this view."""
        there = _stamps(self.store)
        for name, stamp in there.items():
            if name not in self.seen or self.seen[name][1] != stamp:
                self.seen[name] = (self._copy(self.store / name, self.folder / name), stamp)
        for name in [name for name in self.seen if name not in there]:
            (self.folder / name).unlink(missing_ok=True)
            del self.seen[name]

    def _copy(self, source: Path, target: Path) -> Stamp:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = self.store.parent / f"partial-{uuid.uuid4().hex}"  # never seen in a volume or a view
        shutil.copy2(source, partial)
        os.replace(partial, target)
        return _stamp(target)


class Volumes:
    """Answers what concerns volumes, for clients and for containers."""

    def __init__(self, names: Names, root: Path, *, contents: Mapping[str, bytes]) -> None:
        self.names = names
        self.root = root
        self.contents = contents  # what clients have uploaded, by SHA-256
        self.url = ""  # of the HTTP listener, once it is known
        self._ids: dict[str, str] = {}
        self._turn = asyncio.Lock()  # one commit or reload at a time

    def folder(self, volume_id: str) -> Path:
        """Returns the folder that holds what was committed; NOT_FOUND when there is no such volume."""
        path = self.root / volume_id
        if not volume_id or not path.is_dir():
            raise GRPCError(Status.NOT_FOUND, f"Volume '{volume_id}' not found")
        return path

    def path(self, volume_id: str, path: str) -> Path:
        """Returns the file that a path in a volume stands for; INVALID_ARGUMENT when it leaves the volume."""
        store = self.folder(volume_id)
        full = Path(os.path.normpath(store / path.lstrip("/")))
        if not full.is_relative_to(store):
            raise GRPCError(Status.INVALID_ARGUMENT, f"path {path!r} leaves the volume")
        return full

    def view(self, volume_id: str, folder: Path) -> View:
        """Returns a container's view of a volume as it is now."""
        folder.mkdir(parents=True)
        view = View(folder=folder, store=self.folder(volume_id))
        view.reload()
        return view

    def named(self, name: str) -> Path:
        """Returns the folder of a volume by its name, made if missing."""
        return self.folder(self._ids.get(name) or self._create(name))

    def clear(self) -> None:
        """Empties every volume; their ids stay."""
        for folder in self.root.glob("vo-*"):
            shutil.rmtree(folder)
            folder.mkdir()

    def _create(self, name: str) -> str:
        volume_id = self.names.new("vo")
        (self.root / volume_id).mkdir(parents=True)
        if name:
            self._ids[name] = volume_id
        return volume_id

    async def VolumeGetOrCreate(
        self, request: pb.VolumeGetOrCreateRequest, _: Any
    ) -> pb.VolumeGetOrCreateResponse:
        name = request.deployment_name
        volume_id = self._ids.get(name, "")
        if not volume_id:
            if name and request.object_creation_type == pb.OBJECT_CREATION_TYPE_UNSPECIFIED:
                raise GRPCError(Status.NOT_FOUND, f"Volume '{name}' not found in environment 'main'")
            volume_id = self._create(name)
        version = pb.VOLUME_FS_VERSION_V1
        metadata = pb.VolumeMetadata(name=name, version=version)
        return pb.VolumeGetOrCreateResponse(volume_id=volume_id, version=version, metadata=metadata)

    async def VolumeListFiles(
        self, request: pb.VolumeListFilesRequest, _: Any
    ) -> AsyncIterator[pb.VolumeListFilesResponse]:
        store = self.folder(request.volume_id)
        start = self.path(request.volume_id, request.path)
        if not start.exists():
            raise GRPCError(Status.NOT_FOUND, f"No such file or directory: {request.path}")
        below = start.rglob("*") if request.recursive else start.iterdir()
        paths = sorted(below) if start.is_dir() else [start]
        yield pb.VolumeListFilesResponse(entries=[_entry(path, store) for path in paths])

    async def VolumeGetFile2(self, request: pb.VolumeGetFile2Request, _: Any) -> pb.VolumeGetFile2Response:
        path = self.path(request.volume_id, request.path)
        if not path.is_file():
            raise GRPCError(Status.NOT_FOUND, f"No such file: {request.path}")
        size = path.stat().st_size
        address = f"{self.url}/volume/{request.volume_id}?path={quote(request.path)}"
        urls = [f"{address}&block={start // BLOCK_BYTES}" for start in range(0, size, BLOCK_BYTES)]
        return pb.VolumeGetFile2Response(get_urls=urls, size=size, start=0, len=size)

    async def VolumePutFiles(self, request: pb.VolumePutFilesRequest, _: Any) -> Empty:
        for file in request.files:
            path = self.path(request.volume_id, file.filename)
            if path.exists() and request.disallow_overwrite_existing_files:
                raise GRPCError(Status.ALREADY_EXISTS, f"{file.filename} exists in the volume")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.contents[file.sha256_hex])
        return Empty()

    async def VolumeRemoveFile(self, request: pb.VolumeRemoveFileRequest, _: Any) -> Empty:
        path = self.path(request.volume_id, request.path)
        if not path.exists():
            raise GRPCError(Status.NOT_FOUND, f"No such file or directory: {request.path}")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        return Empty()

    async def VolumeCommit(
        self, request: pb.VolumeCommitRequest, container: "Container | None"
    ) -> pb.VolumeCommitResponse:
        view = _view(container, request.volume_id)
        async with self._turn:
            await asyncio.to_thread(view.commit)
        assert container is not None
        if container.input is not None:
            container.input.call.commits += 1
        return pb.VolumeCommitResponse(skip_reload=True)

    async def VolumeReload(self, request: pb.VolumeReloadRequest, container: "Container | None") -> Empty:
        view = _view(container, request.volume_id)
        assert container is not None
        if opened := container.uses(view.folder):
            message = f"there are open files preventing the operation ({opened})"
            raise GRPCError(Status.FAILED_PRECONDITION, message)
        async with self._turn:
            await asyncio.to_thread(view.reload)
        return Empty()


def _view(container: "Container | None", volume_id: str) -> View:
    if container is None or volume_id not in container.views:
        raise GRPCError(
            Status.FAILED_PRECONDITION, "can be called only in a container that mounts the volume"
        )
    return container.views[volume_id]


def _entry(path: Path, store: Path) -> pb.FileEntry:
    stat = path.stat()
    kind = pb.FileEntry.DIRECTORY if path.is_dir() else pb.FileEntry.FILE
    return pb.FileEntry(
        path=path.relative_to(store).as_posix(), type=kind, mtime=int(stat.st_mtime), size=stat.st_size
    )


def _stamps(folder: Path) -> dict[str, Stamp]:
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed by the body in the meantime
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = _stamp(path)
    return found


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
