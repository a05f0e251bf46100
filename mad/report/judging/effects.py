"""What decides: by how much each choice moves test accuracy among arms that are equal but for it.

An axis that is swept together with others is looked at once in each *surrounding*: one choice of all
other axes. There its effect is the highest mean test accuracy less the lowest one, each arm at its own best
setting; where arms were tried at different values of the searched key (the learning rate), at the best of
those that all of them were tried at, if there are such. The searched key is an axis as well; its surroundings
are the arms. A setting at which every run diverged has an accuracy of 0.

Seeds alone move means, too: an effect stands out only if it exceeds what luck reaches (`luck`), given the
pooled spread of the seeds that it compares.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

from mad.report.identity import meaning
from mad.report.judging.evidence import Arm, Setting
from mad.report.judging.luck import expected_range, likely_range
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
    by_luck: float | None = None
    """What the width would be on average if all values were equal; None where one seed each tells nothing."""
    reach: float | None = None
    """What it would then exceed once in twenty times."""

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
    compared_at: tuple[str, ...] = ()
    """Values of the searched key at which arms are compared that were not tried at the same ones."""
    n_apart: int = 0
    """Surroundings whose arms have no such value in common: there each is taken at its own best."""

    @property
    def median(self) -> float:
        """Of the widths."""
        return median(span.width for span in self.spans)

    @property
    def by_luck(self) -> float | None:
        """What the median would be about if the axis did nothing."""
        known = [span.by_luck for span in self.spans if span.by_luck is not None]
        return median(known) if known else None

    @property
    def reach(self) -> float | None:
        """What luck hardly exceeds."""
        known = [span.reach for span in self.spans if span.reach is not None]
        return median(known) if known else None

    @property
    def stands_out(self) -> bool:
        """Whether it is more than luck."""
        return self.reach is not None and self.median > self.reach

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
        if axis in arm.choices and _accuracies(arm.best):
            rest = {key: value for key, value in arm.choices.items() if key != axis}
            surroundings.setdefault(canonical(rest), []).append(arm)
    several = [members for members in surroundings.values() if len(members) > 1]
    if not several:
        return None
    values = tuple(dict.fromkeys(value_text(arm.choices[axis]) for members in several for arm in members))
    shared = [_shared_values(members) for members in several]
    compared = [
        {value_text(arm.choices[axis]): _accuracies(_best_of(arm, only)) for arm in members}
        for members, only in zip(several, shared, strict=True)
    ]
    at = sorted({value for only in shared if only for value in only if value is not None})
    return Effect(
        axis=axis,
        values=values,
        spans=_spans(compared),
        entailed=_entailed(several, axis=axis, values=values, search=search),
        compared_at=tuple(map(value_text, at)),
        n_apart=sum(only is not None and not only for only in shared),
    )


def _of_search(key: str, arms: Sequence[Arm]) -> Effect | None:
    tried = [[setting for setting in arm.settings if _accuracies(setting)] for arm in arms]
    several = [settings for settings in tried if len(settings) > 1]
    if not several:
        return None
    return Effect(
        axis=key,
        values=tuple(value_text(v) for v in sorted({s.value or 0.0 for each in several for s in each})),
        spans=_spans([{value_text(s.value): _accuracies(s) for s in settings} for settings in several]),
    )


def _accuracies(setting: Setting) -> tuple[float, ...]:
    """Test accuracy by seed; zeros where every run that ended diverged, nothing where none did."""
    if setting.test is not None:
        return setting.test.values
    return () if setting.results else (0.0,) * setting.n_diverged


def _shared_values(members: Sequence[Arm]) -> set[float | None] | None:
    """The searched values that all arms were tried at; None where all were tried at the same ones."""
    tried = [{setting.value for setting in arm.settings if _accuracies(setting)} for arm in members]
    return None if all(each == tried[0] for each in tried) else set.intersection(*tried)


def _best_of(arm: Arm, only: Collection[float | None] | None) -> Setting:
    """Its best setting, among those given if there are any."""
    settings = [setting for setting in arm.settings if setting.value in (only or ())]
    return max(settings, key=lambda setting: (setting.is_eligible, setting.score)) if settings else arm.best


def _spans(compared: Sequence[Mapping[str, Sequence[float]]]) -> tuple[Span, ...]:
    """A span for each surrounding, given the accuracies at each value; the spread of seeds is that of all."""
    samples = [values for each in compared for values in each.values() if len(values) > 1 and any(values)]
    freedom = sum(len(values) - 1 for values in samples)
    spread = math.sqrt(sum(variance(values) * (len(values) - 1) for values in samples) / max(freedom, 1))
    return tuple(_span(each, spread=spread, freedom=freedom) for each in compared)


def _span(accuracies: Mapping[str, Sequence[float]], *, spread: float, freedom: int) -> Span:
    means = {value: fmean(values) for value, values in accuracies.items()}
    at, k = max(means, key=lambda value: means[value]), len(means)
    error = spread * math.sqrt(fmean(1 / len(values) for values in accuracies.values()))
    return Span(
        lowest=min(means.values()),
        highest=means[at],
        at=at,
        by_luck=expected_range(k) * error if freedom else None,
        reach=likely_range(k, freedom) * error if freedom else None,
    )


def _entailed(
    several: Sequence[Sequence[Arm]], *, axis: str, values: tuple[str, ...], search: str | None
) -> tuple[str, ...]:
    """What differs in every surrounding between the two values, less the axis and what is searched."""
    if len(values) != 2:
        return ()
    pairs = [
        sorted(members, key=lambda arm: values.index(value_text(arm.choices[axis]))) for members in several
    ]
    always = [differing(pair) for pair in pairs if len(pair) == 2]
    if not always:
        return ()
    shared = {key: both for key, both in always[0].items() if all(each.get(key) == both for each in always)}
    return tuple(f"{key}: {a} -> {b}" for key, (a, b) in shared.items() if key not in (axis, search))


def _spelled(arm: Arm) -> dict[str, str]:
    """The values of its config as text; of a target the last word."""
    return {
        key: _word(canonical(value)) if key.endswith("_target_") else canonical(value).removesuffix(".0")
        for key, value in leaves(meaning(arm.config))
    }


def _word(target: str) -> str:
    return target.rpartition(".")[2]
