"""The charts of a report: pure functions from evidence to drawings, the same to the byte each time.

Each drawing is made for a width of 300 to 400 units, so that its letters can be read on a telephone and are
not huge on a desk. What belongs to one arm has the arm's colour and mark everywhere.
"""

from collections.abc import Mapping, Sequence

from mad.report.judging.evidence import Arm
from mad.report.judging.intervals import Interval
from mad.report.pages.chart_parts import upright, whisker
from mad.report.pages.frame import BOUNDS, Axis, Frame, log_ticks, spaced
from mad.report.pages.svg import Svg, colour, dot, drawing, fitting, group, label, line, marker, note, path
from mad.report.pages.wording import percent, spread

WIDE, NARROW = 360.0, 300.0
"""The widths of a chart that stands alone and of one among several."""

ROW = 40.0

NAMES = 48.0
"""Room for the names of the bounds before the smallest state."""


def accuracy_chart(arms: Sequence[Arm]) -> Svg:
    """A row for each arm: its mean, its interval, every seed, and the task's bounds."""
    tests = [arm.best.test for arm in arms]
    return _rows(arms, tests, width=WIDE, title="Test accuracy", bounds=common_bounds(arms))


def cell_chart(arms: Sequence[Arm], *, cell: str) -> Svg:
    """The same for one evaluation cell, narrower, with its name above; bounds are those of the arms' task."""
    tests = [arm.cells.get(cell) for arm in arms]
    return _rows(arms, tests, width=NARROW, title=f"Test accuracy, {cell}", bounds=common_bounds(arms))


def state_chart(arms: Sequence[Arm]) -> Svg:
    """Test accuracy against the state's size, for the arms that have both; names stand at the right."""
    known = [(index, arm, arm.state_floats, arm.best.test) for index, arm in enumerate(arms)]
    points = [(index, arm, size, test) for index, arm, size, test in known if size and test]
    sizes = [float(size) for _, _, size, _ in points] or [1.0]
    height = max(190.0, 13.0 * len(points))
    x = _sizes_axis(min(sizes), max(sizes))
    frame = Frame(x=x, y=Axis(first=0, last=1, start=height + 14, stop=14))
    at = [frame.at(size, test.mean) for _, _, size, test in points]
    names = spaced([y for _, y in at], gap=13, low=14, high=height + 14)
    parts = []
    for (index, arm, size, test), (px, py), beside in zip(points, at, names, strict=True):
        told = note(f"{spread(test)} at {size:,} floats")
        lead = path([(px, py), (x.stop + 6, beside), (x.stop + 12, beside)], classes="lead")
        name = label(arm.name, (x.stop + 15, beside + 4), longest=fitting(WIDE - x.stop - 17))
        interval = whisker(test, upright(frame, px))
        parts += [group(colour(index), [lead, *interval, marker(index, (px, py), parts=[told]), name])]
    ticks = log_ticks(x.first, x.last) or {sizes[0]: f"{sizes[0]:,.0f}"}
    lower = label("state floats", ((x.start + x.stop) / 2, height + 46), classes="middle small")
    everything = [frame.shares(), frame.numbers(ticks), lower, *_lines(frame, arms), *parts]
    return drawing(WIDE, height + 52, title="Test accuracy against the size of the state", parts=everything)


def common_bounds(arms: Sequence[Arm]) -> Mapping[str, float | None]:
    """The bounds if they are the same for all arms: one line cannot stand for several tasks."""
    known = [dict(arm.bounds) for arm in arms if arm.bounds]
    return known[0] if known and all(bounds == known[0] for bounds in known) else {}


def _rows(
    arms: Sequence[Arm],
    tests: Sequence[Interval | None],
    *,
    width: float,
    title: str,
    bounds: Mapping[str, float | None],
) -> Svg:
    top = 28.0 if width == WIDE else 44.0
    bottom = top + ROW * len(arms)
    x = Axis(first=0, last=1, start=14, stop=width - 14)
    rows = [
        _row(index, arm, test, x=x, y=top + ROW * (index + 0.5) - 2)
        for index, (arm, test) in enumerate(zip(arms, tests, strict=True))
    ]
    name = label(title, (x.start, 14), classes="strong", longest=fitting(width - 40))
    head = [] if width == WIDE else [name]
    parts = [*_upright(x, top=top, bottom=bottom, bounds=bounds), *head, *rows]
    return drawing(width, bottom + 36, title=title, parts=parts)


def _row(index: int, arm: Arm, test: Interval | None, *, x: Axis, y: float) -> Svg:
    name = label(
        arm.name,
        (x.start, y - 5),
        classes="strong" if arm.role == "candidate" else "",
        longest=fitting(x.stop - x.start - 60),
    )
    value = label(percent(test.mean) if test else "no result", (x.stop, y - 5), classes="end")
    track = line((x.start, y + 6), (x.stop, y + 6), classes="track")
    if test is None:
        return group(colour(index), [track, name, value])
    seeds = [dot((x.place(seed), y + 14), classes="seed", radius=2.3) for seed in test.values]
    interval = whisker(test, lambda value: (x.place(value), y + 6))
    mean = marker(index, (x.place(test.mean), y + 6), parts=[note(spread(test))])
    return group(colour(index), [track, *interval, mean, *seeds, name, value])


def _upright(x: Axis, *, top: float, bottom: float, bounds: Mapping[str, float | None]) -> list[Svg]:
    """The lines of a chart whose accuracy runs from left to right, with the bounds named above."""
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = x.place(share)
        parts.append(line((at, top), (at, bottom), classes="grid"))
        anchor = "end" if share == 1 else "middle" if share else ""
        parts.append(label(f"{100 * share:.0f} %", (at, bottom + 15), classes=anchor))
    known = {name: bounds.get(key) for key, name in BOUNDS.items()}
    places = {name: x.place(value) for name, value in known.items() if value is not None}
    parts += [line((at, top - 4), (at, bottom), classes=f"bound {name}") for name, at in places.items()]
    names = spaced(list(places.values()), gap=42, low=x.start + 16, high=x.stop - 16)
    for name, at in zip(places, names, strict=True):
        parts.append(label(name, (at, top - 9), classes="middle small"))
    lower = label(
        "test accuracy; dots are seeds", ((x.start + x.stop) / 2, bottom + 30), classes="middle small"
    )
    return [group("axis", [*parts, lower])]


def _sizes_axis(smallest: float, largest: float) -> Axis:
    """An axis with room at its right end for a mark, and at its left one for the names of the bounds."""
    start, stop, last = 32.0, WIDE - 150, largest * 1.3
    first = smallest / (last / smallest) ** (NAMES / (stop - start - NAMES))
    return Axis(first=first, last=last, start=start, stop=stop, kind="log")


def _lines(frame: Frame, arms: Sequence[Arm]) -> list[Svg]:
    """The bounds with their names inside the frame: at its right are those of the arms."""
    known = common_bounds(arms)
    return [frame.bounds(known), frame.bound_names(known, inside=True)] if known else []
