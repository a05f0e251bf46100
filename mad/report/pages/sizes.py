"""The part of a report that holds accuracy against what it costs to remember: the size of the state."""

from collections.abc import Sequence

from mad.report.judging.evidence import Arm, Evidence
from mad.report.judging.intervals import gap
from mad.report.judging.settings import known
from mad.report.pages.blocks import Block, Charts, Paragraph, Section, Table, numbers, row, words
from mad.report.pages.charts import state_chart
from mad.report.pages.measured import N_DRAWN, first_ones
from mad.report.pages.wording import plain, quantity, spread

ALIKE = 1.1
"""States of which the largest is at most so many times the smallest are of one size."""

N_NAMED = 4
"""Arms of one size that are named."""


def state_size(evidence: Evidence) -> Section:
    """Accuracy by the size of the state, and among arms of one size."""
    title = "Accuracy against state size"
    arms = [arm for arm in evidence.arms if arm.state_floats and arm.best.test]
    if not arms:
        return Section(title, [Paragraph("No result says how large its state is.")])
    table = Table(
        caption="What a sequence's state holds, and what is got for it",
        columns=[*words("Arm"), *numbers("State floats", "Accuracy", "Parameters")],
        rows=[
            row(
                plain(arm.name), quantity(arm.state_floats), spread(arm.best.test), quantity(arm.n_parameters)
            )
            for arm in _by_size(arms)
        ],
    )
    told = "Compare arms of one size: more room is an advantage of its own. State floats are per sequence."
    told += first_ones(arms)
    caption = "Test accuracy in percent against state floats"
    beside: list[Paragraph | Table] = [Paragraph(told), table]
    chart = Charts([state_chart(evidence.arms[:N_DRAWN])], "wide", caption, beside)
    return Section(title, [chart, _of_one_size(arms)])


def of_one_size(arms: Sequence[Arm]) -> list[list[Arm]]:
    """Groups of two arms or more whose states differ by 10 % at most, the smallest states first."""
    groups: list[list[Arm]] = []
    for arm in _by_size(arms):
        if groups and (arm.state_floats or 0) <= ALIKE * (groups[-1][0].state_floats or 0):
            groups[-1].append(arm)
        else:
            groups.append([arm])
    return [group for group in groups if len(group) > 1]


def _by_size(arms: Sequence[Arm]) -> list[Arm]:
    return sorted(arms, key=lambda arm: (arm.state_floats or 0, arm.name))


def _of_one_size(arms: Sequence[Arm]) -> Block:
    groups = of_one_size(arms)
    if not groups:
        return Paragraph("No two arms have a state of the same size (to 10 %).")
    return Table(
        caption="At one size of the state (to 10 %): the best arm, and how far it is ahead of the next",
        columns=[
            *numbers("State floats"),
            *words("Arms", "Best"),
            *numbers("Accuracy"),
            *words("Next"),
            *numbers("Ahead by"),
        ],
        rows=[row(*_compared(group)) for group in groups],
    )


def _compared(group: Sequence[Arm]) -> list[str]:
    """Sizes, names, the two best arms and the difference between them, seed by seed where they agree."""
    best, following = sorted(group, key=lambda arm: -arm.best.test.mean if arm.best.test else 1.0)[:2]
    sizes = [quantity(arm.state_floats) for arm in (group[0], group[-1])]
    names = [plain(arm.name) for arm in group[:N_NAMED]]
    more = [f"and {len(group) - N_NAMED} more"] if len(group) > N_NAMED else []
    values = [known(arm.best.results, "test/accuracy") for arm in (best, following)]
    return [
        " to ".join(dict.fromkeys(sizes)),
        "; ".join([*names, *more]),
        plain(best.name),
        spread(best.best.test),
        plain(following.name),
        spread(gap(values[0], values[1]), unit="points"),
    ]
