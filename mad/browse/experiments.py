"""``mad experiments``: what was declared, how far it has come, and what it showed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mad.browse.declared import Known, all_known
from mad.browse.output import Column, arguments, console, show_json, show_line, show_table, styled
from mad.report.pages.wording import plain

COLUMNS = (
    Column(name="experiment", fold=True),
    Column(name="state"),
    Column(name="verdict"),
    Column(name="results", justify="right"),
    Column(name="losses", justify="right"),
    Column(name="estimated minutes", short="est. min", justify="right"),
    Column(name="actual minutes", short="min", justify="right"),
)


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code."""
    given = arguments("experiments", about="Lists the experiments, by number.").parse_args(words)
    found = all_known(Path())
    if given.json:
        show_json([as_json(known) for known in found])
    else:
        _show(found, to=console())
    return 0


def as_json(known: Known) -> dict[str, Any]:
    """All there is to say, in plain values."""
    experiment = known.experiment
    return {
        "name": experiment.name,
        "question": experiment.question,
        "hypothesis": experiment.hypothesis,
        "proposal": experiment.proposal.id if experiment.proposal else None,
        "priority": known.priority or None,
        "state": known.state,
        "verdict": known.verdict or None,
        "n_results": known.n_results,
        "n_losses": known.n_losses,
        "estimated_minutes": experiment.expected.minutes,
        "actual_minutes": known.minutes,
        "estimated_usd": experiment.expected.usd,
        "actual_usd": known.usd,
        "decision": known.decision or None,
        "error": known.error or None,
    }


def _show(found: Sequence[Known], *, to: Console) -> None:
    columns = COLUMNS if to.is_terminal else (*COLUMNS, Column(name="error"), Column(name="question"))
    rows = [_row(known)[: len(columns)] for known in found]
    show_table(columns, rows, to=to)
    if not to.is_terminal:
        return
    for known in found:
        name, question = plain(known.experiment.name), plain(known.experiment.question)
        if question:
            show_line(plain(f"{name[:3]}  {question}", longest=max(to.width, 40)), to=to)
        if known.error:
            to.print(Text(f"{name[:3]}  {known.error}", style="red"))


def _row(known: Known) -> list[Text]:
    return [
        styled(known.experiment.name, ""),
        styled(known.state, known.state.partition(" ")[0]),
        styled(known.verdict),
        Text(f"{known.n_results:,}"),
        Text(f"{known.n_losses:,}", style="red" if known.n_losses else ""),
        Text(_minutes(known.experiment.expected.minutes)),
        Text(_minutes(known.minutes)),
        Text(known.error),
        Text(plain(known.experiment.question)),
    ]


def _minutes(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"
