"""Whatever has become of a file, it is read as it was written, or refused by name, and in bounded time."""

from pathlib import Path

import pytest

from tests.cases import Cases
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.trying import refused

ANY_TEXT = ("decision.md", "experiment-log.md")
"""What a person writes, whatever it says."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_broken_file_is_refused_by_name(reader: Reader, tmp_path: Path, cases: Cases) -> None:
    assert refused(reader, tmp_path, cases=cases) or reader.name in ANY_TEXT
