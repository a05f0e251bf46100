"""The HTTP side: where the client puts and fetches blobs, and fetches the blocks of a volume's files."""

from aiohttp import web

from tests.cloud.plane.files import Files, checksum
from tests.cloud.plane.volumes import BLOCK_BYTES, Volumes


class Blocks:
    """A listener on 127.0.0.1 for the bytes that do not travel in messages."""

    def __init__(self, files: Files, volumes: Volumes) -> None:
        self.files = files
        self.volumes = volumes
        application = web.Application(client_max_size=1 << 30)
        application.router.add_put("/blob/{id}", self._put_blob)
        application.router.add_get("/blob/{id}", self._get_blob)
        application.router.add_get("/volume/{id}", self._get_block)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def open(self) -> str:
        """Listens, and returns the address."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def shut(self) -> None:
        """Stops listening."""
        await self._runner.cleanup()

    async def _put_blob(self, request: web.Request) -> web.Response:
        data = await request.read()
        self.files.blobs[request.match_info["id"]] = data
        return web.Response(headers={"ETag": f'"{checksum(data)}"'})

    async def _get_blob(self, request: web.Request) -> web.Response:
        data = self.files.blobs.get(request.match_info["id"])
        return web.Response(status=404) if data is None else web.Response(body=data)

    async def _get_block(self, request: web.Request) -> web.Response:
        path = self.volumes.path(request.match_info["id"], request.query["path"])
        with path.open("rb") as file:
            file.seek(int(request.query["block"]) * BLOCK_BYTES)
            return web.Response(body=file.read(BLOCK_BYTES))
