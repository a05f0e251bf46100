"""Tables for a terminal, plain lines for a file or a pipe, JSON for who asks for it.

All that comes from a record is foreign text: what steers a terminal is written out, and nothing is markup.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal, NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mad.report.pages.wording import plain

STYLES = {
    "running": "cyan",
    "failed": "red",
    "diverged": "red",
    "unreadable": "red",
    "unfinished": "yellow",
    "preempted": "yellow",
    "PROCEED": "green",
    "ABANDON": "red",
    "DEBUG": "red",
    "UNDECIDED": "yellow",
}
"""How a status or a verdict looks."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    """Where there is room."""
    short: str = ""
    """On a terminal, if the name is too long there."""
    justify: Literal["left", "right"] = "left"
    fold: bool = False
    """Whether it may take several lines on a terminal."""


class Arguments(argparse.ArgumentParser):
    """The words after a command. A mistake is a ValueError, told as all others are."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help")


def arguments(verb: str, *, about: str) -> Arguments:
    """For ``mad VERB``, with the flag ``--json``."""
    parser = Arguments(prog=f"mad {verb}", description=about)
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser


def console() -> Console:
    """Standard output: as wide as the terminal is, and 80 columns of plain text where there is none."""
    width = None if sys.stdout.isatty() else 80
    return Console(highlight=False, markup=False, emoji=False, width=width)


def styled(text: object, word: str | None = None) -> Text:
    """Foreign text that looks as ``word`` (by default the text itself) is to look."""
    line = plain(text)
    return Text(line, style=STYLES.get(line if word is None else word, ""))


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], *, to: Console) -> None:
    """A table; where the output is no terminal, a line a row, in full and as long as that takes."""
    if not to.is_terminal:
        for line in _aligned(columns, rows):
            show_line(line, to=to)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        overflow: Literal["fold", "ellipsis"] = "fold" if column.fold else "ellipsis"
        name = column.short or column.name
        table.add_column(name, justify=column.justify, no_wrap=not column.fold, overflow=overflow)
    for row in rows:
        table.add_row(*row)
    to.print(table)


def show_fields(fields: Mapping[str, str], *, to: Console) -> None:
    """A name and a text each, those without a text left out."""
    indent = max(map(len, fields)) + 2
    for name, text in fields.items():
        lines = wrap(text, max(to.width - indent, 20), break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            label = f"{'' if number else name:{indent}}"
            to.print(Text.assemble((label, "dim"), line), soft_wrap=True)


def show_line(line: str, *, to: Console) -> None:
    """One line as it is, however long."""
    to.out(line, highlight=False)


def show_json(value: Any) -> None:
    """Indented JSON of ASCII only, so that no name in it can steer a terminal."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=True))


def _aligned(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> Iterator[str]:
    """The lines of a table without a limit to their length."""
    lines = [[column.name for column in columns], *([cell.plain for cell in row] for row in rows)]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = zip(columns, line, gaps, strict=True)
        padded = [gap + cell if c.justify == "right" else cell + gap for c, cell, gap in cells]
        yield "  ".join(padded).rstrip()
