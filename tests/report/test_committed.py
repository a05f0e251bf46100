"""The committed reports say what the committed records say."""

import re
from pathlib import Path

import pytest

from mad.report.pages.publish import check
from mad.report.result import Result

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.name for path in (ROOT / "experiments").glob("[0-9][0-9][0-9]-*"))


@pytest.mark.parametrize("name", FOLDERS)
def test_the_pages_say_what_the_records_say(name: str) -> None:
    assert check(name, root=ROOT) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_every_record_was_made_by_one_committed_state_of_the_code(name: str) -> None:
    results = [
        Result.from_json(file.read_text(encoding="utf-8"))
        for file in (ROOT / "experiments" / name / "runs").glob("*/result.json")
    ]
    assert results
    assert len({result.code for result in results}) == 1
    for result in results:
        assert result.stamp["dirty"] is False, result.run_id
        assert re.fullmatch("[0-9a-f]{40}", result.stamp["commit"]), result.run_id


def test_the_log_has_an_entry_for_each_experiment() -> None:
    log = (ROOT / "experiments/experiment-log.md").read_text(encoding="utf-8")
    assert [name for name in FOLDERS if f"{name}, sweep" not in log] == []
