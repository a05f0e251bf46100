"""A container: a folder that stands for its file system, and the real entry point running in it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modal_proto import api_pb2 as pb

from tests.cloud.plane import tie
from tests.cloud.plane.functions import Function
from tests.cloud.plane.wire import CONTAINER_HEADER

if TYPE_CHECKING:
    from tests.cloud.plane.calls import Call, Input
    from tests.cloud.plane.volumes import View


class Container:
    """One container of a function; it takes inputs one after the other until it is ended."""

    def __init__(
        self,
        *,
        container_id: str,
        function: Function,
        folder: Path,
        views: dict[str, "View"],
        on_text: Callable[["Container", str], None],
    ) -> None:
        self.id = container_id
        self.function = function
        self.folder = folder
        self.views = views
        self.on_text = on_text
        self.input: Input | None = None
        self.last_call: Call | None = None  # whose text it is that comes, also when the input is done
        self.n_inputs = 0
        self.log = ""
        self.preempted = False
        self.timed_out = False
        self.cancel_ids: list[str] = []  # what the next heartbeat tells it to cancel
        self.failure: pb.GenericResult | None = None  # why it could not even start
        self.process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.returncode is None

    @property
    def code(self) -> int | None:
        """The exit code of its process, negative for a signal; None while it runs."""
        return None if self.process is None else self.process.returncode

    async def start(self, arguments: pb.ContainerArguments, *, environment: Mapping[str, str]) -> None:
        """Starts the entry point, with nothing of this process's environment."""
        path = self.folder / "arguments.bin"
        path.write_bytes(arguments.SerializeToString())
        for name in ("root", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        python = [sys.executable, "-S", "-m", "modal._container_entrypoint"]
        self.process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-S", "-I", tie.__file__, str(os.getpid()), *python],
            cwd=self.folder / "root",
            env={**self._own_environment(), "MODAL_CONTAINER_ARGUMENTS_PATH": str(path), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def run(self) -> int:
        """Reads what the process prints until it ends and returns its exit code, negative for a signal."""
        assert self.process is not None
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(65536):
            text = data.decode(errors="replace")
            self.log += text
            self.on_text(self, text)
        return await self.process.wait()

    def interrupt(self) -> None:
        """Sends SIGINT to the entry point, as happens before a container is taken away."""
        if self.alive:
            assert self.process is not None
            self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends every process of the container at once, unannounced."""
        if self.alive:
            assert self.process is not None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def uses(self, folder: Path) -> str:
        """Returns what the container has open below the folder, or its working directory; else ``""``."""
        assert self.process is not None
        process = Path(f"/proc/{self.process.pid}")
        links = [process / "cwd", *process.glob("fd/*")]
        for link in links:
            with contextlib.suppress(OSError):  # closed in the meantime
                if Path(os.readlink(link)).is_relative_to(folder):
                    return os.readlink(link)
        return ""

    def _own_environment(self) -> dict[str, str]:
        own = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "root"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MODAL_IS_REMOTE": "1",
            "MODAL_TASK_ID": self.id,
            "MODAL_IMAGE_ID": self.function.definition.image_id,
            "MODAL_ENVIRONMENT": "main",
            "MODAL_OVERRIDE_HEADERS": f"{CONTAINER_HEADER}:{self.id}",
        }
        # A mount path such as /vol cannot be made without root: the body reads where the volume is.
        if len(self.views) == 1:
            own["MAD_VOLUME_PATH"] = str(next(iter(self.views.values())).folder)
        return own
