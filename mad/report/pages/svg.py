"""Drawings as text: the few SVG elements that charts need, with everything foreign escaped.

Colours and line styles are not written here but in the page's style sheet, by class, so that one drawing
serves light, dark and paper.
"""

import html
import math
import sys
from collections.abc import Mapping, Sequence
from typing import NewType

from mad.report.pages.wording import plain, shortened

Svg = NewType("Svg", str)
"""Finished SVG. Only this module makes one out of plain text."""

Point = tuple[float, float]

FONT_SIZE = 11.5
CHARACTER = 0.56 * FONT_SIZE
"""The width of an average letter."""

N_COLOURS = 8
_A, _B = 0.42, 1.2
OUTLINES: dict[str, Sequence[Point]] = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "triangle": [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
    "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
    "plus": [
        *[(-_A, -_B), (_A, -_B), (_A, -_A), (_B, -_A), (_B, _A), (_A, _A)],
        *[(_A, _B), (-_A, _B), (-_A, _A), (-_B, _A), (-_B, -_A), (-_A, -_A)],
    ],
    "wedge": [(0, 1.15), (1.1, -0.85), (-1.1, -0.85)],
    "hourglass": [(-1, -1), (1, -1), (-1, 1), (1, 1)],
}
"""The shapes' corners for a mark of size 1."""

SHAPES = ("circle", *OUTLINES)
"""Seven shapes and eight colours: the first 56 arms differ in one or the other."""


def drawing(width: float, height: float, *, title: str, parts: Sequence[Svg]) -> Svg:
    """A whole drawing that is as wide as the place it is put in."""
    attributes = {
        "viewBox": f"0 0 {_number(width)} {_number(height)}",
        "role": "img",
        "aria-label": plain(title),
    }
    return tag("svg", attributes, parts)


def tag(name: str, attributes: Mapping[str, str | float], parts: Sequence[Svg] = ()) -> Svg:
    """One element; the values of its attributes are escaped, its parts are SVG already."""
    written = "".join(f' {key}="{_value(value)}"' for key, value in attributes.items())
    return Svg(f"<{name}{written}>{''.join(parts)}</{name}>" if parts else f"<{name}{written}/>")


def group(classes: str, parts: Sequence[Svg]) -> Svg:
    """Elements that share a style."""
    return tag("g", {"class": classes}, parts)


def label(text: object, at: Point, *, classes: str = "", longest: int = 60) -> Svg:
    """Text, foreign or not; what is shortened is given in full to whoever points at it."""
    line = plain(text)
    shown = shortened(line, longest=longest)
    full = [tag("title", {}, [_escaped(line)])] if shown != line else []
    attributes: dict[str, str | float] = {"x": at[0], "y": at[1]}
    if classes:
        attributes["class"] = classes
    return tag("text", attributes, [*full, _escaped(shown)])


def note(text: object) -> Svg:
    """What is shown when one points at the element that this is a part of."""
    return tag("title", {}, [_escaped(plain(text))])


def line(first: Point, last: Point, *, classes: str) -> Svg:
    """A straight line."""
    places = {"x1": first[0], "y1": first[1], "x2": last[0], "y2": last[1]}
    return tag("line", {"class": classes, **places})


def path(points: Sequence[Point], *, classes: str) -> Svg:
    """A line through points; one point alone is a dot."""
    if not points:
        return Svg("")
    if len(points) == 1:
        return dot(points[0], classes=classes)
    steps = " ".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return tag("path", {"class": classes, "d": f"M{steps}"})


def dot(at: Point, *, classes: str, radius: float = 2) -> Svg:
    """A small disc."""
    return tag("circle", {"class": classes, "cx": at[0], "cy": at[1], "r": radius})


def marker(index: int, at: Point, *, size: float = 4.5, parts: Sequence[Svg] = ()) -> Svg:
    """The mark of arm number ``index``: its shape, and by class its colour."""
    (x, y), s = at, size
    classes = f"mark {colour(index)}"
    shape = SHAPES[index % len(SHAPES)]
    if shape == "circle":
        return tag("circle", {"class": classes, "cx": x, "cy": y, "r": s}, parts)
    steps = " ".join(f"{_number(x + s * dx)} {_number(y + s * dy)}" for dx, dy in OUTLINES[shape])
    return tag("path", {"class": classes, "d": f"M{steps}Z"}, parts)


def colour(index: int) -> str:
    """The class that colours arm number ``index``."""
    return f"k{index % N_COLOURS}"


def fitting(width: float) -> int:
    """How many letters fit into a width."""
    return max(int(width / CHARACTER), 1)


def _escaped(text: str) -> Svg:
    return Svg(html.escape(text, quote=True))


def _value(value: str | float) -> str:
    """Never shortened: half a path is another line."""
    return (
        html.escape(plain(value, longest=sys.maxsize), quote=True)
        if isinstance(value, str)
        else _number(value)
    )


def _number(value: float) -> str:
    """A place to a tenth of a unit, without what does not show."""
    assert math.isfinite(value), value
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
