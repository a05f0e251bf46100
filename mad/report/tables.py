"""Results as short tables for a terminal of 80 columns; plain text where the output is no terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table

from mad.progress import accuracy_bounds, duration, loss_bounds
from mad.report.identity import identity
from mad.report.result import Result


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job of a sweep: how it is called, how it ended, and its result if it has one."""

    label: str
    status: str
    result: Result | None = None
    error: str | None = None


def terminal() -> Console:
    """Standard output: as wide as the terminal is, and 80 columns of plain text where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 80)


def show_result(result: Result, *, console: Console) -> None:
    """The scores by test cell, between chance, floor and ceiling, and what they cost."""
    table = _table(console, "test", "accuracy", "loss (nats)", "length", "asked")
    for name, cell in result.cells.items():
        scores = (percent(cell.get("accuracy")), number(cell.get("loss_nats")))
        table.add_row(name, *scores, number(cell.get("seq_len")), number(cell.get("n")))
    if result.cells:
        console.print(table)
    for line in (_bounds_line(result.bounds), _cost_line(result)):
        if line:
            console.print(line, markup=False)
    if result.error:
        console.print(f"{result.status}: {result.error}", markup=False)


def show_sweep(rows: Sequence[Row], *, console: Console) -> None:
    """One row a job, then the means over seeds of the jobs that are equal but for the seed."""
    table = _table(console, "run", "status", "accuracy", "loss (nats)", "seconds")
    for row in rows:
        table.add_row(row.label, row.status, *_scores([row.result] if row.result else []))
    for label, results in _by_meaning(rows):
        table.add_row(label, f"mean, n={len(results)}", *_scores(results))
    console.print(table)
    for row in rows:
        if row.error:
            console.print(f"{row.label}: {row.error}", markup=False, soft_wrap=True)


def percent(value: float | None) -> str:
    """A share of 1 as a percentage, or nothing."""
    return "" if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    """A number in four digits, a whole one in full, or nothing."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _table(console: Console, first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _bounds_line(bounds: Mapping[str, float | None]) -> str:
    """The lines between which every score lies, as far as the task knows them."""
    parts = {"accuracy": accuracy_bounds(bounds), "loss": loss_bounds(bounds)}
    return "; ".join(f"{name}: {known}" for name, known in parts.items() if known)


def _cost_line(result: Result) -> str:
    seconds = result.cost.get("seconds")
    parts = {
        "": "" if seconds is None else duration(seconds),
        "steps": number(result.steps),
        "parameters": number(result.stamp.get("n_parameters")),
        "state floats": number(result.stamp.get("state_floats")),
    }
    usd = result.cost.get("usd")
    billed = "" if usd is None else f", ${usd:.3f}"
    return ", ".join(f"{value} {name}".strip() for name, value in parts.items() if value) + billed


def _scores(results: Sequence[Result]) -> tuple[str, str, str]:
    """Mean accuracy, loss and seconds."""
    accuracy = _mean(result.metrics.get("test/accuracy") for result in results)
    loss = _mean(result.metrics.get("test/loss_nats") for result in results)
    seconds = _mean(result.cost.get("seconds") for result in results)
    return percent(accuracy), number(loss), "" if seconds is None else f"{seconds:.0f}"


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean, or None if there is nothing or anything is missing."""
    known = list(values)
    return fmean(value for value in known if value is not None) if known and None not in known else None


def _by_meaning(rows: Sequence[Row]) -> list[tuple[str, list[Result]]]:
    """The finished results of several seeds, by what they share, labelled by the first less its seed."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.result and row.result.status == "finished":
            groups.setdefault(identity({**row.result.config, "seed": None}), []).append(row)
    several = [group for group in groups.values() if len(group) > 1]
    return [(_seedless(group[0].label), [row.result for row in group if row.result]) for group in several]


def _seedless(label: str) -> str:
    return " ".join(word for word in label.split() if not word.startswith("seed=")) or "all"
