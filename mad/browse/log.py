"""``mad log``: the research log, proposals by priority with what was thought, spent, found and decided."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mad.browse.declared import Known, all_known, by_priority
from mad.browse.experiments import as_json
from mad.browse.output import arguments, console, show_fields, show_json, show_line, styled
from mad.progress import duration
from mad.report.pages.wording import plain


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code."""
    given = arguments("log", about="Prints the research log: proposals, high priority first.").parse_args(
        words
    )
    found = by_priority(all_known(Path()))
    if given.json:
        show_json([as_json(known) for known in found])
        return 0
    to = console()
    for known in found:
        _show(known, to=to)
    return 0


def _show(known: Known, *, to: Console) -> None:
    experiment = known.experiment
    verdict = Text.assemble(", ", styled(known.verdict)) if known.verdict else Text("")
    to.print(Text.assemble((plain(experiment.name), "bold"), f": {known.state}", verdict), soft_wrap=True)
    fields = {
        "proposal": _proposal(known),
        "question": experiment.question,
        "hypothesis": experiment.hypothesis,
        "estimated": _cost(experiment.expected.minutes, experiment.expected.usd),
        "actual": _cost(known.minutes, known.usd),
        "runs": f"{known.n_results:,} finished, {known.n_losses:,} without a result",
        "decision": known.decision or "none yet",
        "error": known.error,
    }
    show_fields({f"  {name}": plain(text, longest=1000) for name, text in fields.items()}, to=to)
    show_line("", to=to)


def _proposal(known: Known) -> str:
    priority = f", {known.priority} priority" if known.priority else ""
    return f"{known.experiment.proposal.id}{priority}" if known.experiment.proposal else ""


def _cost(minutes: float | None, usd: float | None) -> str:
    time = [] if minutes is None else [duration(60 * minutes)]
    return ", ".join([*time, *([] if usd is None else [f"{usd:.2f} USD"])])
