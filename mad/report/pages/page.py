"""``report.md``: the report for those who read it where the repository is shown, or in an editor.

Foreign text stays text: whatever in it would be Markdown or HTML is escaped. Drawings are left out, since
few places show them inside Markdown; their numbers are in the tables.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

from mad.report.judging.evidence import Evidence
from mad.report.pages.blocks import Block, Cell, Charts, Code, Items, Paragraph, Quote, Section, Table
from mad.report.pages.curves import Curves
from mad.report.pages.history import Snapshot
from mad.report.pages.sections import Report, report
from mad.report.pages.wording import plain_lines

WIDEST = 14
"""Columns of a table; of more, some are left out, evenly."""


def markdown(
    evidence: Evidence, decision: str | None, *, curves: Curves, history: Sequence[Snapshot] = ()
) -> str:
    """The whole page. The same evidence gives the same bytes."""
    said = report(evidence, decision, curves=curves, history=history)
    parts = [_head(said), *(part for section in said.sections for part in _section(section))]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """One line of plain text as Markdown that shows just that."""
    safe = re.sub(r"([\\`*\[\]<|~$@])", r"\\\1", text)
    safe = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", safe)  # the ones within a word mean nothing
    safe = re.sub(r"&(?=#|\w)", r"\\&", safe)
    safe = re.sub(r"([{:!])(?=[{%#/\\])", r"\\\1", safe)
    safe = re.sub(r"(?i)\b(www)\.", r"\1\\.", safe)
    return re.sub(r"^(\d+)(?=[.)](?:\s|$))|^([-+#>=])", lambda hit: _at_line_start(hit), safe)


def link(name: str, path: str) -> str:
    """A link to a file of the experiment's folder; only there, whatever the path holds."""
    return f"[{escaped(name)}]({relative(path)})"


def relative(path: str) -> str:
    """A path as the target of a link: it cannot name a scheme or a host."""
    return "./" + quote(path.lstrip("/\\"), safe="/-_.~", errors="replace")


def _at_line_start(hit: re.Match[str]) -> str:
    return f"{hit[1]}\\" if hit[1] else f"\\{hit[2]}"


def _head(said: Report) -> str:
    facts = "  \n".join(f"**{name}**: {escaped(value)}" for name, value in said.facts)
    asked = f"{escaped(said.question)}\n\n" if said.question else ""
    with_charts = "The same with charts: [report.html](report.html)."
    return f"# {escaped(said.name)}: {said.verdict}\n\n{asked}{facts}\n\n{with_charts}"


def _section(section: Section) -> list[str]:
    blocks = [_block(block) for block in section.blocks]
    return [f"## {escaped(section.title)}", *(block for block in blocks if block)]


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return escaped(text)
        case Items(entries):
            return "\n".join(f"- {_cell(entry)}" for entry in entries)
        case Table():
            return _table(block)
        case Code(text, summary):
            return (f"{escaped(summary)}:\n\n" if summary else "") + _fenced(text)
        case Quote(text):
            return _quoted(text)
        case Charts():
            return "\n\n".join(_block(each) for each in block.beside)


def _cell(cell: Cell) -> str:
    words = f"**{escaped(cell.text)}**" if cell.tone in ("good", "bad", "open") else escaped(cell.text)
    return " ".join(part for part in (words, *(link(*each) for each in cell.links)) if part)


def _table(table: Table) -> str:
    kept = _kept(len(table.columns))
    columns = [table.columns[index] for index in kept]
    lines = [
        [escaped(column.title) for column in columns],
        ["---:" if column.kind == "numbers" else "---" for column in columns],
        *([_cell(cells[index]) for index in kept] for cells in table.rows),
    ]
    left_out = "" if len(kept) == len(table.columns) else " (some columns are left out; report.html has all)"
    caption = f"*{escaped(table.caption)}{left_out}*"
    return "\n".join([caption, "", *(f"| {' | '.join(cells)} |" for cells in lines)])


def _kept(n_columns: int) -> list[int]:
    """Which columns are shown: the first two, the last, and evenly in between."""
    if n_columns <= WIDEST:
        return list(range(n_columns))
    first, last = 2, n_columns - 1
    between = [first + round(number * (last - first) / (WIDEST - 3)) for number in range(WIDEST - 2)]
    return [0, 1, *between]


def _fenced(text: str) -> str:
    """A block of code, in a fence that is longer than any within."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{plain_lines(text)}\n{fence}"


def _quoted(text: str) -> str:
    """A person's Markdown as a quotation: its words and its layout, without its HTML, images and links."""
    safe = re.sub(r"<(?=[A-Za-z/!?])", r"\\<", plain_lines(text.strip()))
    safe = re.sub(r"\](?=\s*[(:\[])", r"\\]", safe)
    safe = re.sub(r"&(?=#|\w)", r"\\&", safe)
    safe = re.sub(r"([{])(?=[{%#])", r"\\\1", safe)
    return "\n".join(f"> {line}".rstrip() for line in safe.split("\n"))
