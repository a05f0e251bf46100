"""What earlier reports of an experiment said, in short, so that a report can say what is new.

One line is added for each report that says something new; a report that is made again adds none, and is the
same to the byte.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mad.report.judging.evidence import Evidence
from mad.report.pages.wording import NOTHING, count, ended, moment, percent, plain, setting
from mad.report.reading import json_of, text_in


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
        return {**asdict(self), "as_of": ""} == {**asdict(other), "as_of": ""}


def history(file: Path) -> list[Snapshot]:
    """The snapshots in a file, the oldest one first; none if it is not there. Raises ValueError if broken."""
    if not file.exists():
        return []
    try:
        rows = [json_of(line, file=file) for line in text_in(file).splitlines()]
        return [Snapshot(**{**row, "arms": {k: tuple(v) for k, v in row["arms"].items()}}) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is no history of reports ({error}); restore it, or move it away") from error


def continued(known: Sequence[Snapshot], now: Snapshot) -> list[Snapshot]:
    """The history with the snapshot of now at its end, if that says anything new."""
    return list(known) if known and known[-1].says_the_same(now) else [*known, now]


def text_of(known: Sequence[Snapshot]) -> str:
    """One line of JSON for each."""
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in known)


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
