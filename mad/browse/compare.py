"""``mad compare RUN RUN ...``: in what the configs differ, and what came out, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mad.browse.output import Column, arguments, console, show_json, show_line, show_table
from mad.browse.runs import Run
from mad.browse.wanted import find
from mad.report.judging.selector import canonical
from mad.report.leaves import leaves
from mad.report.pages.wording import NOTHING, plain, quantity
from mad.report.result import finite

ABSENT = "absent"
"""Where a config does not have the key."""

DIFFERS = "yellow"

STAMPED = ("n_parameters", "state_floats", "train_flops", "device")

Table = Mapping[str, Mapping[str, Any]]
"""By key, then by run; a run that does not have the key is left out."""


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code. Raises ValueError for no run, the same one twice, a broken one."""
    parser = arguments("compare", about="Shows in what runs differ: configs first, then what came out.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="two names (or parts, or paths) or more")
    given = parser.parse_args(words)
    runs = named([find(reference, root=Path()) for reference in given.runs])
    tables = {"config": differences(runs), "outcome": outcomes(runs)}
    if given.json:
        show_json(finite({"runs": [run.path.as_posix() for run in runs.values()], **tables}))
    else:
        _show(runs, tables, to=console())
    return 0


def named(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by name, or by path where names repeat. Raises ValueError unless they are two or more."""
    for run in runs:
        if run.status == "unreadable":
            raise ValueError(
                f"{plain(run.path)} cannot be read: {run.error}; compare others, or run it again"
            )
    by_path = {run.path.resolve(): run for run in runs}
    if len(by_path) < len(runs) or len(runs) < 2:
        raise ValueError("compare expects two different runs or more; mad ls lists them")
    if len({run.name for run in runs}) < len(runs):
        return {run.path.as_posix(): run for run in runs}
    return {run.name: run for run in runs}


def differences(runs: Mapping[str, Run]) -> Table:
    """The choices, then the keys of the config, in which any two of the runs differ."""
    chosen = {name: {f"{group}": value for group, value in run.choices.items()} for name, run in runs.items()}
    keys = {name: dict(leaves(run.config)) for name, run in runs.items()}
    return {**_differing(chosen), **_differing(keys)}


def outcomes(runs: Mapping[str, Run]) -> Table:
    """Status, metrics, cells, cost and what is stamped, by run."""
    return _by_key({name: dict(_outcome(run)) for name, run in runs.items()})


def _outcome(run: Run) -> Iterator[tuple[str, Any]]:
    yield "status", run.status
    result = run.result
    if result is None:
        return
    yield from result.metrics.items()
    if len(result.cells) > 1:
        yield from ((f"cells/{name}/accuracy", cell.get("accuracy")) for name, cell in result.cells.items())
    yield from (("best_step", result.best_step), ("steps", result.steps))
    yield from ((f"cost/{name}", value) for name, value in result.cost.items())
    yield from ((name, result.stamp.get(name)) for name in STAMPED)
    yield "code", result.code[:12]


def _differing(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    table, n = _by_key(values), len(values)
    return {
        key: row
        for key, row in table.items()
        if len(row) < n or len({canonical(value) for value in row.values()}) > 1
    }


def _by_key(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    keys = dict.fromkeys(key for row in values.values() for key in row)
    return {key: {name: row[key] for name, row in values.items() if key in row} for key in keys}


def _show(runs: Mapping[str, Run], tables: Mapping[str, Table], *, to: Console) -> None:
    for number, run in enumerate(runs.values(), start=1):
        show_line(f"{number}  {plain(run.path)}", to=to)
    if not tables["config"]:
        show_line("the configs do not differ", to=to)
    for title, table in tables.items():
        if table:
            show_line("", to=to)
            _show_table(title, table, list(runs), to=to)


def _show_table(title: str, table: Table, names: Sequence[str], *, to: Console) -> None:
    columns = [Column(name=title, fold=True)]
    columns += [Column(name=str(n), justify="right", fold=True) for n in range(1, len(names) + 1)]
    is_difference = title == "outcome" and len(names) == 2
    if is_difference:
        columns.append(Column(name="2 less 1", justify="right"))
    rows = []
    for key, row in table.items():
        cells = [_cell(row, name, first=names[0], marks=title == "config") for name in names]
        difference = [Text(_less(*(row.get(name) for name in names)))] if is_difference else []
        rows.append([Text(plain(key)), *cells, *difference])
    show_table(columns, rows, to=to)


def _cell(row: Mapping[str, Any], name: str, *, first: str, marks: bool) -> Text:
    """A value; ``marks``: one that is not that of the first run stands out."""
    text = _text(row[name]) if name in row else ABSENT if marks else NOTHING
    differs = canonical(row.get(name, ABSENT)) != canonical(row.get(first, ABSENT))
    return Text(text, style=DIFFERS if marks and differs else "")


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return quantity(value) if 1e-3 <= abs(value) < 1e7 or value == 0 else f"{value:.4g}"
    return "null" if value is None else plain(value)


def _less(first: Any, second: Any) -> str:
    for value in (first, second):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ""
    difference = second - first
    is_count = isinstance(difference, int) and abs(difference) < 1e7
    return "" if not difference else f"{difference:+,}" if is_count else f"{difference:+.4g}"
