"""``mad ls [KEY=VALUE ...]``: every run under the working directory, the newest last."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mad.browse.output import Column, arguments, console, show_json, show_line, show_table, styled
from mad.browse.runs import BAD, Run, all_runs
from mad.browse.wanted import filtered, silent
from mad.report.pages.wording import count, moment, plain, shortened
from mad.report.result import finite
from mad.report.tables import number, percent

COLUMNS = (
    Column(name="run"),
    Column(name="experiment", short="exp."),
    Column(name="status"),
    Column(name="accuracy", short="acc.", justify="right"),
    Column(name="loss", justify="right"),
    Column(name="seconds", short="sec.", justify="right"),
    Column(name="state floats", short="floats", justify="right"),
    Column(name="started"),
)

SHORTEST = 12
"""Characters of a run's name that even a narrow terminal shows."""


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code. Raises ValueError for a condition that is none."""
    parser = arguments("ls", about="Lists the runs in runs/ and experiments/*/runs/, the newest last.")
    parser.add_argument(
        "conditions",
        nargs="*",
        metavar="KEY=VALUE",
        help="model=softmax,gqa  status=failed  experiment=008  trainer.learning_rate=1e-3  run=PART",
    )
    given = parser.parse_args(words)
    runs = all_runs(Path())
    kept, n_silent = filtered(runs, given.conditions, root=Path()), silent(runs, given.conditions)
    if n_silent:
        print(f"left out: {count(n_silent, 'run')} that do not say what was chosen", file=sys.stderr)
    if given.json:
        show_json([as_json(run) for run in kept])
    else:
        _show(kept, n_all=len(runs), to=console())
    return 0


def as_json(run: Run) -> dict[str, Any]:
    """The run's row, in full."""
    return {
        "run": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "accuracy": run.score("test/accuracy"),
        "loss_nats": run.score("test/loss_nats"),
        "seconds": run.cost("seconds"),
        "state_floats": run.stamp("state_floats"),
        "started": run.began.isoformat(timespec="seconds"),
        "error": run.error,
        "path": run.path.as_posix(),
        "seed": finite(run.config.get("seed")),
        "choices": dict(run.choices),
    }


def _show(runs: Sequence[Run], *, n_all: int, to: Console) -> None:
    if to.is_terminal:
        if not runs:
            none = f"none of {n_all:,} runs" if n_all else "no runs in runs/ and experiments/*/runs/"
            show_line(none, to=to)
            return
        show_table(COLUMNS, _narrow([_row(run) for run in runs], to.width), to=to)
        for run in runs:
            if run.status in BAD and run.error:
                line = f"{run.name}: {run.error}"
                show_line(plain(line, longest=max(to.width, 40)), to=to)
    else:
        error = [Text(plain(run.error)) for run in runs]
        rows = [[*_row(run), reason] for run, reason in zip(runs, error, strict=True)]
        show_table([*COLUMNS, Column(name="error")], rows, to=to)


def _row(run: Run) -> list[Text]:
    loss, seconds = run.score("test/loss_nats"), run.cost("seconds")
    return [
        styled(run.name, ""),
        styled(run.experiment, ""),
        styled(run.status),
        Text(percent(run.score("test/accuracy"))),
        Text("" if loss is None else f"{loss:.3g}"),
        Text("" if seconds is None else f"{seconds:.0f}"),
        Text(number(run.stamp("state_floats"))),
        Text(moment(run.began).removesuffix(" UTC")),
    ]


def _narrow(rows: Sequence[list[Text]], width: int) -> list[list[Text]]:
    """The rows cut to a terminal's width: the number of the experiment, no year, and names in the middle."""
    rows = [[run, exp[:3], *middle, started[5:]] for run, exp, *middle, started in rows]
    headings = [column.short or column.name for column in COLUMNS]
    taken = [max(len(heading), *(len(row[i]) for row in rows)) for i, heading in enumerate(headings)]
    room = max(width - sum(taken[1:]) - 2 * (len(COLUMNS) - 1), SHORTEST)
    return [[Text(shortened(row[0].plain, longest=room), style=row[0].style), *row[1:]] for row in rows]
