"""The parts of a report that answer: the verdict, what was asked, what was decided, what was claimed."""

from collections.abc import Iterator

from mad.report.judging.evidence import Check, Evidence
from mad.report.pages.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Items,
    Paragraph,
    Quote,
    Section,
    Table,
    Tone,
    words,
)
from mad.report.pages.wording import NOTHING, percent, plain, plain_lines, spread

TONES: dict[str, Tone] = {"met": "good", "not met": "bad", "undecided": "open"}

MEANINGS = {
    "PROCEED": "Every criterion that decides is met: worth going on with.",
    "ABANDON": "A criterion that decides is not met: the idea does not do what was claimed, as tested here.",
    "UNDECIDED": "The records do not settle the question.",
    "DEBUG": "The set-up is not to be trusted yet: whatever the candidate did, it was not measured.",
}


def verdict(evidence: Evidence) -> Section:
    """The word, what it means, what it rests on."""
    meaning = Paragraph(f"{evidence.verdict}. {MEANINGS[evidence.verdict]}")
    if not evidence.reasons:
        return Section("Verdict", [meaning, Paragraph("No reasons were recorded.")])
    return Section("Verdict", [meaning, Items([Cell(plain(reason)) for reason in evidence.reasons])])


def question(evidence: Evidence) -> Section:
    """What was asked and thought beforehand."""
    experiment = evidence.experiment
    known = {
        "Question": experiment.question,
        "Hypothesis": experiment.hypothesis,
        "Expected result": experiment.expected.result,
        "Proposal": " ".join(_proposal(evidence)),
    }
    lines = [Cell(f"{name}: {plain(text, longest=2000)}") for name, text in known.items() if text]
    nothing = Paragraph("The declaration says nothing about what was asked or expected.")
    return Section("Question", [Items(lines)] if lines else [nothing])


def decision(text: str | None) -> Section:
    """What a person made of it."""
    if text and text.strip():
        blocks: list[Block] = [Paragraph("As a person wrote it in decision.md:"), Quote(text)]
    else:
        blocks = [
            Paragraph("Nobody has decided yet: decision.md, beside this page, is where that is written.")
        ]
    return Section("Decision", blocks)


def criteria(evidence: Evidence) -> Section:
    """Expected beside observed."""
    if not evidence.checks:
        return Section("Criteria", [Paragraph("No criteria were declared, so nothing can be met or missed.")])
    table = Table(
        caption="What was to be seen, written before the runs, and what was seen",
        columns=[
            *words("Claim", "Expected", "Observed"),
            Column("n", "numbers"),
            *words("Standing", "Why", "Weight"),
        ],
        rows=[_check(check) for check in evidence.checks],
    )
    levels = {check.observed.level for check in evidence.checks if check.observed}
    usual = "Intervals are Student t intervals of the mean over seeds, at 95 % where nothing else is said"
    wider = "; wider where the best of several settings was taken." if len(levels) > 1 else "."
    return Section("Criteria", [table, Paragraph(usual + wider)])


def command(evidence: Evidence) -> list[Block]:
    """What made the results."""
    if evidence.command:
        return [Paragraph("The runs were started by"), Code(plain_lines(evidence.command))]
    name = evidence.experiment.name.replace("-", "_")
    told = "What was typed is not recorded. The declared grid is run by"
    return [Paragraph(told), Code(f"python -m mad.run -m experiment={name}")]


def observed(check: Check) -> str:
    """What was seen of a criterion."""
    seen, criterion = check.observed, check.criterion
    if seen is None:
        return NOTHING
    if criterion.equals is not None:
        return percent(seen.mean) if criterion.is_share else f"{seen.mean:g}"
    return spread(seen, share=criterion.is_share, unit="%" if criterion.gap_to is None else "points")


def _check(check: Check) -> list[Cell]:
    criterion, seen = check.criterion, check.observed
    return [
        Cell(plain(criterion.claim)),
        Cell(plain(criterion.text())),
        Cell(observed(check)),
        Cell(NOTHING if seen is None else str(seen.n)),
        Cell(check.standing, TONES[check.standing]),
        Cell(plain(check.reason)),
        Cell("decides" if criterion.decides else "expectation"),
    ]


def _proposal(evidence: Evidence) -> Iterator[str]:
    proposal = evidence.experiment.proposal
    if proposal:
        yield proposal.id
        if proposal.priority:
            yield f"({proposal.priority} priority)"
