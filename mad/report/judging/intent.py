"""What a declaration says besides its criteria: whose idea, what was thought, which arm is what."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from mad.report.judging.fields import Fields
from mad.report.judging.selector import Selector, selector_of

Priority = Literal["high", "medium", "low"]

ROLES = ("candidate", "baselines", "positive_control", "negative_control")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Where the idea comes from."""

    id: str
    priority: Priority | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What was thought beforehand."""

    minutes: float | None = None
    usd: float | None = None
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which arms are what; None where there is no such arm."""

    candidate: Selector | None = None
    baselines: tuple[Selector, ...] = ()
    positive_control: Selector | None = None
    """Must succeed: if it fails, nothing was measured."""
    negative_control: Selector | None = None
    """Must fail."""


def proposal_of(value: Any, *, path: str) -> Proposal | None:
    """Raises ValueError, as all here do, naming the key for what is wrong."""
    if value is None:
        return None
    fields = Fields.of(value, path=path, known=("id", "priority"))
    fields.required("id")
    priority = fields.mapping.get("priority")
    if priority is not None and priority not in get_args(Priority):
        raise fields.wrong("priority", f"{', '.join(get_args(Priority))} or null")
    return Proposal(id=fields.text("id"), priority=priority)


def expected_of(value: Any, *, path: str) -> Expected:
    """What was thought beforehand; nothing where the key is null."""
    fields = Fields.of(value or {}, path=path, known=("minutes", "usd", "result"))
    for key in ("minutes", "usd"):
        if (fields.number(key) or 0) < 0:
            raise fields.wrong(key, "a number of 0 or more")
    return Expected(minutes=fields.number("minutes"), usd=fields.number("usd"), result=fields.text("result"))


def roles_of(value: Any, *, path: str) -> Roles:
    """The roles of the arms; none where the key is null."""
    fields = Fields.of(value or {}, path=path, known=ROLES)
    single = {
        role: selector_of(fields.mapping[role], path=f"{path}.{role}")
        for role in ROLES
        if role != "baselines" and fields.mapping.get(role) is not None
    }
    for role, selector in single.items():
        if not selector:
            raise fields.wrong(role, "conditions, such as {model: softmax}, or null")
    return Roles(baselines=selectors_of(fields, "baselines"), **single)


def selectors_of(fields: Fields, key: str) -> tuple[Selector, ...]:
    """A list of selectors."""
    entries = enumerate(fields.entries(key))
    return tuple(selector_of(entry, path=f"{fields.path}.{key}[{number}]") for number, entry in entries)
