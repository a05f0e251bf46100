"""What is kept of a job under way, beside its run: enough to fetch it from any terminal, or call it off."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from mad.launch.cloud.prices import Rate
from mad.report.atomic import write_atomically

State = Literal["launching", "open", "closed"]
"""Being handed over; under way, or waiting there; ended and fetched, or called off."""

NAME = "ticket.json"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One launch of one run."""

    state: State
    launch: str
    """A name that no other launch has."""
    run: str
    """The name of the run's folder."""
    identity: str
    code: str
    call: str = ""
    """Modal's name of the call."""
    app: str = ""
    """Modal's name of the app that it runs in."""
    url: str = ""
    gpu: str | None
    launched: str
    """UTC."""
    usd_per_hour: float
    price_source: str
    estimated_seconds: float
    timeout_seconds: int
    retries: int
    volume: str
    folder: str
    """On the volume."""
    commit: str | None = None
    """Of the sender's sources: the container has no version control."""
    dirty: bool | None = None
    outcome: str = ""
    """How it ended."""
    earlier: str | None = None
    """The folder on the volume, of an earlier launch, that it goes on from."""
    made_folder: bool = False
    """Whether the run's folder here was made for it."""
    place: str = ""
    """The server, workspace and environment of the launch: elsewhere nobody knows the call."""

    @property
    def rate(self) -> Rate:
        """At what price it was launched."""
        return Rate(usd_per_hour=self.usd_per_hour, source=self.price_source)

    @property
    def is_open(self) -> bool:
        """Whether there is something to be fetched or called off."""
        return self.state == "open"

    def closed(self, outcome: str) -> "Ticket":
        """The same, ended."""
        return replace(self, state="closed", outcome=outcome)

    def write(self, folder: Path) -> None:
        """Puts it beside the run, in place of an earlier one."""
        write_atomically(folder / NAME, json.dumps(asdict(self), indent=1, allow_nan=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Ticket | None":
        """The ticket of a run's folder; None if there is none. Raises ValueError for a file that is none."""
        file = folder / NAME
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ValueError(_complaint(file, str(error))) from error
        return cls._checked(content, file)

    @classmethod
    def _checked(cls, content: Any, file: Path) -> "Ticket":
        known = {entry.name: entry.type for entry in fields(cls)}
        required = {entry.name for entry in fields(cls) if entry.default is MISSING}
        if not isinstance(content, Mapping) or not required <= content.keys() <= known.keys():
            raise ValueError(_complaint(file, f"it expects the keys {', '.join(sorted(known))}"))
        for name in ("usd_per_hour", "estimated_seconds", "timeout_seconds", "retries"):
            if not isinstance(content[name], int | float) or isinstance(content[name], bool):
                raise ValueError(_complaint(file, f"{name} expects a number; got {content[name]!r}"))
        for name in ("launch", "run", "identity", "code", "call", "volume", "folder", "launched"):
            if not isinstance(content.get(name, ""), str):
                raise ValueError(_complaint(file, f"{name} expects text; got {content[name]!r}"))
        if content["state"] not in ("launching", "open", "closed"):
            raise ValueError(_complaint(file, f"state {content['state']!r} is not known"))
        return cls(**content)


def _complaint(file: Path, reason: str) -> str:
    return f"{file} is no ticket ({reason}); move it away, and see Modal's dashboard for jobs under way"
