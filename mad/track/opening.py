"""A run is opened at W&B: on its server, or offline where the server does not answer or refuses."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mad.report.redaction import redacted
from mad.track import account
from mad.track.place import sends
from mad.track.plan import unreachable

INIT_SECONDS = 10.0
FINISH_SECONDS = 100.0
"""For what the client does after the run has ended; the run itself waits ``track.finish_seconds``."""

Tell = Callable[[dict[str, Any]], None]


class Opened(NamedTuple):
    """The client's run, and whether it is only recorded."""

    run: Any
    offline: bool


def opened(order: Mapping[str, Any], what: Mapping[str, Any], *, tell: Tell) -> Opened:
    """Opens ``what`` (the client's own words: project, id, name ...) and tells how to send it later.

    ``order`` holds the folder, the settings, whether to stay offline, and the run's process. Whatever keeps
    the run from the server is told, too.
    """
    host = account.host()
    if order["offline"]:
        run = _begun(order, what, mode="offline")
        tell({"later": _later(run, order)})
        return Opened(run, offline=True)
    if order["track"]["mode"] == "auto" and not account.is_reachable(host):
        return _recorded(order, what, why=unreachable(host), tell=tell)
    return _online(order, what, host=host, tell=tell)


def _online(order: Mapping[str, Any], what: Mapping[str, Any], *, host: str, tell: Tell) -> Opened:
    import wandb

    try:
        run = _begun(order, what, mode="online")
    except wandb.Error as error:
        wandb.teardown()
        reason = redacted(str(error).strip().splitlines()[0])
        why = f"{host} did not open the run ({reason}; `wandb login --relogin` sets another key)"
        return _recorded(order, what, why=f"{why}; recorded offline", tell=tell)
    tell({"later": _later(run, order)})
    return Opened(run, offline=False)


def _recorded(order: Mapping[str, Any], what: Mapping[str, Any], *, why: str, tell: Tell) -> Opened:
    run = _begun(order, what, mode="offline")
    later = _later(run, order)
    tell({"say": f"{why}; {later}", "later": later})
    return Opened(run, offline=True)


def _begun(order: Mapping[str, Any], what: Mapping[str, Any], *, mode: Literal["online", "offline"]) -> Any:
    import wandb

    return wandb.init(
        **what,
        dir=order["folder"],
        mode=mode,
        resume="allow" if mode == "online" else None,
        reinit="finish_previous",
        settings=_settings(order["pid"]),
    )


def _settings(pid: int) -> Any:
    """What the client may collect: no more than it is told, and the load of the process ``pid``."""
    import wandb

    return wandb.Settings(
        console="off",
        save_code=False,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        x_stats_pid=pid,
        host="",
        program="",
        silent=True,
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=False,
    )


def _later(run: Any, order: Mapping[str, Any]) -> str:
    return sends(os.path.relpath(run.settings.sync_dir), folder=Path(order["folder"]))
