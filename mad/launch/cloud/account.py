"""Is there an account and a network? Asked first, so that nobody waits for a sweep that cannot leave.

Nothing here knows the Modal client: importing it takes a second, and without a network it tries for a minute.
"""

import os
import queue
import socket
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SERVERS = "https://api.modal.com,https://api.modal2.com"
"""Where Modal's client goes, unless MODAL_SERVER_URL or the profile says otherwise."""

PROBE_SECONDS = 3.0

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

MEND = "run `modal setup` once, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"


def check_account() -> None:
    """Raises ValueError, naming the command that mends it, without a token or a server that answers.

    It takes as long as a connection takes, and three seconds at most.
    """
    profile = _profile()
    if not has_token(profile):
        raise ValueError(f"launch=modal needs a Modal token and there is none; {MEND}")
    if any(os.environ.get(name) for name in PROXIES):
        return  # the way leads through the proxy: a plain connection would say nothing
    servers = servers_of(profile)
    if not _any_answers(servers):
        places = ", ".join(_place(server) for server in servers)
        raise ValueError(
            f"Modal cannot be reached ({places} did not answer within "
            f"{PROBE_SECONDS:g} s); check the network, or run here with launch=local"
        )


def has_token(profile: Mapping[str, Any]) -> bool:
    """Whether the environment or the profile holds a token. Raises ValueError for one half of a token."""
    names = ("TOKEN_ID", "TOKEN_SECRET")
    found = [os.environ.get(f"MODAL_{name}") or profile.get(name.lower()) for name in names]
    if any(found) and not all(found):
        missing = "MODAL_TOKEN_SECRET" if found[0] else "MODAL_TOKEN_ID"
        raise ValueError(f"half a Modal token is set: {missing} is missing; {MEND}")
    return all(found) or bool(profile.get("oauth_refresh_token"))


def servers_of(profile: Mapping[str, Any]) -> list[str]:
    """The URLs that the client would try."""
    given = os.environ.get("MODAL_SERVER_URL") or str(profile.get("server_url") or SERVERS)
    return [url.strip() for url in given.split(",") if url.strip()]


def place() -> str:
    """Where the client goes: servers, profile and environment. Calls made there are not known elsewhere."""
    profile = _profile()
    servers = ",".join(_place(server) for server in servers_of(profile))
    name = os.environ.get("MODAL_PROFILE") or _active(_sections())
    environment = os.environ.get("MODAL_ENVIRONMENT") or str(profile.get("environment") or "")
    return f"{servers} profile {name} environment {environment or 'main'}"


def _profile() -> Mapping[str, Any]:
    """The section of Modal's config file that is in force. Raises ValueError for an unreadable file."""
    tables = _sections()
    return tables.get(os.environ.get("MODAL_PROFILE") or _active(tables), {})


def _sections() -> dict[str, Mapping[str, Any]]:
    path = Path(os.environ.get("MODAL_CONFIG_PATH") or Path.home() / ".modal.toml")
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); run `modal token new` to write it anew"
        ) from error
    return {name: table for name, table in sections.items() if isinstance(table, Mapping)}


def _active(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The profile in force, unless MODAL_PROFILE names another."""
    return next((name for name, table in tables.items() if table.get("active") is True), "default")


def _any_answers(servers: Sequence[str]) -> bool:
    """Whether one of the servers takes a connection in time; names are looked up within that time, too."""
    answers: queue.Queue[bool] = queue.Queue()
    for server in servers:
        threading.Thread(target=lambda url=server: answers.put(_answers(url)), daemon=True).start()
    until = time.monotonic() + PROBE_SECONDS
    for _ in servers:
        try:
            if answers.get(timeout=max(until - time.monotonic(), 0)):
                return True
        except queue.Empty:
            return False
    return False


def _answers(server: str) -> bool:
    try:
        socket.create_connection(_address(server), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _address(server: str) -> tuple[str, int]:
    parts = urlsplit(server)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _place(server: str) -> str:
    host, port = _address(server)
    return f"{host}:{port}"
