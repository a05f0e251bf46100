"""What a report is made of, before it is Markdown or HTML: both pages are written from the same blocks.

Every text in a block is plain text. It may hold anything; the page that shows it escapes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mad.report.pages.svg import Svg

Tone = Literal["", "good", "bad", "open", "quiet"]
"""How a cell is coloured; its words say the same."""


@dataclass(frozen=True)
class Cell:
    """One entry of a table or of a list."""

    text: str
    tone: Tone = ""
    links: tuple[tuple[str, str], ...] = ()
    """Names and paths relative to the experiment's folder; shown after the text."""


@dataclass(frozen=True)
class Column:
    """The head of a column; numbers stand at the right."""

    title: str
    kind: Literal["words", "numbers"] = "words"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under heads; the first cell of a row names it."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    shown: Literal["open", "folded"] = "open"
    """Whether a page that can fold it shows it at first."""


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    entries: Sequence[Cell]


@dataclass(frozen=True)
class Charts:
    """Drawings; a page that cannot show them leaves them out: their numbers are in a table close by."""

    drawings: Sequence[Svg]
    kind: Literal["wide", "panels"]
    caption: str
    beside: Sequence["Paragraph | Items | Table"] = ()
    """What stands at their side where there is room, and below them where there is none."""


@dataclass(frozen=True)
class Code:
    """Text to be copied, such as a command; ``summary`` is what it is folded behind, if it is long."""

    text: str
    summary: str = ""


@dataclass(frozen=True)
class Quote:
    """What a person wrote, in Markdown."""

    markdown: str


Block = Table | Paragraph | Items | Charts | Code | Quote


@dataclass(frozen=True)
class Section:
    """A part of the report under its heading; there is always something in it, be it why there is nothing."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """What a link to the section ends in."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())


def numbers(*titles: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(title, "numbers") for title in titles]


def words(*titles: str) -> list[Column]:
    """Columns of words."""
    return [Column(title) for title in titles]


def row(*texts: str) -> list[Cell]:
    """A row without tones and links."""
    return [Cell(text) for text in texts]
