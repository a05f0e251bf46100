"""The part of a report on cost: seconds, devices, dollars; estimated beside actual."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mad.progress import duration
from mad.report.judging.evidence import Evidence
from mad.report.pages.blocks import Paragraph, Section, Table, numbers, row, words
from mad.report.pages.wording import NOTHING, began, ended, plain
from mad.report.result import Result


def cost(evidence: Evidence) -> Section:
    """What was thought that it would cost, what it did cost, and where."""
    if not evidence.results:
        return Section("Cost", [_expected_alone(evidence)])
    expected, seconds = evidence.experiment.expected, [seconds_of(result) for result in evidence.results]
    usd = usd_of(evidence.results)
    minutes = NOTHING if expected.minutes is None else duration(60 * expected.minutes)
    table = Table(
        caption="Expected beside actual",
        columns=[*words("What"), *numbers("Expected", "Actual")],
        rows=[
            row("Time while any run was going", minutes, duration(elapsed(evidence.results))),
            row("Time of all runs together", NOTHING, duration(sum(seconds))),
            row("Longest run", NOTHING, duration(max(seconds))),
            row("Dollars", _usd(expected.usd), _usd(usd) if usd is not None else "0.00, no run was billed"),
        ],
    )
    return Section("Cost", [table, _devices(evidence.results)])


def elapsed(results: Iterable[Result]) -> float:
    """Seconds in which at least one of the runs was going, as their records say."""
    spans = sorted((first, last) for first, last in ((began(r), ended(r)) for r in results) if first and last)
    total, free = timedelta(), None
    for first, last in spans:
        begin: datetime = first if free is None else max(first, free)
        total += max(last - begin, timedelta())
        free = last if free is None else max(free, last)
    return total.total_seconds()


def usd_of(results: Iterable[Result]) -> float | None:
    """What the runs were billed at; None if none was."""
    billed = [result.cost.get("usd") for result in results]
    known = [usd for usd in billed if usd is not None]
    return sum(known) if known else None


def seconds_of(result: Result) -> float:
    """How long a run took, in all of its attempts."""
    return result.cost.get("seconds") or 0.0


def _expected_alone(evidence: Evidence) -> Paragraph:
    expected = evidence.experiment.expected
    minutes = "no time" if expected.minutes is None else duration(60 * expected.minutes)
    return Paragraph(f"Nothing was run yet. Expected: {minutes}, {_usd(expected.usd)} dollars.")


def _usd(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _devices(results: Sequence[Result]) -> Table:
    by_device: dict[str, list[Result]] = {}
    for result in results:
        by_device.setdefault(plain(result.stamp.get("device") or "not recorded"), []).append(result)
    return Table(
        caption="By device",
        columns=[
            *words("Device"),
            *numbers("Runs", "Seconds", "Seconds a run", "Peak memory (MB)", "Dollars"),
        ],
        rows=[
            row(
                device,
                str(len(runs)),
                f"{sum(map(seconds_of, runs)):,.0f}",
                f"{sum(map(seconds_of, runs)) / len(runs):,.0f}",
                _peak(runs),
                _usd(usd_of(runs)),
            )
            for device, runs in sorted(by_device.items())
        ],
    )


def _peak(runs: Iterable[Result]) -> str:
    known = [run.cost.get("peak_memory_bytes") for run in runs]
    peak = max((value for value in known if value), default=None)
    return NOTHING if peak is None else f"{peak / 1e6:,.0f}"
