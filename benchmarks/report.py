"""Writes RESULTS.md from the records in benchmarks/results: ``python -m benchmarks.report``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from benchmarks.machine import Machine
from benchmarks.paired import Spread
from benchmarks.record import RESULTS, Record, Row, Target

FOLDER = Path(__file__).parent
ORDER = ("log_linear", "compiled", "training_step", "data", "sweep", "startup", "streaming")


def rendered(records: Sequence[Record], tried: Mapping[str, str]) -> str:
    """The whole page. ``tried`` says, by the row's words, what was done about a target that is missed."""
    ordered = sorted(records, key=lambda record: (_place(record.name), record.name))
    parts = [
        "# Speed, side by side",
        "",
        "Written by `scripts/bench` from `benchmarks/results/*.json`; do not edit. The sides of a comparison "
        "run by turns in one process, after warm-up; a ratio is the median of the ratios within a round, the "
        "lowest and the highest behind it. A target is held against the median.",
        "",
        *_summary(ordered, tried),
    ]
    for record in ordered:
        parts += ["", *_section(record)]
    return "\n".join([*parts, ""])


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _summary(records: Sequence[Record], tried: Mapping[str, str]) -> list[str]:
    """How many targets are met, and every one that is not, with what was tried."""
    rows = [row for record in records for row in record.rows if row.target is not None]
    missed = [row for row in rows if row.verdict == "missed"]
    n_met = sum(row.verdict == "met" for row in rows)
    lines = [f"**{n_met} of {len(rows)} targets are met, {len(missed)} missed.**", *([""] if missed else [])]
    by_attempt: dict[str, list[Row]] = {}
    for row in missed:
        by_attempt.setdefault(tried.get(row.what, "No attempt is on record."), []).append(row)
    for attempt, same in by_attempt.items():
        lines += [*(f"- Missed: {row.what}: {_miss(row)}." for row in same), "", f"  {attempt}", ""]
    return lines


def _miss(row: Row) -> str:
    assert row.observed is not None
    assert row.target is not None
    return f"{_spread(row.observed, row.unit)} instead of {_target(row.target, row.unit)}"


def _section(record: Record) -> list[str]:
    lines = [
        f"## {record.name}",
        "",
        record.about,
        "",
        _machine(record.machine),
        "",
        "| what | observed | target | verdict | sides | note |",
        "|---|---:|---:|---|---|---|",
    ]
    return lines + [_line(row) for row in record.rows]


def _line(row: Row) -> str:
    observed = "" if row.observed is None else _spread(row.observed, row.unit)
    target = "" if row.target is None else _target(row.target, row.unit)
    sides = "; ".join(
        f"{side} {_quantity(spread.median, row.side_unit)}" for side, spread in row.sides.items()
    )
    verdict = f"**{row.verdict}**" if row.verdict == "missed" else row.verdict
    cells = (row.what, observed, target, verdict, sides, row.note)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _machine(machine: Machine) -> str:
    """One paragraph: under what this was measured."""
    peers = [f"{name} {version or 'is not installed'}" for name, version in machine.peers.items()]
    state = (
        ""
        if machine.commit is None
        else f", commit {machine.commit}{' with changes' if machine.dirty else ''}"
    )
    return (
        f"*{machine.cpu}, {machine.n_cores} cores, {machine.threads} thread(s) a process, sgemm "
        f"{machine.sgemm_gflops:.0f} GFLOP/s, load {machine.load:.1f} before; GPU: {machine.gpu or 'none'}; "
        f"Python {machine.python}, torch {machine.torch}, {', '.join(peers)}; {machine.date}{state}.*"
    )


def _spread(spread: Spread, unit: str) -> str:
    """``6.21 (5.94..6.6) x``, all three in the unit of the median."""
    scale, name = _scale(spread.median, unit)
    middle, *ends = (_figures(value / scale) for value in (spread.median, spread.lowest, spread.highest))
    around = "" if spread.n == 1 else f" ({'..'.join(ends)})"
    return f"{middle}{around} {name}".rstrip()


def _target(target: Target, unit: str) -> str:
    if target.at_least is not None:
        return f"≥ {_quantity(target.at_least, unit)}"
    return f"≤ {_quantity(target.at_most or 0.0, unit)}"


def _quantity(value: float, unit: str) -> str:
    scale, name = _scale(value, unit)
    return f"{_figures(value / scale)} {name}".rstrip()


def _scale(value: float, unit: str) -> tuple[float, str]:
    """A unit that suits the value: seconds have smaller ones."""
    if unit == "s":
        return next((pair for pair in ((1.0, "s"), (1e-3, "ms")) if value >= pair[0]), (1e-6, "µs"))
    return 1.0, unit


def _figures(value: float) -> str:
    """Three significant figures, never in powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Reads all records and writes the page beside them."""
    records = [Record.from_json(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    tried = yaml.safe_load((FOLDER / "tried.yaml").read_text(encoding="utf-8")) or {}
    (FOLDER / "RESULTS.md").write_text(rendered(records, tried), encoding="utf-8")


if __name__ == "__main__":
    main()
