"""What a benchmark found: rows with an observed quantity and, where one was promised, its target."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.paired import Spread

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What was promised of a median: at least this, or at most that."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"a target is either at_least or at_most something; got {self}")

    def is_met(self, value: float) -> bool:
        """Whether an observed median keeps the promise."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a results table."""

    what: str
    unit: str
    """``x`` for ratios, ``s``, ``%``, ``MiB``, ``tokens/s``, or empty."""
    observed: Spread | None
    """None: not measured, and ``note`` says why."""
    target: Target | None = None
    sides: Mapping[str, Spread] = field(default_factory=dict)
    """What the observed quantity was made of."""
    side_unit: str = "s"
    note: str = ""
    """What was counted, and how."""

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, ``not measured``, or empty where nothing was promised."""
        if self.observed is None:
            return "not measured"
        if self.target is None:
            return ""
        return "met" if self.target.is_met(self.observed.median) else "missed"


@dataclass(frozen=True, kw_only=True)
class Record:
    """All rows of one benchmark, and the machine under which they were measured."""

    name: str
    about: str
    machine: Machine
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """Indented JSON, ending in a newline."""
        return json.dumps(asdict(self), indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Reads what ``to_json`` wrote."""
        entries = json.loads(text)
        rows = tuple(_row(entry) for entry in entries.pop("rows"))
        return cls(**{**entries, "machine": Machine(**entries["machine"]), "rows": rows})


def unmeasured(what: str, why: str) -> Row:
    """A row that could not be had here."""
    return Row(what=what, unit="", observed=None, note=why)


def publish(name: str, about: str, rows: Sequence[Row], *, machine: Machine, folder: Path = RESULTS) -> Path:
    """Writes the record of a benchmark, and prints its rows."""
    record = Record(name=name, about=about, machine=machine, rows=tuple(rows))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(record.to_json(), encoding="utf-8")
    for row in rows:
        median = "" if row.observed is None else f"{row.observed.median:.4g} {row.unit}"
        print(f"{name}: {row.what}: {median} {row.verdict}".rstrip(), flush=True)
    return path


def _row(entry: dict[str, Any]) -> Row:
    observed, target = entry["observed"], entry["target"]
    return Row(
        **{
            **entry,
            "observed": None if observed is None else Spread(**observed),
            "target": None if target is None else Target(**target),
            "sides": {side: Spread(**spread) for side, spread in entry["sides"].items()},
        }
    )
