"""The pages of an experiment on disk: made from the records, and held against them."""

from dataclasses import dataclass
from pathlib import Path

from mad.report.atomic import write_atomically
from mad.report.judging.evidence import Evidence
from mad.report.judging.folder import ExperimentFolder, load, located
from mad.report.pages.curves import read_curves
from mad.report.pages.history import Snapshot, continued, history, text_of
from mad.report.pages.page import markdown
from mad.report.pages.webpage import html

HISTORY = "reports.jsonl"
"""What the reports said, in short: one line for each that said something new."""


@dataclass(frozen=True, kw_only=True)
class Pages:
    """What the records say, and what should therefore stand on disk."""

    folder: ExperimentFolder
    evidence: Evidence
    decision: str | None
    texts: dict[str, str]
    """By file name."""

    @classmethod
    def of(cls, reference: str, *, root: Path | None = None) -> "Pages":
        """Makes them, in memory. Raises ValueError if there is no such experiment or a record is broken."""
        folder, _ = located(reference, root=root or Path())
        evidence, decision = load(reference, root=root), folder.decision()
        curves = read_curves(folder.runs, evidence.results)
        known = continued(history(folder.path / HISTORY), Snapshot.of(evidence, decision))
        texts = {
            HISTORY: text_of(known),
            "report.md": markdown(evidence, decision, curves=curves, history=known),
            "report.html": html(evidence, decision, curves=curves, history=known),
        }
        return cls(folder=folder, evidence=evidence, decision=decision, texts=texts)

    def write(self) -> list[Path]:
        """Writes what is not there in these bytes already; returns the files of all of them."""
        self.folder.path.mkdir(parents=True, exist_ok=True)
        for name in self.parted():
            write_atomically(self.folder.path / name, self.texts[name])
        return [self.folder.path / name for name in self.texts]

    def parted(self) -> list[str]:
        """The files that do not say what the records say, or are not there."""
        return [name for name, text in self.texts.items() if self._on_disk(name) != text.encode()]

    def _on_disk(self, name: str) -> bytes | None:
        file = self.folder.path / name
        return file.read_bytes() if file.exists() else None


def check_readable(reference: str, *, root: Path | None = None) -> None:
    """Reads all that the pages are made of. Raises ValueError for what cannot be read, naming it."""
    folder, _ = located(reference, root=root or Path())
    evidence = load(reference, root=root)
    folder.decision()
    history(folder.path / HISTORY)
    read_curves(folder.runs, evidence.results)
