"""What decides: by how much each choice moves test accuracy among arms that are equal but for it.

An axis that is swept together with others is looked at once in each *surrounding*: one choice of all
other axes. There its effect is the highest mean test accuracy less the lowest one, each arm at its own best
setting. The searched value (the learning rate) is an axis as well; its surroundings are the arms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mad.report.identity import meaning
from mad.report.judging.evidence import Arm
from mad.report.judging.selector import canonical, value_text
from mad.report.leaves import leaves


@dataclass(frozen=True, kw_only=True)
class Span:
    """What an axis does in one surrounding."""

    lowest: float
    """Mean test accuracy, as all here."""
    highest: float
    at: str
    """The value of the highest one."""

    @property
    def width(self) -> float:
        """From the lowest to the highest."""
        return self.highest - self.lowest


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an axis does in all of its surroundings."""

    axis: str
    values: tuple[str, ...]
    spans: tuple[Span, ...]
    entailed: tuple[str, ...] = ()
    """What else differs in the config, as ``key: one -> other``; only of axes with two values."""

    @property
    def median(self) -> float:
        """Of the widths."""
        return median(span.width for span in self.spans)

    @property
    def winner(self) -> tuple[str, int]:
        """The value that is best most often, and in how many surroundings."""
        wins = [span.at for span in self.spans]
        best = max(self.values, key=wins.count)
        return best, wins.count(best)


def effects(arms: Sequence[Arm], *, search: str | None) -> tuple[Effect, ...]:
    """The axes that move anything to be measured, the one with the largest median first."""
    axes = dict.fromkeys(key for arm in arms for key in arm.choices)
    found = [_of_axis(axis, arms, search=search) for axis in axes]
    if search is not None:
        found.append(_of_search(search, arms))
    return tuple(sorted((effect for effect in found if effect), key=lambda effect: -effect.median))


def differing(arms: Sequence[Arm]) -> dict[str, tuple[str, str]]:
    """The keys of the config in which two arms differ, with both values; the seed is none of them."""
    one, other = map(_spelled, arms)
    keys = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
    return {key: (one.get(key, "absent"), other.get(key, "absent")) for key in keys if key != "seed"}


def _of_axis(axis: str, arms: Sequence[Arm], *, search: str | None) -> Effect | None:
    surroundings: dict[str, list[Arm]] = {}
    for arm in arms:
        if axis in arm.choices and arm.best.test:
            rest = {key: value for key, value in arm.choices.items() if key != axis}
            surroundings.setdefault(canonical(rest), []).append(arm)
    several = [members for members in surroundings.values() if len(members) > 1]
    if not several:
        return None
    values = dict.fromkeys(value_text(arm.choices[axis]) for members in several for arm in members)
    return Effect(
        axis=axis,
        values=tuple(values),
        spans=tuple(
            _span({value_text(arm.choices[axis]): _test(arm) for arm in members}) for members in several
        ),
        entailed=_entailed(several, axis=axis, values=tuple(values), search=search),
    )


def _of_search(key: str, arms: Sequence[Arm]) -> Effect | None:
    tried = [[setting for setting in arm.settings if setting.test] for arm in arms]
    several = [settings for settings in tried if len(settings) > 1]
    if not several:
        return None
    return Effect(
        axis=key,
        values=tuple(value_text(v) for v in sorted({s.value or 0.0 for each in several for s in each})),
        spans=tuple(
            _span({value_text(s.value): s.test.mean for s in settings if s.test}) for settings in several
        ),
    )


def _span(accuracies: Mapping[str, float]) -> Span:
    at = max(accuracies, key=lambda value: accuracies[value])
    return Span(lowest=min(accuracies.values()), highest=accuracies[at], at=at)


def _test(arm: Arm) -> float:
    assert arm.best.test is not None
    return arm.best.test.mean


def _entailed(
    several: Sequence[Sequence[Arm]], *, axis: str, values: tuple[str, ...], search: str | None
) -> tuple[str, ...]:
    """What differs in every surrounding between the two values, less the axis and what is searched."""
    if len(values) != 2:
        return ()
    pairs = [
        sorted(members, key=lambda arm: values.index(value_text(arm.choices[axis]))) for members in several
    ]
    always = [differing(pair) for pair in pairs]
    shared = {key: both for key, both in always[0].items() if all(each.get(key) == both for each in always)}
    return tuple(f"{key}: {a} -> {b}" for key, (a, b) in shared.items() if key not in (axis, search))


def _spelled(arm: Arm) -> dict[str, str]:
    """The values of its config as text; of a target the last word."""
    runs = arm.best.results or tuple(run for setting in arm.settings for run in setting.results)
    found = leaves(meaning(runs[0].config))
    return {
        key: _word(canonical(value)) if key.endswith("_target_") else canonical(value) for key, value in found
    }


def _word(target: str) -> str:
    return target.rpartition(".")[2]
