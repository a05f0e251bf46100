"""All that a report says, in order; `page` and `webpage` only write it down."""

from collections.abc import Sequence
from dataclasses import dataclass

from mad.progress import duration
from mad.report.judging.evidence import Evidence
from mad.report.pages import answer, cells, costs, decided, measured, recorded, sizes
from mad.report.pages.blocks import Section
from mad.report.pages.curves import Curves
from mad.report.pages.history import Snapshot, continued
from mad.report.pages.wording import count, plain, spread


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report, before it is a page."""

    name: str
    verdict: str
    question: str
    facts: Sequence[tuple[str, str]]
    """What one wants to know first: names and values."""
    sections: Sequence[Section]


def report(
    evidence: Evidence, decision: str | None, *, curves: Curves, history: Sequence[Snapshot] = ()
) -> Report:
    """What there is to say. ``history`` is what the reports before said, the oldest first."""
    now = Snapshot.of(evidence, decision)
    return Report(
        name=plain(evidence.experiment.name),
        verdict=evidence.verdict,
        question=plain(evidence.experiment.question, longest=600),
        facts=_facts(evidence, now),
        sections=[
            answer.verdict(evidence),
            answer.question(evidence),
            answer.decision(decision),
            answer.criteria(evidence),
            *filter(None, [decided.published(evidence)]),
            measured.results(evidence),
            measured.learning_curves(evidence, curves),
            measured.search(evidence),
            decided.decides(evidence),
            sizes.state_size(evidence),
            cells.cells(evidence),
            costs.cost(evidence),
            recorded.losses(evidence),
            recorded.changes(evidence, continued(history, now)),
            recorded.provenance(evidence),
        ],
    )


def _facts(evidence: Evidence, now: Snapshot) -> list[tuple[str, str]]:
    finished = sum(result.status == "finished" for result in evidence.results)
    seeds = {str(result.config.get("seed")) for result in evidence.results}
    lost = f", {len(evidence.losses)} lost" if evidence.losses else ""
    met = sum(check.standing == "met" for check in evidence.checks)
    return [
        ("Runs", f"{finished} finished{lost}"),
        ("Arms", f"{len(evidence.arms)}, {count(len(seeds), 'seed')}"),
        ("Criteria", f"{met} of {len(evidence.checks)} met" if evidence.checks else "none declared"),
        *(("Candidate", spread(arm.best.test)) for arm in evidence.arms[:1] if arm.role == "candidate"),
        ("Time", duration(costs.elapsed(evidence.results))),
        ("As of", now.as_of),
    ]
