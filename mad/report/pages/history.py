"""What earlier reports of an experiment said, in short, so that a report can say what is new.

One line is added for each report that says something new; a report that is made again adds none, and is the
same to the byte.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mad.report.judging.evidence import Evidence
from mad.report.pages.wording import NOTHING, count, ended, moment, percent, plain, setting
from mad.report.reading import brief, json_of, text_in
from mad.report.seal import SEAL, digest

MOST = 10**9
"""Of results, losses and runs of an arm."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A report in short."""

    as_of: str
    """When the last run ended."""
    verdict: str
    standings: Mapping[str, str] = field(default_factory=dict)
    """By claim."""
    arms: Mapping[str, tuple[float | None, int, float | None]] = field(default_factory=dict)
    """Mean test accuracy, its n, and the value that was chosen, by name."""
    n_results: int = 0
    n_losses: int = 0
    decision: str = ""
    """A digest of what a person decided; empty if nothing is decided."""
    is_sealed: bool = field(default=True, compare=False)
    """Whether its line holds a seal: one from before there were seals stays as it was written."""

    @classmethod
    def of(cls, evidence: Evidence, decision: str | None) -> "Snapshot":
        """What a report on this says."""
        times = [time for time in map(ended, evidence.results) if time]
        return cls(
            as_of=moment(max(times, default=None)),
            verdict=evidence.verdict,
            standings={plain(check.criterion.claim): check.standing for check in evidence.checks},
            arms={
                plain(arm.name): (
                    round(arm.best.test.mean, 6) if arm.best.test else None,
                    arm.best.test.n if arm.best.test else 0,
                    arm.best.value,
                )
                for arm in evidence.arms
            },
            n_results=len(evidence.results),
            n_losses=len(evidence.losses),
            decision=hashlib.sha256(decision.encode(errors="replace")).hexdigest()[:10] if decision else "",
        )

    def says_the_same(self, other: "Snapshot") -> bool:
        """Whether they differ in nothing, or in the time alone."""
        return replace(self, as_of="") == replace(other, as_of="")


def history(file: Path) -> list[Snapshot]:
    """The snapshots in a file, the oldest one first; none if it is not there. Raises ValueError if broken."""
    if not file.exists():
        return []
    try:
        return _snapshots([json_of(line, file=file) for line in text_in(file).splitlines()])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{file} is no history of reports ({brief(error)}); restore it, or move it away"
        ) from error


def continued(known: Sequence[Snapshot], now: Snapshot) -> list[Snapshot]:
    """The history with the snapshot of now at its end, if that says anything new."""
    return list(known) if known and known[-1].says_the_same(now) else [*known, now]


def text_of(known: Sequence[Snapshot]) -> str:
    """One line of JSON for each. A line's seal covers those before it: none can be lost from among them."""
    lines, before = list[str](), ""
    for snapshot in known:
        row = asdict(snapshot)
        if row.pop("is_sealed"):
            before = digest([before, row])
            row[SEAL] = before
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def news(before: Snapshot, after: Snapshot) -> list[str]:
    """What the later one says that the earlier one did not, one sentence each."""
    found = []
    if before.verdict != after.verdict:
        found.append(f"The verdict was {before.verdict}, and is {after.verdict}.")
    found += _standings(before.standings, after.standings)
    for name in {**before.arms, **after.arms}:
        old, new = _arm(before.arms.get(name)), _arm(after.arms.get(name))
        if old != new:
            found.append(f"{name}: {old}; now {new}.")
    for one, old_n, new_n in (
        ("result", before.n_results, after.n_results),
        ("job without a result", before.n_losses, after.n_losses),
    ):
        if old_n != new_n:
            several = one.replace("job ", "jobs ") if " " in one else ""
            found.append(f"There were {count(old_n, one, several)}; now {new_n:,}.")
    if before.decision != after.decision:
        done = "withdrawn" if not after.decision else "changed" if before.decision else "written down"
        found.append(f"The decision was {done}.")
    return found


def _snapshots(rows: Sequence[Any]) -> list[Snapshot]:
    """Raises ValueError for a changed row; those from before there were seals are taken as they are."""
    before = ""
    for number, row in enumerate(rows, start=1):
        seal = row.get(SEAL)
        rest = {key: value for key, value in row.items() if key != SEAL}
        if (seal or before) and seal != digest([before, rest]):
            raise ValueError(f"line {number} is not what was written there: its seal does not fit")
        before = seal or ""
    return [_snapshot(row) for row in rows]


def _snapshot(row: Mapping[str, Any]) -> Snapshot:
    """Raises ValueError or TypeError for a row of other keys or types."""
    rest = {key: value for key, value in row.items() if key != SEAL}
    if rest.keys() != {entry.name for entry in fields(Snapshot)} - {"is_sealed"}:
        raise ValueError("its keys are not those of a report in short")
    texts = [rest["as_of"], rest["verdict"], rest["decision"], *rest["standings"].values()]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("text is expected")
    arms = {name: _checked_arm(*values) for name, values in rest["arms"].items()}
    if not all(_is_number(rest[name]) for name in ("n_results", "n_losses")):
        raise TypeError("a number is expected")
    return Snapshot(**{**rest, "arms": arms, "is_sealed": SEAL in row})


def _checked_arm(mean: Any, n: Any, value: Any) -> tuple[float | None, int, Any]:
    sound = mean is None or (_is_number(mean) and mean <= 1)
    if not sound or not _is_number(n) or not (value is None or isinstance(value, int | float)):
        raise TypeError("an arm expects a mean from 0 to 1 or null, its n, and a number or null")
    return mean, n, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST


def _standings(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    claims = [claim for claim in {**before, **after} if before.get(claim) != after.get(claim)]
    return [
        f"{claim}: was {before.get(claim, 'not declared')}, is {after.get(claim, 'not declared any more')}."
        for claim in claims
    ]


def _arm(known: tuple[float | None, int, float | None] | None) -> str:
    if known is None:
        return "not there"
    mean, n, value = known
    chosen = "" if value is None else f" at {setting(value)}"
    return f"{percent(mean)}, n = {n}{chosen}" if mean is not None else f"no result {NOTHING}"
