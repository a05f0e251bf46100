"""Numbers and foreign text as a report words them.

*Foreign* is all that comes from a record, a declaration or a person: whatever it holds, on a page it is text.
"""

import math
import unicodedata
from datetime import UTC, datetime, timedelta

from mad.report.judging.intervals import LEVEL, Interval
from mad.report.result import Result

NOTHING = "\N{EN DASH}"
"""Where there is no number."""

TIMES = "\N{MULTIPLICATION SIGN}"

LONGEST = 300
"""Characters of a foreign text that a page shows."""

_JOINERS = "\u200c\u200d"
"""Invisible, but words of some languages and many emoji are made with them."""


def plain(text: object, *, longest: int = LONGEST) -> str:
    """Foreign text in one line, shortened; what is invisible or steers a terminal is written as ``\\x1b``."""
    line = " ".join("".join(map(_visible, str(text))).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def plain_lines(text: str) -> str:
    """Foreign text of several lines, made visible in the same way."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(_visible(character) for character in line).rstrip() for line in lines)


def shortened(text: str, *, longest: int) -> str:
    """The text with its middle left out, so that endings that tell names apart stay."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}"


def percent(value: float | None) -> str:
    """A share of 1 as a percentage."""
    return NOTHING if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def points(difference: float) -> str:
    """A difference between two shares of 1."""
    return f"{100 * difference:.1f} points"


def quantity(value: float | None) -> str:
    """A number in four digits, a whole one in full."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def setting(value: float | None) -> str:
    """A learning rate, as it is typed: ``0.003``, ``3e-05``."""
    return NOTHING if value is None else f"{value:g}"


def spread(interval: Interval | None, *, share: bool = True, unit: str = "%") -> str:
    """A mean and its interval: ``97.9 % (95.8 to 100.0)``; a level other than 95 % is named.

    ``unit`` is that of a share: a difference between two is in points.
    """
    if interval is None:
        return NOTHING
    mean = f"{100 * interval.mean:.1f} {unit}" if share else quantity(interval.mean)
    if interval.low is None or interval.high is None:
        return f"{mean} (n = {interval.n})"
    low, high = (f"{100 * end:.1f}" if share else quantity(end) for end in (interval.low, interval.high))
    level = "" if abs(interval.level - LEVEL) < 1e-9 else f", at {100 * interval.level:.3g} %"
    return f"{mean} ({low} to {high}{level})"


def each(interval: Interval | None) -> str:
    """Every value of an accuracy: ``97.7 / 97.3 / 98.9``."""
    values = interval.values if interval else ()
    return " / ".join(f"{100 * value:.1f}" for value in values) or NOTHING


def count(n: int, one: str, several: str = "") -> str:
    """``1 run``, ``3 runs``."""
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def ended(result: Result) -> datetime | None:
    """When a run ended, as its record says: it never depends on when this is asked.

    An older record says only when its last attempt began, and how long all of them took.
    """
    if told := _time(result.stamp.get("ended")):
        return told
    started = began(result)
    return started + timedelta(seconds=result.cost.get("seconds") or 0.0) if started else None


def began(result: Result) -> datetime | None:
    """When a run's last attempt began, as its record says."""
    return _time(result.stamp.get("started"))


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def moment(time: datetime | None) -> str:
    """``2026-11-24 00:39 UTC``."""
    return NOTHING if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    kind = unicodedata.category(character)
    if kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and character not in _JOINERS):
        code = ord(character)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return character
