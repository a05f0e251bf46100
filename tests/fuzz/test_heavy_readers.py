"""A broken checkpoint, journal or config file is refused by name, or the one before it is used."""

from pathlib import Path

import pytest

from tests.cases import Cases
from tests.faults.lines import MUTATIONS
from tests.fuzz.heavy_readers import CHECKPOINTS, CONFIGS, JOURNAL
from tests.fuzz.readers import Reader
from tests.fuzz.trying import refused


@pytest.mark.parametrize("reader", CHECKPOINTS, ids=lambda reader: reader.name)
def test_a_broken_checkpoint_is_never_taken_for_sound(reader: Reader, tmp_path: Path, cases: Cases) -> None:
    (tmp_path / "run").mkdir()
    assert refused(reader, tmp_path / "run", cases=cases) == 0, "the one before it serves"


def test_a_broken_journal_is_refused_by_name(tmp_path: Path, cases: Cases) -> None:
    pytest.importorskip("optuna", reason='needs pip install "mad[hpo]"')
    assert refused(JOURNAL, tmp_path, cases=cases)


@pytest.mark.parametrize("reader", CONFIGS, ids=lambda reader: reader.name)
def test_a_broken_config_file_is_composed_or_refused(reader: Reader, tmp_path: Path, cases: Cases) -> None:
    assert refused(reader, tmp_path, cases=cases, n=MUTATIONS // len(CONFIGS))
