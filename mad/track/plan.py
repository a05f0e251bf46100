"""Where the numbers of a run go besides its files, decided before it starts, and said in one line."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

from mad.track import account
from mad.track.settings import Track

Client = Literal["wandb", "trackio"]

NO_KEY = "W&B: no key"
LOGIN = "`wandb login` sets one"

ENDS_THERE = (
    "trackio keeps its dashboard on the machine of the run, and a container's ends with it; "
    "local files only (track=wandb tells a server)"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done about ``track``."""

    client: Client | None = None
    """The package that is told; None: files only."""
    offline: bool = False
    """Whether W&B only records, for ``wandb sync`` to send."""
    line: str = ""
    """What a person should know about it."""


def plan(track: Track, *, folder: str = "RUN") -> Plan:
    """The plan for the run in ``folder``; nothing is asked of the network."""
    if track.kind == "none":
        return Plan()
    if track.kind == "trackio":
        return _if_installed(Plan(client="trackio"), install='pip install "mad[trackio]"')
    return _of_wandb(track, folder)


def settled(configs: Sequence[Mapping[str, Any]], *, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The configs of a sweep, so that no run has to find out, or to say, what holds for all of them.

    What is to be known is said here, and a host that does not answer is asked here, once.
    """
    known: dict[str, dict[str, Any]] = {}
    for config in configs:
        case = _case(config)
        if case not in known:
            known[case] = {**(config.get("track") or {}), **_settled(config, say)}
    return [{**config, "track": known[_case(config)]} for config in configs]


def unreachable(host: str) -> str:
    """The line about a host that does not answer."""
    return f"{host} cannot be reached; recorded offline"


def _case(config: Mapping[str, Any]) -> str:
    """What the plan follows from."""
    return repr((config.get("track"), _leaves(config)))


def _leaves(config: Mapping[str, Any]) -> bool:
    """Whether the run is to be made in a container elsewhere."""
    return (config.get("launch") or {}).get("kind") == "modal"


def _settled(config: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    track = Track.of(config)
    found = Plan(line=ENDS_THERE) if track.kind == "trackio" and _leaves(config) else plan(track)
    if found.client == "wandb" and not found.offline and track.mode == "auto":
        host = account.host()
        if not account.is_reachable(host):
            line = f"W&B {unreachable(host)}; `{_sync('RUN')}` sends it"
            found = replace(found, offline=True, line=line)
    if found.line:
        say(found.line)
    mode = {"wandb": "offline" if found.offline else "online"}.get(found.client or "", track.mode)
    return {"kind": found.client or "none", "mode": mode}


def _of_wandb(track: Track, folder: str) -> Plan:
    asked = os.environ.get("WANDB_MODE", "").lower()
    if asked == "disabled":
        return Plan(line="W&B: off, as WANDB_MODE=disabled says; local files only")
    known = account.key_source() is not None
    offline = track.mode == "offline" or asked in ("offline", "dryrun")
    if track.kind == "auto" and not known and not offline:
        return Plan(line=f"{NO_KEY}, local files only ({LOGIN}; track=console: no W&B)")
    found = Plan(client="wandb", offline=offline)
    if not known and not offline:
        line = f"{NO_KEY} ({LOGIN}); recorded offline, `{_sync(folder)}` sends it"
        found = replace(found, offline=True, line=line)
    return _if_installed(found, install="pip install wandb")


def _sync(folder: str) -> str:
    return f"wandb sync {folder}/wandb/offline-*"


def _if_installed(found: Plan, *, install: str) -> Plan:
    if found.client and not is_installed(found.client):
        return Plan(line=f"{found.client} is not installed; local files only ({install})")
    return found


def is_installed(package: str) -> bool:
    """Whether a package could be imported; it is not."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False
