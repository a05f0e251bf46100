"""What people read is what the code and the records say; `scripts/golden` writes it again."""

from pathlib import Path

import pytest

from tests.goldens import GOLDEN


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_the_file_says_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GOLDEN[path](), "run scripts/golden and review the difference"
