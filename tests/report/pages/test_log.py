from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from mad.report.pages.log import append, decision_entry, sweep_entry
from tests.report.pages.examples import evidence_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_an_entry_says_what_was_run_what_came_out_and_what_it_cost() -> None:
    entry = sweep_entry(evidence_of(), at=NOON)
    assert entry.startswith("## 2026-11-24 12:00 UTC: 008-cosine-log-linear, sweep\n")
    for words in ("52 runs finished, 2 without a result", "verdict: **ABANDON**", "cos_log_linear: 90.9 %"):
        assert words in entry
    assert "estimated" in entry
    assert "(./008-cosine-log-linear/report.md)" in entry


def test_an_experiment_in_which_everything_failed_is_an_entry_as_well(tmp_path: Path) -> None:
    evidence = evidence_of()
    failed = replace(evidence, results=(), arms=())
    assert append(tmp_path / "log.md", sweep_entry(failed, at=NOON))
    assert "Status: failed" in (tmp_path / "log.md").read_text()


def test_what_stands_in_the_log_is_never_changed(tmp_path: Path) -> None:
    log, evidence = tmp_path / "log.md", evidence_of()
    append(log, sweep_entry(evidence, at=NOON))
    log.write_text(log.read_text() + "\nA remark   by hand.\n")
    before = log.read_text().partition("\n---\n")[2]
    append(log, decision_entry(evidence, "# PROCEED\n\nBecause.", at=NOON + timedelta(days=1)))
    assert log.read_text().partition("\n---\n")[2].startswith(before.rstrip())


def test_an_entry_that_repeats_the_last_one_is_not_added(tmp_path: Path) -> None:
    log, evidence = tmp_path / "log.md", evidence_of()
    assert append(log, sweep_entry(evidence, at=NOON))
    assert append(log, decision_entry(evidence, "PROCEED", at=NOON))
    before = log.read_bytes()
    assert not append(log, sweep_entry(evidence, at=NOON + timedelta(hours=1)))
    assert log.read_bytes() == before
    assert append(log, sweep_entry(replace(evidence, verdict="DEBUG"), at=NOON + timedelta(hours=1)))
    assert append(log, decision_entry(evidence, "ABANDON", at=NOON + timedelta(hours=2)))


def test_the_front_matter_counts(tmp_path: Path) -> None:
    log, evidence = tmp_path / "log.md", evidence_of()
    append(log, sweep_entry(evidence, at=NOON))
    append(log, decision_entry(evidence, "PROCEED", at=NOON + timedelta(minutes=90)))
    front = next(yaml.safe_load_all(log.read_text()))
    assert (front["experiments"], front["sweeps"], front["decisions"]) == (1, 1, 1)
    assert str(front["timestamp"]).startswith("2026-11-24 13:30")


def test_writers_at_the_same_time_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    log, evidence = tmp_path / "log.md", evidence_of()
    entries = [decision_entry(evidence, f"decision {number}", at=NOON) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda entry: append(log, entry), entries))
    assert all(entry in log.read_text() for entry in entries)
    assert [file.name for file in tmp_path.iterdir()] == ["log.md"]
