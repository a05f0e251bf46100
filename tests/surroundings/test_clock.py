"""A clock that steps backwards, or stands in another year, changes no result and stops no run."""

from pathlib import Path

import pytest

from tests.surroundings.small import WORDS, mad
from tests.surroundings.test_places import result_in

CLOCK = """
import datetime, itertools, time
steps = itertools.cycle({steps})
real, offset = time.time, [0.0]
def stepping():
    offset[0] += next(steps)
    return real() + offset[0]
class Stepping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(stepping(), tz)
time.time, datetime.datetime = stepping, Stepping
"""


@pytest.mark.parametrize(
    "steps", ["[-3600]", "[86400, -172800]", "[-1.7e9, 0]"], ids=["an hour back", "to and fro", "to 1972"]
)
def test_a_clock_that_steps_changes_no_result(steps: str, tmp_path: Path) -> None:
    for name, before in (("usual", ""), ("stepping", CLOCK.format(steps=steps))):
        (tmp_path / name).mkdir()
        done = mad(*WORDS, cwd=tmp_path / name, before=before)
        assert done.returncode == 0, done.stderr
    usual, stepping = (result_in(tmp_path / name / "runs") for name in ("usual", "stepping"))
    assert usual.determined() == stepping.determined()
    assert (stepping.cost["seconds"] or 0) > 0, "the time that it took is not the clock's"
    for verb in (["ls"], ["show", stepping.run_id]):
        shown = mad(*verb, cwd=tmp_path / "stepping")
        assert shown.returncode == 0, shown.stderr
