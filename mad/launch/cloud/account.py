"""Is there an account and a network? Asked first, so that nobody waits for a sweep that cannot leave.

Nothing here knows the Modal client: importing it takes a second, and without a network it tries for a minute.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mad.track.reach import PROBE_SECONDS, address, any_answers

SERVERS = "https://api.modal.com,https://api.modal2.com"
"""Where Modal's client goes, unless MODAL_SERVER_URL or the profile says otherwise."""

MEND = "run `modal setup` once, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"

HALVES = {"MODAL_TOKEN_ID": "token_id", "MODAL_TOKEN_SECRET": "token_secret"}
"""Of a token: the variable, and the key in a profile; the variable goes first."""


class BadToken(ValueError):
    """There is something where a token belongs, and it is none."""

    def __init__(self, found: str, *, mend: str) -> None:
        super().__init__(f"{found}; {mend}")
        self.found, self.mend = found, mend


class Profile(NamedTuple):
    """The section of Modal's config file that is in force."""

    name: str
    file: Path
    values: Mapping[str, Any]


def check_account() -> None:
    """Raises ValueError, naming the command that mends it, without a token or a server that answers.

    It takes as long as a connection takes, and three seconds at most. Where a proxy is on the way, the proxy
    is asked in the servers' place.
    """
    profile = _profile()
    if _source(profile) is None:
        raise ValueError(f"launch=modal needs a Modal token and there is none; {MEND}")
    servers = _servers(profile.values)
    if not any_answers(servers, proxies={} if _goes_straight() else None):
        places = ", ".join(f"{host}:{port}" for host, port in map(address, servers))
        raise ValueError(
            f"Modal cannot be reached ({places} did not answer within "
            f"{PROBE_SECONDS:g} s); check the network, or run here with launch=local"
        )


def token_source() -> str | None:
    """Where the token is, in words for people; None if there is none.

    Raises BadToken for one half of a token, and for a file of Modal's that cannot be read.
    """
    return _source(_profile())


def _source(profile: Profile) -> str | None:
    given = [name for name in HALVES if os.environ.get(name)]
    kept = [name for name, key in HALVES.items() if profile.values.get(key)]
    missing = [name for name in HALVES if name not in (*given, *kept)]
    if len(missing) == 1:
        raise BadToken(
            f"half a Modal token is set: {missing[0]} is missing",
            mend=f"set {missing[0]}, or run `modal setup` for a new token",
        )
    if len(given) == len(HALVES):
        return " and ".join(given)
    if missing and not profile.values.get("oauth_refresh_token"):
        return None
    return " and ".join([*given, f"profile {profile.name} of {profile.file}"])


def _servers(profile: Mapping[str, Any]) -> list[str]:
    """The URLs that the client would try."""
    given = os.environ.get("MODAL_SERVER_URL") or str(profile.get("server_url") or SERVERS)
    return [url.strip() for url in given.split(",") if url.strip()]


def place() -> str:
    """Where the client goes: servers, profile and environment. Calls made there are not known elsewhere."""
    profile = _profile()
    servers = ",".join(f"{host}:{port}" for host, port in map(address, _servers(profile.values)))
    environment = os.environ.get("MODAL_ENVIRONMENT") or str(profile.values.get("environment") or "main")
    return f"{servers} profile {profile.name} environment {environment}"


def _goes_straight() -> bool:
    """Whether Modal's client is told to use no proxy."""
    return os.environ.get("MODAL_DISABLE_API_PROXY", "").lower() not in ("", "0", "false")


def _profile() -> Profile:
    """The profile in force, empty if there is none. Raises BadToken for an unreadable file."""
    file = Path(os.environ.get("MODAL_CONFIG_PATH") or Path.home() / ".modal.toml")
    try:
        sections = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sections = {}
    except (OSError, ValueError) as error:
        raise BadToken(
            f"{file} cannot be read ({error})", mend="run `modal token new` to write it anew"
        ) from error
    tables = {name: table for name, table in sections.items() if isinstance(table, Mapping)}
    active = next((name for name, table in tables.items() if table.get("active") is True), "default")
    name = os.environ.get("MODAL_PROFILE") or active
    return Profile(name, file, tables.get(name, {}))
