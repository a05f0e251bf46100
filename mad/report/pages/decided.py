"""The parts of a report that say which published claims hold here, and what decides the accuracy."""

from collections.abc import Iterator, Mapping, Sequence

from mad.report.judging.effects import Effect, differing, effects
from mad.report.judging.evidence import Arm, Check, Evidence, Standing
from mad.report.pages.answer import TONES, observed
from mad.report.pages.blocks import Block, Cell, Items, Paragraph, Section, Table, numbers, row, words
from mad.report.pages.choices import FOUR
from mad.report.pages.wording import NOTHING, count, plain, points

HOLDS: dict[Standing, str] = {
    "met": "holds here",
    "not met": "does not hold here",
    "undecided": "not settled",
}

TALLIED: dict[Standing, tuple[str, str]] = {
    "met": ("holds here", "hold here"),
    "not met": ("does not hold here", "do not hold here"),
    "undecided": ("is not settled", "are not settled"),
}
"""The same of one claim and of several."""

N_VALUES = 8
"""Values of a choice that are named one by one."""

N_ENTAILED = 12
"""The same for keys that change along with it."""


def published(evidence: Evidence) -> Section | None:
    """Claims that others made, beside their own figures; None where no criterion is one."""
    checks = [check for check in evidence.checks if check.criterion.published]
    if not checks:
        return None
    table = Table(
        caption="Claims of others, what they report, and what is seen here over seeds",
        columns=words("Claim", "Reported", "Here", "Holds"),
        rows=[_claim(check) for check in checks],
    )
    return Section("Published claims", [Paragraph(_tally(checks)), table])


def decides(evidence: Evidence) -> Section:
    """By how much each swept choice moves the accuracy, the strongest one first."""
    found = effects(evidence.arms, search=evidence.experiment.search)
    title = "What decides"
    if not found:
        return Section(
            title, [Paragraph("No two arms are equal but for one choice, so none can be weighed.")]
        )
    table = Table(
        caption="Points of test accuracy between the best and the worst value of a choice, all else equal",
        columns=[
            *words("Choice", "Values"),
            *numbers("Median", "By luck alone", "Least", "Most", "Times looked at"),
            *words("Best most often"),
        ],
        rows=[_effect(effect) for effect in found],
    )
    told = [Paragraph(_strongest(found)), Paragraph(LUCK)]
    four = Items([Cell(line) for line in _four(evidence.arms, found)])
    notes = [*_compared(found, evidence.experiment.search), *_entailed(found)]
    return Section(title, [*told, table, *notes, Paragraph(FOUR_TOLD), four])


LUCK = (
    "By luck alone: what the difference would be on average if the choice did nothing, by the spread of the "
    "seeds; in brackets what it would then exceed once in twenty times."
)

FOUR_TOLD = "Of the four choices that move recall more than most mechanisms do:"


def _claim(check: Check) -> list[Cell]:
    return [
        Cell(plain(check.criterion.claim)),
        Cell(plain(check.criterion.published)),
        Cell(observed(check)),
        Cell(HOLDS[check.standing], TONES[check.standing]),
    ]


def _tally(checks: Sequence[Check]) -> str:
    standings = [check.standing for check in checks]
    known = [
        f"{n} {one if n == 1 else several}"
        for standing, (one, several) in TALLIED.items()
        if (n := standings.count(standing))
    ]
    return f"Of {count(len(checks), 'published claim')} {', '.join(known)}."


def _strongest(found: Sequence[Effect]) -> str:
    """The choice that decides most, of those that exceed luck."""
    strongest = next((effect for effect in found if effect.stands_out), None)
    if strongest is None:
        return (
            "No choice moves accuracy by more than the luck of the seeds can, so none is named as deciding."
        )
    return (
        f"{plain(strongest.axis)} decides most: from its worst to its best value accuracy moves by "
        f"{points(strongest.median)} ({_looks(strongest)}).{_further(found[: found.index(strongest)])}"
    )


def _further(lucky: Sequence[Effect]) -> str:
    """Of the choices that move accuracy further, why none of them is named."""
    if not lucky:
        return ""
    names = " and ".join(plain(effect.axis) for effect in lucky)
    verb = "moves" if len(lucky) == 1 else "move"
    return f" {names} {verb} it further, but the luck of the seeds may do as much."


def _effect(effect: Effect) -> list[Cell]:
    widths = [span.width for span in effect.spans]
    value, wins = effect.winner
    return row(
        plain(effect.axis),
        _first(effect.values, n=N_VALUES, by=", "),
        f"{100 * effect.median:.1f}",
        _luck(effect),
        *(f"{100 * width:.1f}" for width in (min(widths), max(widths))),
        str(len(widths)),
        f"{plain(value)} ({wins} of {len(widths)})",
    )


def _luck(effect: Effect) -> str:
    if effect.by_luck is None or effect.reach is None:
        return NOTHING
    return f"{100 * effect.by_luck:.1f} (up to {100 * effect.reach:.1f})"


def _compared(found: Sequence[Effect], search: str | None) -> Iterator[Block]:
    """At which searched values arms were compared that were not tried at the same ones."""
    for effect in found:
        if effect.compared_at:
            at = _first(effect.compared_at, n=N_VALUES, by=", ")
            yield Paragraph(
                f"{plain(effect.axis)}: not all arms were tried at the same {plain(search)}; where they were "
                f"not, they are compared at the best of what all of them were tried at ({at})."
            )
        if effect.n_apart:
            yield Paragraph(
                f"{plain(effect.axis)}: in {count(effect.n_apart, 'comparison')} the arms have no "
                f"{plain(search)} in common, and each is taken at its own best."
            )


def _looks(effect: Effect) -> str:
    n = len(effect.spans)
    return "one comparison" if n == 1 else f"the median of {n} comparisons"


def _entailed(found: Sequence[Effect]) -> Iterator[Block]:
    """What changes along with a choice, where that is a recipe and not one thing."""
    for effect in found:
        if effect.entailed:
            yield Paragraph(
                f"With {plain(effect.axis)} goes {_first(effect.entailed, n=N_ENTAILED, by='; ')}."
            )


def _first(texts: Sequence[str], *, n: int, by: str) -> str:
    """The first ones, and how many more there are."""
    more = [f"and {len(texts) - n} more"] if len(texts) > n else []
    return by.join([*map(plain, texts[:n]), *more])


def _four(arms: Sequence[Arm], found: Sequence[Effect]) -> Iterator[str]:
    """Of each of the four: how much it moves, what it goes with, or that it was not tested."""
    by_axis = {effect.axis: effect for effect in found}
    for name, key in FOUR.items():
        if key in by_axis:
            yield f"{name}: {points(by_axis[key].median)} (median)"
        elif carriers := _carriers(key, arms):
            yield f"{name}: changes together with {', '.join(map(plain, carriers))}, not by itself"
        else:
            yield f"{name}: the same in all arms, so not tested here"


def _carriers(key: str, arms: Sequence[Arm]) -> list[str]:
    """The axes along which the key changes."""
    known: Mapping[str, None] = dict.fromkeys(axis for arm in arms for axis in arm.choices)
    return [axis for axis in known if any(_changes(key, pair) for pair in _neighbours(arms, axis))]


def _neighbours(arms: Sequence[Arm], axis: str) -> Iterator[tuple[Arm, Arm]]:
    """Pairs of arms that differ in this axis alone."""
    for number, one in enumerate(arms):
        for other in arms[number + 1 :]:
            keys = {*one.choices, *other.choices}
            if [key for key in keys if one.choices.get(key) != other.choices.get(key)] == [axis]:
                yield one, other


def _changes(key: str, pair: tuple[Arm, Arm]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for name in differing(pair))
