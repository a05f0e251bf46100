"""What is uploaded: the files of mounts, and the blobs that are too large for a message."""

import hashlib
from pathlib import Path
from typing import Any

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.names import Names


class Files:
    """Keeps uploaded contents by their SHA-256, mounts as lists of files, and blobs by id."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.url = ""  # of the HTTP listener, once it is known
        self.contents: dict[str, bytes] = {}
        self.mounts: dict[str, list[pb.MountFile]] = {}
        self.blobs: dict[str, bytes] = {}

    def lay_out(self, mount_ids: Any, root: Path) -> None:
        """Writes the files of the mounts below a folder, as a container would see them below /."""
        for mount_id in mount_ids:
            for file in self.mounts[mount_id]:
                path = root / file.filename.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.contents[file.sha256_hex])

    def data(self, value: pb.FunctionInput) -> bytes:
        """Returns an input's bytes, wherever the client put them."""
        if value.WhichOneof("args_oneof") == "args_blob_id":
            return self.blobs[value.args_blob_id]
        return bytes(value.args)

    async def MountGetOrCreate(
        self, request: pb.MountGetOrCreateRequest, _: Any
    ) -> pb.MountGetOrCreateResponse:
        mount_id = self.names.new("mo")
        self.mounts[mount_id] = list(request.files)
        digest = hashlib.sha256("".join(file.sha256_hex for file in request.files).encode()).hexdigest()
        return pb.MountGetOrCreateResponse(
            mount_id=mount_id, handle_metadata=pb.MountHandleMetadata(content_checksum_sha256_hex=digest)
        )

    async def MountBatchedCheckExistence(
        self, request: pb.MountBatchedCheckExistenceRequest, _: Any
    ) -> pb.MountBatchedCheckExistenceResponse:
        missing = [digest for digest in request.sha256_hex_hashes if digest not in self.contents]
        return pb.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def MountPutFile(self, request: pb.MountPutFileRequest, _: Any) -> pb.MountPutFileResponse:
        if request.WhichOneof("data_oneof") == "data_blob_id":
            self.contents[request.sha256_hex] = self.blobs[request.data_blob_id]
        elif request.WhichOneof("data_oneof") == "data":
            self.contents[request.sha256_hex] = request.data
        return pb.MountPutFileResponse(exists=request.sha256_hex in self.contents)

    async def BlobCreate(self, request: pb.BlobCreateRequest, _: Any) -> pb.BlobCreateResponse:
        blob_id = self.names.new("bl")
        address = f"{self.url}/blob/{blob_id}"
        return pb.BlobCreateResponse(
            blob_id=blob_id,
            blob_ids=[blob_id],
            upload_urls=pb.UploadUrlList(items=[address]),
        )

    async def BlobGet(self, request: pb.BlobGetRequest, _: Any) -> pb.BlobGetResponse:
        if request.blob_id not in self.blobs:
            raise GRPCError(Status.NOT_FOUND, f"no blob {request.blob_id}")
        return pb.BlobGetResponse(download_url=f"{self.url}/blob/{request.blob_id}")


def checksum(data: bytes) -> str:
    """Returns the MD5 that the client compares with its own after an upload."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
