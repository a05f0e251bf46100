"""What is kept of a job under way, beside its run: enough to fetch it from any terminal, or call it off."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

from mad.launch.cloud.prices import Rate
from mad.report.atomic import write_atomically
from mad.report.reading import brief, json_in
from mad.report.seal import SEAL, sealed, unsealed

State = Literal["launching", "open", "closed"]
"""Being handed over; under way, or waiting there; ended and fetched, or called off."""

NAME = "ticket.json"

MOST = 10**9
"""Of a ticket's numbers: seconds, dollars an hour, attempts."""


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
        write_atomically(folder / NAME, json.dumps(sealed(asdict(self)), indent=1, allow_nan=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Ticket | None":
        """The ticket of a run's folder; None if there is none. Raises ValueError for a file that is none."""
        file = folder / NAME
        try:
            return cls(**_checked(json_in(file)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{file} is no ticket ({brief(error)}); Modal's dashboard lists the jobs; move it away"
            ) from error


NUMBERS = ("usd_per_hour", "estimated_seconds", "timeout_seconds", "retries")

OTHERS: dict[str, tuple[type, ...]] = {
    "gpu": (str, NoneType),
    "commit": (str, NoneType),
    "dirty": (bool, NoneType),
    "earlier": (str, NoneType),
    "made_folder": (bool,),
}
"""The fields that are neither numbers nor text, and their types."""


def _checked(content: Any) -> dict[str, Any]:
    """The fields of a ticket. Raises ValueError for what is missing, unknown, of another type, or changed."""
    known = {entry.name for entry in fields(Ticket)}
    required = {entry.name for entry in fields(Ticket) if entry.default is MISSING}
    if not isinstance(content, Mapping) or not required <= content.keys() <= known | {SEAL}:
        raise ValueError(f"it expects the keys {', '.join(sorted(known))}")
    for name in content.keys() & known:
        value, kinds = content[name], OTHERS.get(name, (str,))
        if name in NUMBERS:
            _check_number(name, value)
        elif not isinstance(value, kinds):
            expected = (
                "text" if kinds == (str,) else "true, false or null" if bool in kinds else "text or null"
            )
            raise ValueError(f"{name} expects {expected}; got {value!r}")
    if content["state"] not in get_args(State):
        raise ValueError(f"state {content['state']!r} is not known")
    return unsealed(content)


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError(f"{name} expects a number from 0 to {MOST:,}; got {str(value)[:60]}")
