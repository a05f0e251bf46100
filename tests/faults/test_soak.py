"""The table of faults says what pytest reports, and a line that was not tried is never a good one."""

from pathlib import Path

import pytest

from tests.faults.lines import LINES, Line
from tests.faults.soak import Tally, counts, page, tried

ROOT = Path(__file__).parents[2]

REPORT = """<testsuites><testsuite>
<testcase name="plain"/>
<testcase name="counts"><properties>
  <property name="tried" value="5"/><property name="survived" value="5"/></properties></testcase>
<testcase name="fails after"><properties>
  <property name="tried" value="3"/><property name="survived" value="3"/></properties><failure/></testcase>
<testcase name="fails"><failure/></testcase>
<testcase name="breaks"><error/></testcase>
<testcase name="skips"><skipped/></testcase>
</testsuite></testsuites>"""


def line(*tests: str, minutes: float = 1) -> Line:
    return Line(number=1, fault="a fault", unit="cases", small=2, full=4, tests=tests, minutes=minutes)


def test_what_failed_is_lost_and_what_was_skipped_is_not_tried(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    assert counts(tmp_path / "report.xml") == (1 + 5 + 3 + 1 + 1, 1 + 5 + 2, 1)


@pytest.mark.parametrize(
    "tried, survived, n_skipped, is_good",
    [(2, 2, 0, True), (2, 1, 0, False), (1, 1, 0, False), (3, 3, 1, False)],
)
def test_a_line_is_good_if_all_was_tried_and_nothing_lost(
    tried: int, survived: int, n_skipped: int, is_good: bool
) -> None:
    tally = Tally(line=line(), wanted=2, tried=tried, survived=survived, n_skipped=n_skipped)
    assert tally.is_good == is_good
    assert ("nothing was lost" in page([tally], seconds=60, is_full=True)) == is_good


@pytest.mark.parametrize("limit", [0.0, 0.01])
def test_a_line_without_time_is_not_tried(tmp_path: Path, limit: float) -> None:
    wanted = line("tests/faults/test_soak.py", minutes=limit / 60)
    tally = tried(wanted, is_full=True, until=float("inf"), report=tmp_path / "report.xml")
    assert (tally.tried, tally.not_tried, tally.is_good) == (0, 4, False)


def test_a_line_whose_tests_are_not_there_is_not_tried(tmp_path: Path) -> None:
    gone = line("tests/faults/test_gone.py")
    tally = tried(gone, is_full=False, until=float("inf"), report=tmp_path / "report.xml")
    assert not tally.is_good


def test_the_list_is_whole_and_its_tests_are_there() -> None:
    assert [line.number for line in LINES] == list(range(1, 25))
    for line in LINES:
        for test in line.tests:
            file, _, name = test.partition("::")
            assert (ROOT / file).exists()
            assert not name or f"def {name}" in (ROOT / file).read_text()
            assert line.full >= line.small > 0
