"""``experiments/experiment-log.md``: an entry for each sweep that ended and for each decision.

What stands in it is never changed: an entry is added at the end, and only the counts in the front matter
follow. An entry that would repeat the one before of the same experiment is not added.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from mad.progress import duration
from mad.report.atomic import write_atomically
from mad.report.judging.evidence import Check, Evidence
from mad.report.lock import alone
from mad.report.pages.answer import observed
from mad.report.pages.costs import elapsed, usd_of
from mad.report.pages.page import escaped, link
from mad.report.pages.wording import count, moment, plain, spread
from mad.report.reading import text_in

HEADING = re.compile(
    r"^## \d{4}-\d\d-\d\d \d\d:\d\d UTC: (?P<name>.+), (?P<kind>sweep|decision)$", re.MULTILINE
)

FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)

MOST_BYTES = 100_000_000
"""Of a log, which only grows: 50,000 entries."""

N_SHOWN = 8
"""Arms and losses of an entry; the report has all."""


def sweep_entry(evidence: Evidence, *, at: datetime) -> str:
    """What a sweep brought, as of now."""
    experiment, name = evidence.experiment, plain(evidence.experiment.name)
    finished = sum(result.status == "finished" for result in evidence.results)
    state = "completed" if not evidence.losses else "completed in part" if finished else "failed"
    lines = [
        f"- **Experiment {escaped(name)}** (Status: {state}; verdict: **{evidence.verdict}**)",
        *_proposal(evidence),
        *([f"  - **What**: {escaped(plain(experiment.question))}"] if experiment.question else []),
        f"  - **Progress**: {count(finished, 'run')} finished, {len(evidence.losses)} without a result",
        *_listed("Results", [_arm_line(arm.name, spread(arm.best.test)) for arm in evidence.arms]),
        *_listed("Criteria", [_check_line(check) for check in evidence.checks]),
        *_listed("Reasons", [escaped(plain(reason)) for reason in evidence.reasons]),
        *_listed("Lost", [_arm_line(loss.label, f"{loss.status} {loss.error}") for loss in evidence.losses]),
        f"  - **Cost**: {_cost(evidence)}",
        f"  - **Links**: {_links(experiment.name, 'report.md', 'report.html', 'runs')}",
    ]
    return _entry(experiment.name, "sweep", lines, at=at)


def decision_entry(evidence: Evidence, decision: str, *, at: datetime) -> str:
    """What a person decided, in short."""
    name = evidence.experiment.name
    first = next((line.lstrip("# ") for line in decision.splitlines() if line.strip("# \t")), "")
    lines = [
        f"- **Decision on {escaped(plain(name))}** (the computed verdict was **{evidence.verdict}**)",
        f"  - **It begins**: {escaped(plain(first))}",
        f"  - **Length**: {count(len(decision.split()), 'word')}",
        f"  - **Links**: {_links(name, 'decision.md', 'report.md')}",
    ]
    return _entry(name, "decision", lines, at=at)


def append(file: Path, entry: str) -> bool:
    """Adds the entry; whether it says anything new. Processes that do it at once wait for each other.

    Raises ValueError for a log that is no text.
    """
    with alone(file.parent):
        text = text_in(file, most_bytes=MOST_BYTES) if file.exists() else ""
        body = FRONT.sub("", text, count=1)
        if _without_time(entry) == _without_time(_last_like(entry, body)):
            return False
        body = f"{body.rstrip()}\n\n{entry}" if body.strip() else f"\n{entry}"
        write_atomically(file, _front(body) + body)
        return True


def _entry(name: str, kind: str, lines: list[str], *, at: datetime) -> str:
    return f"## {moment(at)}: {plain(name)}, {kind}\n\n" + "\n".join(lines) + "\n"


def _last_like(entry: str, body: str) -> str:
    """The last entry of the same experiment and kind."""
    heads = list(HEADING.finditer(body))
    wanted = HEADING.match(entry)
    assert wanted, entry
    for number in reversed(range(len(heads))):
        if heads[number].groups() == wanted.groups():
            end = heads[number + 1].start() if number + 1 < len(heads) else len(body)
            return body[heads[number].start() : end]
    return ""


def _without_time(entry: str) -> str:
    return entry.partition("\n")[2].strip()


def _front(body: str) -> str:
    """Counts of what the log holds; its times are those of the last entry."""
    heads = list(HEADING.finditer(body))
    time = datetime.strptime(heads[-1][0][3:19], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    kinds = [head["kind"] for head in heads]
    lines = {
        "title": "Experiment log",
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%S"),
        "experiments": len({head["name"] for head in heads}),
        "sweeps": kinds.count("sweep"),
        "decisions": kinds.count("decision"),
    }
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in lines.items()) + "---\n"


def _proposal(evidence: Evidence) -> list[str]:
    proposal = evidence.experiment.proposal
    if proposal is None:
        return []
    priority = f" (Priority: **{proposal.priority}**)" if proposal.priority else ""
    return [f"  - **Proposal**: {escaped(plain(proposal.id))}{priority}"]


def _listed(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    more = [f"    - and {len(entries) - N_SHOWN} more: see the report"] if len(entries) > N_SHOWN else []
    return [f"  - **{title}**:", *(f"    - {entry}" for entry in entries[:N_SHOWN]), *more]


def _arm_line(name: str, value: str) -> str:
    return f"{escaped(plain(name))}: {escaped(plain(value))}"


def _check_line(check: Check) -> str:
    criterion = check.criterion
    seen = "" if check.observed is None else f", observed {observed(check)}"
    weight = "" if criterion.decides else " (an expectation)"
    told = f"{plain(criterion.claim)} ({plain(criterion.text())}): "
    return f"{escaped(told)}**{check.standing}**{escaped(plain(seen))}{weight}"


def _cost(evidence: Evidence) -> str:
    expected = evidence.experiment.expected
    minutes = "no time" if expected.minutes is None else duration(60 * expected.minutes)
    usd = "no dollars" if expected.usd is None else f"{expected.usd:.2f} USD"
    actual = f"{duration(elapsed(evidence.results))}, {usd_of(evidence.results) or 0.0:.2f} USD"
    return f"{actual} actual; {minutes}, {usd} estimated"


def _links(name: str, *files: str) -> str:
    return ", ".join(link(file, f"{name}/{file}") for file in files)
