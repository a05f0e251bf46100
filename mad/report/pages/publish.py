"""The end of a sweep and of a change of mind: the pages are written, and the log is told."""

from datetime import UTC, datetime
from pathlib import Path

from mad.report.pages.log import append, decision_entry, sweep_entry
from mad.report.pages.pages import Pages

LOG = "experiments/experiment-log.md"


def publish(
    reference: str, *, swept: bool = False, root: Path | None = None, at: datetime | None = None
) -> list[str]:
    """Writes an experiment's pages, and what is new into the log; returns what was done, in lines.

    ``swept``: whether runs have just been made, which is an entry of the log; a new decision is one always.
    ``root`` holds ``experiments/`` (by default the working directory), ``at`` is the time in the log
    (by default now). Raises ValueError if there is no such experiment, or a record is broken.
    """
    pages = Pages.of(reference, root=root)
    pages.write()
    evidence, decision, log = pages.evidence, pages.decision, (root or Path()) / LOG
    now = at or datetime.now(UTC)
    if swept:
        append(log, sweep_entry(evidence, at=now))
    if decision and decision.strip():
        append(log, decision_entry(evidence, decision, at=now))
    return [str(pages.folder.path / "report.html"), f"{evidence.experiment.name}: {evidence.verdict}"]


def check(reference: str, *, root: Path | None = None) -> list[str]:
    """The pages that do not say what the records say, one sentence each; nothing is written."""
    pages = Pages.of(reference, root=root)
    again = f"make it again: python -m mad.report {reference}"
    return [
        f"{pages.folder.path / name} does not say what the records say; {again}" for name in pages.parted()
    ]
