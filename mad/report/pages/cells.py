"""The part of a report that shows accuracy in every cell of the test set."""

from collections.abc import Sequence

from mad.report.judging.evidence import Arm, Evidence
from mad.report.pages.blocks import Block, Cell, Charts, Paragraph, Section, Table, numbers, row, words
from mad.report.pages.charts import cell_chart, common_bounds
from mad.report.pages.measured import bounds_text
from mad.report.pages.wording import NOTHING, plain, spread

N_ROWS = 150
"""Cells times arms that are drawn; where there are more, the table stands alone."""


def cells(evidence: Evidence) -> Section:
    """Accuracy in every part of the test set."""
    title = "Accuracy per evaluation cell"
    names = list(dict.fromkeys(name for arm in evidence.arms for name in arm.cells))
    if not names:
        return Section(title, [Paragraph("No result has evaluation cells.")])
    table = Table(
        caption="Test accuracy in percent at the best setting",
        columns=[*words("Arm"), *numbers(*(plain(name, longest=60) for name in names))],
        rows=[
            *(
                row(plain(arm.name), *(spread(arm.cells.get(name)) for name in names))
                for arm in evidence.arms
            ),
            _bounds(evidence.arms, names),
        ],
    )
    blocks: list[Block] = [table]
    if len(names) == 1:
        told = f"There is one cell, {plain(names[0])}: its chart is the one of the results."
    elif len(names) * len(evidence.arms) > N_ROWS:
        told = f"There are {len(names)} cells for each of {len(evidence.arms)} arms: too many to draw."
    else:
        told = f"The test set has {len(names)} cells, each with its own lengths and difficulty."
        drawn = [cell_chart(evidence.arms, cell=name) for name in names]
        blocks = [Charts(drawn, "panels", "Test accuracy by cell"), table]
    return Section(title, [Paragraph(told), Paragraph(_whose_bounds(evidence.arms, names)), *blocks])


def _bounds(arms: Sequence[Arm], names: Sequence[str]) -> list[Cell]:
    """The last row: what is known of each cell's bounds."""
    known = common_bounds(arms)
    own = _own(arms)
    texts = [bounds_text(known) if known and name in own else NOTHING for name in names]
    return [Cell("Chance / floor / ceiling", "quiet"), *(Cell(text, "quiet") for text in texts)]


def _whose_bounds(arms: Sequence[Arm], names: Sequence[str]) -> str:
    if not common_bounds(arms):
        return "The arms have no bounds in common: those of each stand with the results."
    own = _own(arms)
    if all(name in own for name in names):
        return "The bounds are those of the task as configured."
    return (
        f"The bounds are those of the task as configured, which is the cell {', '.join(map(plain, own))}. "
        "They are drawn in the other cells for comparison; what chance and floor are there was not recorded."
    )


def _own(arms: Sequence[Arm]) -> list[str]:
    """The cells that are the tasks as configured: the first of each arm."""
    return list(dict.fromkeys(next(iter(arm.cells)) for arm in arms if arm.cells))
