"""The gRPC side: every RPC of the real protocol, bound to the handlers that answer it."""

import asyncio
import functools
import inspect
import socket
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from grpclib import GRPCError, Status
from grpclib.exceptions import StreamTerminatedError
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream
from h2.exceptions import StreamClosedError
from modal_proto.api_grpc import ModalClientBase

#: The header by which a container's requests are told from a client's.
CONTAINER_HEADER = "x-plane-container"
TOKEN = ("ak-loopback", "as-loopback")


@dataclass(frozen=True)
class Request:
    """One request as it came: the name of the RPC, its bytes, and the container that sent it, if one did."""

    name: str
    body: bytes = field(repr=False)
    container: str = ""


class Router:
    """Finds the handler of each RPC by its name, keeps the request, and turns bugs into one plain error."""

    def __init__(self, desks: Sequence[object], *, containers: Mapping[str, Any]) -> None:
        self.handlers = {
            name: getattr(desk, name) for desk in desks for name in dir(type(desk)) if name[0].isupper()
        }
        self.containers = containers
        self.requests: list[Request] = []
        self.errors: list[str] = []
        self.refusals: dict[str, GRPCError] = {}

    def __mapping__(self) -> Any:
        return ModalClientBase.__mapping__(cast(ModalClientBase, self))

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)
        return functools.partial(self._serve, name)

    async def _serve(self, name: str, stream: Stream[Any, Any]) -> None:
        request = await stream.recv_message()
        assert request is not None
        metadata = cast(Mapping[str, str], stream.metadata or {})
        sender = metadata.get(CONTAINER_HEADER, "")
        self.requests.append(Request(name=name, body=request.SerializeToString(), container=sender))
        if not sender:
            _authenticate(metadata)
        if name in self.refusals:
            raise self.refusals[name]
        try:
            await self._answer(name, request, stream=stream, sender=sender)
        except (GRPCError, TimeoutError, asyncio.CancelledError, StreamTerminatedError):
            raise
        except StreamClosedError as error:  # whoever asked has left before the answer was there
            raise StreamTerminatedError(str(error)) from error
        except Exception as error:
            self.errors.append(f"{name}\n{traceback.format_exc()}")
            raise GRPCError(
                Status.FAILED_PRECONDITION, f"the loopback failed in {name}: {error!r}"
            ) from error

    async def _answer(self, name: str, request: Any, *, stream: Stream[Any, Any], sender: str) -> None:
        handler = self.handlers.get(name)
        if handler is None:
            self.errors.append(f"{name} is not implemented")
            raise GRPCError(Status.UNIMPLEMENTED, f"the loopback has no {name}")
        if sender and sender not in self.containers:
            raise GRPCError(Status.NOT_FOUND, f"container {sender} is gone")
        answer = handler(request, self.containers.get(sender))
        if inspect.isasyncgen(answer):
            async for message in answer:
                await stream.send_message(message)
        else:
            await stream.send_message(await answer)


def _authenticate(metadata: Mapping[str, str]) -> None:
    if (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")) != TOKEN:
        raise GRPCError(Status.UNAUTHENTICATED, "Token validation failed")


class Door(Server):
    """A listener whose connections can all be cut at once, as when a network goes away."""

    def __init__(self, router: Router) -> None:
        super().__init__([router])
        self.is_open = False
        self._protocols: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.append(protocol)
        return protocol

    async def open(self, port: int = 0) -> int:
        """Listens on 127.0.0.1 and returns the port."""
        listener = socket.create_server(("127.0.0.1", port), backlog=100)
        await self.start(sock=listener)
        self.is_open = True
        return int(listener.getsockname()[1])

    async def shut(self) -> None:
        """Stops listening and cuts every connection."""
        self.is_open = False
        self.close()
        for protocol in self._protocols:
            if hasattr(protocol, "connection"):
                protocol.connection.close()
        await self.wait_closed()


class Bell:
    """What waiters listen to: rung whenever a call, container or log has changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wakes every waiter once, to look again."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, predicate: Any, seconds: float) -> bool:
        """Waits until the predicate holds, for so many seconds at most, and returns whether it does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not predicate():
            event, left = self._event, deadline - loop.time()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(event.wait(), left)
            except TimeoutError:
                return bool(predicate())
        return True
