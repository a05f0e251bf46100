"""The parts of a report that account for it: what failed, what is new, and where everything comes from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mad.report.judging.evidence import Evidence
from mad.report.leaves import leaves
from mad.report.pages.answer import command
from mad.report.pages.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Items,
    Paragraph,
    Section,
    Table,
    Tone,
    numbers,
    words,
)
from mad.report.pages.costs import seconds_of
from mad.report.pages.history import Snapshot, news
from mad.report.pages.wording import NOTHING, count, percent, plain, plain_lines, quantity, setting
from mad.report.result import Result

STATUS_TONES: dict[str, Tone] = {"finished": "", "diverged": "bad", "failed": "bad"}


def losses(evidence: Evidence) -> Section:
    """Jobs without a finished result."""
    title = "Failed and diverged runs"
    if not evidence.losses:
        return Section(title, [Paragraph("Every job that was run has a finished result.")])
    table = Table(
        caption=f"{count(len(evidence.losses), 'job')} without a finished result",
        columns=words("Job", "Status", "Error", "Log"),
        rows=[
            [
                Cell(plain(loss.label)),
                Cell(plain(loss.status), "bad"),
                Cell(plain(loss.error) or "nothing was recorded"),
                Cell("" if loss.console_file else NOTHING, "", _log(loss.console_file)),
            ]
            for loss in evidence.losses
        ],
    )
    return Section(title, [table])


def changes(evidence: Evidence, known: Sequence[Snapshot]) -> Section:
    """What is new in the results, and what was changed in the declaration."""
    if len(known) < 2:
        first: Block = Paragraph(
            "This is the first report of the experiment: there is none to compare it with."
        )
    else:
        said = news(known[-2], known[-1]) or ["Nothing but the time: the runs were made again."]
        told = Paragraph(f"Since the report as of {plain(known[-2].as_of)}:")
        return Section("What changed", [told, Items([Cell(plain(each)) for each in said]), *_edits(evidence)])
    return Section("What changed", [first, *_edits(evidence)])


def provenance(evidence: Evidence) -> Section:
    """Where every number comes from."""
    if not evidence.results:
        return Section("Provenance", [*command(evidence), Paragraph("No run has a record yet.")])
    return Section(
        "Provenance",
        [
            *command(evidence),
            Items(list(_sources(evidence.results))),
            _runs(evidence),
            _shared(evidence.results),
        ],
    )


def _log(file: str) -> tuple[tuple[str, str], ...]:
    return (("log", file),) if file else ()


def _edits(evidence: Evidence) -> list[Block]:
    if not evidence.changes:
        return [Paragraph("The declaration is as it was first written down.")]
    told = Paragraph("The declaration was changed after it was first written down:")
    return [told, Items([Cell(plain(change)) for change in evidence.changes])]


def _sources(results: Sequence[Result]) -> Iterable[Cell]:
    commits = Counter(_commit(result) for result in results)
    yield Cell("Commit: " + "; ".join(f"{name}, {count(n, 'run')}" for name, n in sorted(commits.items())))
    codes = Counter(plain(result.code[:12]) for result in results)
    told = "; ".join(f"{code}, {count(n, 'run')}" for code, n in sorted(codes.items()))
    yield Cell(f"Code that can change a result (hash): {told}")
    versions = Counter(_versions(result) for result in results)
    yield from (Cell(f"Versions: {text}, {count(n, 'run')}") for text, n in sorted(versions.items()))
    platforms = {plain(result.stamp.get("platform") or NOTHING) for result in results}
    yield Cell("Platform: " + ", ".join(sorted(platforms)))


def _commit(result: Result) -> str:
    commit = result.stamp.get("commit")
    if not commit:
        return "not recorded"
    dirty = ", with changes that were not committed" if result.stamp.get("dirty") else ""
    return f"{plain(commit, longest=40)}{dirty}"


def _versions(result: Result) -> str:
    known = result.stamp.get("versions")
    if not isinstance(known, Mapping):
        return "not recorded"
    return ", ".join(f"{plain(name)} {plain(version)}" for name, version in known.items())


def _runs(evidence: Evidence) -> Table:
    arms = {
        run.run_id: (arm.name, tried.value)
        for arm in evidence.arms
        for tried in arm.settings
        for run in tried.results
    }
    return Table(
        caption="Every run, with its config and its result",
        columns=[
            *words("Run", "Arm"),
            *numbers("Seed", "Setting", "Validation", "Test", "Best step", "Seconds"),
            Column("Status"),
        ],
        rows=[_run(result, *arms.get(result.run_id, (NOTHING, None))) for result in evidence.results],
        shown="folded",
    )


def _run(result: Result, arm: str, value: float | None) -> list[Cell]:
    folder = f"runs/{result.run_id}"
    return [
        Cell(
            plain(result.run_id),
            "",
            (("config", f"{folder}/config.yaml"), ("result", f"{folder}/result.json")),
        ),
        Cell(plain(arm)),
        Cell(plain(result.config.get("seed", NOTHING))),
        Cell(setting(value)),
        Cell(percent(result.metrics.get("validation/accuracy"))),
        Cell(percent(result.metrics.get("test/accuracy"))),
        Cell(quantity(result.best_step)),
        Cell(quantity(round(seconds_of(result)))),
        Cell(result.status, STATUS_TONES.get(result.status, "open")),
    ]


def _shared(results: Sequence[Result]) -> Block:
    """The keys of the config that have one value in all runs."""
    known = [dict(leaves(result.config)) for result in results]
    shared = {
        key: value for key, value in known[0].items() if all(other.get(key) == value for other in known)
    }
    lines = plain_lines("\n".join(f"{plain(key)}: {plain(value)}" for key, value in shared.items()))
    return Code(lines, f"What the configs of all runs share ({count(len(shared), 'key')})")
