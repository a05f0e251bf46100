"""What several charts draw alike."""

from collections.abc import Callable

from mad.report.judging.intervals import Interval
from mad.report.pages.frame import Frame
from mad.report.pages.svg import Point, Svg, line


def whisker(interval: Interval, at: Callable[[float], Point]) -> list[Svg]:
    """The interval's line, given where an accuracy lies; nothing for one value, which has no spread."""
    if interval.low is None or interval.high is None:
        return []
    return [line(at(interval.low), at(interval.high), classes="whisker")]


def upright(frame: Frame, x: float) -> Callable[[float], Point]:
    """Where accuracies lie above ``x``."""
    return lambda value: (x, frame.y.place(value))
