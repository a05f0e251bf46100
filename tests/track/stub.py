"""A W&B server on the loopback, as much of one as the client needs; it keeps all that it is sent.

It can refuse the key, and it can die when a chosen request comes.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KEY = "0123456789abcdef" * 2 + "01234567"


@dataclass
class SentRun:
    """What was sent about one run."""

    bucket: dict[str, Any] = field(default_factory=dict)
    """Variables of the latest UpsertBucket that set them: groupName, jobType, tags, config ..."""
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    n_opened: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """The values of the config."""
        return {
            key: entry["value"]
            for key, entry in json.loads(self.bucket.get("config") or "{}").items()
            if key != "_wandb"
        }


class Stub:
    """The server, and what it was sent."""

    def __init__(self, *, refuses: bool, dies_at: str | None) -> None:
        self._refuses, self._dies_at = refuses, dies_at
        self.runs: dict[str, SentRun] = {}
        self.received: list[tuple[str, str, str, bytes]] = []
        """Method, path, Authorization header and body of every request."""
        self.artifacts: list[dict[str, Any]] = []
        self.is_dead = threading.Event()
        handler = type("Handler", (_Handler,), {"stub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Closes the port: whoever comes now is refused."""
        if not self.is_dead.is_set():
            self.is_dead.set()
            self._server.shutdown()
            self._server.server_close()

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status and the answer to a request; a dying server answers nothing."""
        self.received.append((method, path, authorization, body))
        operation = _operation(body) if path == "/graphql" else ""
        if self._dies_at and self._dies_at in (operation, path.rpartition("/")[2]):
            threading.Thread(target=self.stop, daemon=True).start()
            raise ConnectionAbortedError
        if self._refuses or self.is_dead.is_set():
            return 401, {"errors": [{"message": "user is not logged in"}]}
        if path == "/graphql":
            message = json.loads(body)
            return 200, {"data": self._graphql(operation, message.get("variables") or {})}
        if path.endswith("/file_stream"):
            return 200, self._file_stream(path, json.loads(body))
        return 200, {}

    def axes(self, name: str) -> Any:
        """What the client said about the axes of its metrics."""
        return json.loads(self.runs[name].bucket["config"])["_wandb"]["value"]["m"]

    def _graphql(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        entity = {"id": "e", "name": "tester"}
        if operation == "Viewer":
            return {
                "viewer": {
                    "id": "v",
                    "entity": "tester",
                    "username": "tester",
                    "flags": "{}",
                    "teams": {"edges": []},
                }
            }
        if operation == "ServerFeaturesQuery":
            return {"serverInfo": {"features": []}}
        if operation == "RunResumeStatus":
            return {
                "model": {
                    "id": "p",
                    "name": given["project"],
                    "entity": entity,
                    "bucket": self._resumed(given["name"]),
                }
            }
        if operation == "UpsertBucket":
            run = self.runs.setdefault(given["name"], SentRun())
            run.bucket.update({key: value for key, value in given.items() if value is not None})
            run.n_opened += 1
            bucket = {
                "id": given["name"],
                "name": given["name"],
                "displayName": given.get("displayName"),
                "description": "",
                "config": run.bucket.get("config"),
                "sweepName": None,
                "historyLineCount": len(run.history),
                "project": {"id": "p", "name": given.get("project"), "entity": entity},
            }
            return {"upsertBucket": {"bucket": bucket, "inserted": run.n_opened == 1}}
        if operation == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.url}/storage/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": given.get("run"), "uploadHeaders": [], "files": files}}
        if operation == "ArtifactType":
            return {"project": {"artifact": None}}
        if operation == "CreateArtifact":
            self.artifacts.append(given["input"])
            created = {"id": "a", "state": "PENDING", "artifactSequence": {"id": "s", "latestArtifact": None}}
            return {"createArtifact": {"artifact": created}}
        if operation == "CreateArtifactManifest":
            file = {
                "id": "f",
                "displayName": "m",
                "uploadUrl": f"{self.url}/storage/manifest",
                "uploadHeaders": [],
            }
            return {
                "createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}},
                "updateArtifactManifest": {"artifactManifest": {"id": "m", "file": file}},
            }
        if operation == "CreateArtifactFiles":
            return {
                "createArtifactFiles": {
                    "files": {
                        "edges": [
                            {
                                "node": {
                                    "id": "f",
                                    "name": spec["name"],
                                    "displayName": spec["name"],
                                    "storagePath": spec["name"],
                                    "uploadUrl": f"{self.url}/storage/{spec['name']}",
                                    "uploadHeaders": [],
                                    "artifact": {"id": "a"},
                                    "uploadMultipartUrls": None,
                                }
                            }
                            for spec in given["input"]["artifactFiles"]
                        ]
                    }
                }
            }
        if operation == "CommitArtifact":
            return {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}}
        return {}

    def _resumed(self, name: str) -> dict[str, Any] | None:
        run = self.runs.get(name)
        if run is None:
            return None
        return {
            "id": name,
            "name": name,
            "summaryMetrics": json.dumps(run.summary),
            "displayName": name,
            "logLineCount": 0,
            "historyLineCount": len(run.history),
            "eventsLineCount": 0,
            "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
            "eventsTail": "[]",
            "config": run.bucket.get("config") or "{}",
            "tags": [],
            "wandbConfig": json.dumps({"t": 1}),
        }

    def _file_stream(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(path.split("/")[-2], SentRun())
        for name, part in (body.get("files") or {}).items():
            lines = [json.loads(line) for line in part.get("content", []) if line.startswith("{")]
            if name == "wandb-history.jsonl":
                run.history[part["offset"] :] = lines
            elif name == "wandb-summary.json":
                run.summary = lines[-1]
        if body.get("complete"):
            run.exit_code = body.get("exitcode")
        return {}


@contextmanager
def stub(*, refuses: bool = False, dies_at: str | None = None) -> Iterator[Stub]:
    """A server that is there inside. ``dies_at``: the operation, or the end of the path, that kills it."""
    server = Stub(refuses=refuses, dies_at=dies_at)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def encoded_key() -> str:
    """The key as the Authorization header holds it."""
    return base64.b64encode(f"api:{KEY}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """As it is; a client that hangs up is none of our business."""
        with suppress(ConnectionResetError):
            super().handle()

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        authorization = self.headers.get("Authorization") or ""
        path = urlsplit(self.path).path
        try:
            status, answer = self.stub.answer(self.command, path, authorization, body)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _respond

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: what was asked is kept."""


def _operation(body: bytes) -> str:
    found = re.search(r"(?:query|mutation)\s+(\w+)", json.loads(body).get("query", ""))
    return found[1] if found else ""
