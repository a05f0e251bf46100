"""``mad show RUN``: all that the record of one run says, and where it lies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mad.browse.ls import as_json
from mad.browse.output import arguments, console, show_fields, show_json, show_line, styled
from mad.browse.runs import Run, last_row
from mad.browse.wanted import find
from mad.progress import duration
from mad.report.identity import code_hash
from mad.report.pages.wording import moment, plain, plain_lines
from mad.report.result import Result, finite
from mad.report.tables import number, show_result

N_LINES = 15
"""Of the console log, at its end."""

N_BYTES = 16_384
"""Of the console log that are read."""


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code. Raises ValueError for no run, or several."""
    parser = arguments("show", about="Shows one run.")
    parser.add_argument("run", metavar="RUN", help="its name, a part of it that no other has, or its path")
    given = parser.parse_args(words)
    run = find(given.run, root=Path())
    if given.json:
        show_json(finite(_as_json(run)))
    else:
        _show(run, to=console())
    return 0


def last_lines(file: Path, *, n: int = N_LINES) -> list[str]:
    """The end of a console log; of a line that was written over and over, what was written last."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - N_BYTES, 0))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return [plain_lines(line) for line in lines if line.strip()][-n:]


def _as_json(run: Run) -> dict[str, Any]:
    result = run.result
    return {
        **as_json(run),
        "overrides": list(run.overrides),
        "metrics": result.metrics if result else {},
        "cells": result.cells if result else {},
        "bounds": result.bounds if result else {},
        "cost": result.cost if result else {},
        "stamp": result.stamp if result else {},
        "last": {} if result and result.done else last_row(run),
        "console": [] if result and result.done else last_lines(run.path / "console.log"),
        "config": run.config,
    }


def _show(run: Run, *, to: Console) -> None:
    to.print(Text.assemble((plain(run.name), "bold"), "  ", styled(run.status)), soft_wrap=True)
    show_fields(_asked(run), to=to)
    if run.result:
        to.print()
        show_result(_plain(run.result), console=to)
    elif run.error:
        show_line(f"{run.status}: {run.error}", to=to)
    if not (run.result and run.result.done):
        _under_way(run, to=to)
    if run.result:
        to.print()
        show_fields(_account(run.result), to=to)
    to.print()
    show_fields({"files": f"{plain(run.path)}/", "": "  ".join(_files(run.path))}, to=to)


def _asked(run: Run) -> dict[str, str]:
    choices = " ".join(f"{key}={value}" for key, value in run.choices.items())
    return {
        "experiment": plain(run.experiment),
        "typed": plain(" ".join(map(str, run.overrides)), longest=2000),
        "choices": plain(choices, longest=2000),
        "seed": plain(run.config.get("seed", "")),
        "started": moment(run.began),
    }


def _under_way(run: Run, *, to: Console) -> None:
    """How far it has come, and what it said last."""
    row = last_row(run)
    if row:
        line = ", ".join(f"{name} {value}" for name, value in row.items())
        to.print(Text(f"last line of the curve: {plain(line)}"))
    lines = last_lines(run.path / "console.log") if run.status != "running" else []
    if lines:
        show_line("\nconsole.log ends", to=to)
        for line in lines:
            show_line(f"  {line}", to=to)


def _account(result: Result) -> dict[str, str]:
    """What the machine contributed."""
    stamp, cost = result.stamp, result.cost
    versions = stamp.get("versions")
    known = versions.items() if isinstance(versions, Mapping) else ()
    dirty = ", with changes that were not committed" if stamp.get("dirty") else ""
    return {
        "best step": f"{number(result.best_step)} of {number(result.steps)}" if result.best_step else "",
        "cost": ", ".join(_costs(cost)),
        "device": plain(" on ".join(str(stamp[key]) for key in ("device", "platform") if stamp.get(key))),
        "commit": f"{plain(stamp['commit'])}{dirty}" if stamp.get("commit") else "",
        "code": f"{plain(result.code)[:12]}, {_age(result)}",
        "versions": plain(", ".join(f"{name} {version}" for name, version in known)),
    }


def _costs(cost: Mapping[str, float | None]) -> Iterator[str]:
    for name, value in cost.items():
        words = plain(name.replace("_", " "))
        if value is None:
            continue
        if name.endswith("seconds"):
            time = duration(value) if value >= 1 else f"{value:.3g} s"
            yield f"{words.removesuffix('seconds')}{time}"
        elif name.endswith("bytes"):
            yield f"{words.removesuffix('bytes')}{value / 1e6:,.0f} MB"
        else:
            yield f"{words} {value:g}"


def _age(result: Result) -> str:
    """Whether the code that made it is the code as it is now."""
    try:
        now = code_hash(tuple(result.config.get("allow") or ()))
    except (ValueError, OSError) as error:
        return plain(error)
    return "the code as it is now" if result.code == now else "other code than now: it would be made again"


def _plain(result: Result) -> Result:
    """The result with foreign text made harmless."""
    cells = {plain(name, longest=40): cell for name, cell in result.cells.items()}
    return replace(result, cells=cells, error=plain(result.error) if result.error else None)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.name != "lock":
            yield plain(path.name) + ("/" if path.is_dir() else "")
