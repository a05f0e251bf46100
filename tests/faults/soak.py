"""Does every line of the list of faults, in full, and says what was lost: ``scripts/soak``.

What was tried is what pytest reports: of each test that it ran, the cases that the test counted, or else the
test itself. What was skipped, or did not come to its end in time, was not tried.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

from mad.report.atomic import write_atomically
from tests.faults.lines import LINES, Line

ROOT = Path(__file__).parents[2]

MOST_MINUTES = 60
"""For everything; what has not begun by then is not tried."""

AT_ONCE = 2

COLUMNS = ("line", "fault", "counted", "wanted", "tried", "survived", "lost", "not tried", "seconds")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of one line."""

    line: Line
    wanted: int
    tried: int = 0
    survived: int = 0
    n_skipped: int = 0
    seconds: float = 0.0
    said: str = ""
    """The end of what pytest said."""

    @property
    def lost(self) -> int:
        """What was tried and not survived."""
        return self.tried - self.survived

    @property
    def not_tried(self) -> int:
        """What is missing from the count, or was skipped."""
        return max(self.wanted - self.tried, self.n_skipped)

    @property
    def is_good(self) -> bool:
        """Whether all was tried and nothing lost."""
        return not self.lost and not self.not_tried

    def row(self) -> list[str]:
        """As the table shows it."""
        counts = (self.wanted, self.tried, self.survived, self.lost, self.not_tried)
        shown = [f"{number:,}" for number in counts]
        return [str(self.line.number), self.line.fault, self.line.unit, *shown, f"{self.seconds:.0f}"]


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns 1 if anything was lost or not tried."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Does every fault of the list.")
    parser.add_argument("--small", action="store_true", help="the small counts that every change passes")
    parser.add_argument("--only", type=int, nargs="+", help="these lines of the list")
    parser.add_argument("--out", type=Path, help="the page to write, such as docs/soak.md")
    given = parser.parse_args(words)
    lines = [line for line in LINES if not given.only or line.number in given.only]
    begun = time.monotonic()
    tallies = done(lines, is_full=not given.small, until=begun + 60 * MOST_MINUTES)
    seconds = time.monotonic() - begun
    for tally in tallies:
        if not tally.is_good:
            print(f"\nline {tally.line.number}: {tally.line.fault}\n{tally.said}")
    Console(width=None if sys.stdout.isatty() else 160).print(table(tallies))
    print(f"{seconds / 60:.1f} minutes on {machine()}")
    if given.out:
        write_atomically(given.out, page(tallies, seconds=seconds, is_full=not given.small))
    return 0 if all(tally.is_good for tally in tallies) else 1


def done(lines: Sequence[Line], *, is_full: bool, until: float) -> list[Tally]:
    """The lines, the longest first and two at a time, in the order of the list."""
    by_length = sorted(lines, key=lambda line: -line.minutes)
    with ThreadPoolExecutor(AT_ONCE) as pool, tempfile.TemporaryDirectory() as folder:

        def one(line: Line) -> Tally:
            tally = tried(line, is_full=is_full, until=until, report=Path(folder, f"{line.number}.xml"))
            state = "survived" if tally.is_good else "LOST"
            print(f"line {line.number}: {state}, {tally.seconds:.0f} s", flush=True)
            return tally

        tallies = list(pool.map(one, by_length))
    return sorted(tallies, key=lambda tally: tally.line.number)


def tried(line: Line, *, is_full: bool, until: float, report: Path) -> Tally:
    """Runs the tests of a line in a process of their own, as long as it may take, and reads their report."""
    begun = time.monotonic()
    limit = min(60 * line.minutes, until - begun)
    said = (
        tests_run(line, is_full=is_full, report=report, limit=limit)
        if limit > 0
        else "there was no time left"
    )
    wanted, seconds = line.full if is_full else line.small, time.monotonic() - begun
    if not report.exists():
        return Tally(line=line, wanted=wanted, seconds=seconds, said=said)
    n_tried, n_survived, n_skipped = counts(report)
    return Tally(
        line=line,
        wanted=wanted,
        tried=n_tried,
        survived=n_survived,
        n_skipped=n_skipped,
        seconds=seconds,
        said=said,
    )


def tests_run(line: Line, *, is_full: bool, report: Path, limit: float) -> str:
    """Runs pytest; returns the end of what it said. One that is late is killed with all that it started."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--tb=short"]
    command += ["-o", "junit_family=xunit1"]  # the family that has a place for what a test counted
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MAD_SOAK": "1" if is_full else "0"}
    process = subprocess.Popen(
        [*command, f"--junitxml={report}", *line.tests],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said = f"{process.communicate()[0]}\nkilled after {limit:.0f} s"
    return said[-4000:]


def counts(report: Path) -> tuple[int, int, int]:
    """Cases that were tried, and survived, and tests that were skipped, of a report of pytest's in XML."""
    n_tried = n_survived = n_skipped = 0
    for test in ElementTree.parse(report).iter("testcase"):
        outcomes = {part.tag for part in test}
        told = {part.get("name"): int(str(part.get("value"))) for part in test.iter("property")}
        if "skipped" in outcomes:
            n_skipped += 1
            continue
        has_failed = bool(outcomes & {"failure", "error"})
        here = max(told.get("tried", 1), int(has_failed))
        n_tried += here
        n_survived += min(told.get("survived", here), here - 1) if has_failed else told.get("survived", here)
    return n_tried, n_survived, n_skipped


def table(tallies: Sequence[Tally]) -> Table:
    """For the terminal; what was lost, or not tried, is red."""
    shown = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        shown.add_column(name, justify="left" if name in ("fault", "counted") else "right")
    for tally in tallies:
        shown.add_row(*tally.row(), style="" if tally.is_good else "bold red")
    return shown


def page(tallies: Sequence[Tally], *, seconds: float, is_full: bool) -> str:
    """The page for the record, in Markdown."""
    n_bad = sum(not tally.is_good for tally in tallies)
    counted = "the full counts" if is_full else "the small counts"
    rows = [f"| {' | '.join(tally.row())} |" for tally in tallies]
    verdict = "nothing was lost" if not n_bad else f"**{n_bad} lines were lost or not tried**"
    return "\n".join(
        [
            "# What it survives",
            "",
            "Made by `scripts/soak --out docs/soak.md`; the list with its counts is `tests/faults/lines.py`.",
            "A case that was skipped, or whose test did not come to its end, was not tried.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {machine()}: {counted} in {seconds / 60:.0f} "
            f"minutes, {AT_ONCE} lines at a time; {verdict}.",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---:|---|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
        ]
    )


def machine() -> str:
    """What it runs on, without the names of host and user."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def commit() -> str:
    """Which state of the code this is."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
