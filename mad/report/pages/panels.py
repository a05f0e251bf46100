"""The charts that have a small panel for each arm: learning curves, and what was searched."""

from collections.abc import Mapping, Sequence
from typing import Literal

from mad.report.judging.evidence import Arm, Setting
from mad.report.pages.chart_parts import upright, whisker
from mad.report.pages.curves import Curve, Curves, thinned
from mad.report.pages.frame import Axis, Frame, steps_ticks
from mad.report.pages.svg import (
    Point,
    Svg,
    colour,
    dot,
    drawing,
    fitting,
    group,
    label,
    marker,
    note,
    path,
    tag,
)
from mad.report.pages.wording import TIMES, setting, spread

WIDTH, HEIGHT = 300.0, 196.0


def curve_charts(arms: Sequence[Arm], curves: Curves, *, steps: Sequence[int]) -> list[Svg]:
    """A panel for each arm: validation accuracy against steps, a line for each seed of its best setting.

    The other arms' lines stand behind it in grey. Every line is written once, in the first panel.
    """
    frame = _panel(Axis(first=0, last=max([*steps, 1]), start=32, stop=WIDTH - 48))
    frames = _Frames("curves", frame, ticks=steps_ticks(frame.x.last), axis="step")
    lines = [_lines(frame, arm, f"curves-of-{index}", curves, steps) for index, arm in enumerate(arms)]
    uses = [_use(f"curves-of-{index}") for index in range(len(arms))]
    every = [tag("defs", {}, lines), tag("g", {"id": "curves-behind", "class": "behind"}, uses)]
    return [
        drawing(
            WIDTH,
            HEIGHT,
            title=f"Learning curves of {arm.name}",
            parts=[
                *_title(arm, index),
                frames.of(arm),
                *(every if index == 0 else [_use("curves-behind")]),
                group(f"own {colour(index)}", [uses[index]]),
            ],
        )
        for index, arm in enumerate(arms)
    ]


def search_charts(arms: Sequence[Arm], *, name: str) -> list[Svg]:
    """A panel for each arm: validation accuracy against what was searched; the best value is ringed."""
    values = sorted({each.value for arm in arms for each in arm.settings if each.value is not None})
    ordinal = not values or values[0] <= 0
    places = {value: float(number) if ordinal else value for number, value in enumerate(values)}
    known = list(places.values()) or [0.0]
    kind: Literal["linear", "log"] = "linear" if ordinal else "log"
    first, last = _widened(known[0], known[-1], kind=kind)
    x = Axis(first=first, last=last, start=32, stop=WIDTH - 48, kind=kind)
    ticks = {place: setting(value) for value, place in places.items()}
    frames = _Frames("search", _panel(x), ticks=ticks, axis=name)
    return [
        drawing(
            WIDTH,
            HEIGHT,
            title=f"Validation accuracy of {arm.name} against {name}",
            parts=[
                *_title(arm, index),
                frames.of(arm),
                group(f"own {colour(index)}", _search_line(_panel(x), arm, index, places)),
            ],
        )
        for index, arm in enumerate(arms)
    ]


def _widened(first: float, last: float, *, kind: Literal["linear", "log"]) -> tuple[float, float]:
    """A range with room at both of its ends for what stands beside a point."""
    if kind == "log":
        factor = (last / first) ** 0.12 if last > first else 2.0
        return first / factor, last * factor
    room = 0.12 * (last - first) or 1.0
    return first - room, last + room


def _panel(x: Axis) -> Frame:
    return Frame(x=x, y=Axis(first=0, last=1, start=152, stop=34))


class _Frames:
    """Axes and bounds of the panels: written where they first occur, and used from there where they recur."""

    def __init__(self, name: str, frame: Frame, *, ticks: Mapping[float, str], axis: str) -> None:
        self._name, self._frame = name, frame
        middle = (frame.x.start + frame.x.stop) / 2
        lower = label(axis, (middle, 186), classes="middle small", longest=40)
        self._axes = [frame.shares(step=0.5), frame.numbers(ticks), lower]
        self._known: list[Mapping[str, float | None]] = []

    def of(self, arm: Arm) -> Svg:
        if arm.bounds in self._known:
            return _use(f"{self._name}-frame-{self._known.index(arm.bounds)}")
        self._known.append(arm.bounds)
        bounds = [self._frame.bounds(arm.bounds), self._frame.bound_names(arm.bounds)]
        return tag("g", {"id": f"{self._name}-frame-{len(self._known) - 1}"}, [*self._axes, *bounds])


def _use(name: str) -> Svg:
    return tag("use", {"href": f"#{name}"})


def _title(arm: Arm, index: int) -> list[Svg]:
    """The arm's name beside its mark."""
    name = label(arm.name, (23, 16), classes="strong", longest=fitting(WIDTH - 30))
    return [marker(index, (13, 12)), name]


def _lines(frame: Frame, arm: Arm, name: str, curves: Curves, steps: Sequence[int]) -> Svg:
    runs = (curves.get(run.run_id, ()) for run in arm.best.results)
    return tag("g", {"id": name}, [path(_places(frame, curve, steps), classes="line") for curve in runs])


def _places(frame: Frame, curve: Curve, steps: Sequence[int]) -> list[Point]:
    return [frame.at(step, value) for step, value in thinned(curve, steps) if value is not None]


def _search_line(frame: Frame, arm: Arm, index: int, places: Mapping[float, float]) -> list[Svg]:
    known = [(each, frame.x.place(places[each.value])) for each in arm.settings if each.value is not None]
    means = [(x, frame.y.place(each.validation.mean)) for each, x in known if each.validation]
    parts = [path(means, classes="line")]
    for each, x in known:
        parts += _search_point(frame, each, index, x=x, best=each is arm.best)
    return parts


def _search_point(frame: Frame, each: Setting, index: int, *, x: float, best: bool) -> list[Svg]:
    parts = []
    if each.validation:
        at = (x, frame.y.place(each.validation.mean))
        told = note(f"{setting(each.value)}: {spread(each.validation)}")
        parts += whisker(each.validation, upright(frame, x))
        parts += [dot(at, classes="ring", radius=7)] if best else []
        parts += [marker(index, at, size=4, parts=[told])]
        parts += [dot((x + 12, frame.y.place(seed)), classes="seed") for seed in each.validation.values]
    if each.n_lost:
        parts.append(label(f"{each.n_lost} {TIMES}", (x, frame.y.stop - 5), classes="middle failed"))
    return parts
