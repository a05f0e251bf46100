"""The pages of an experiment say the same, to the byte, wherever they are made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import Cases
from tests.conf import CONF
from tests.faults.lines import count
from tests.report.pages.test_pages import NAME, root

__all__ = ["root"]

PLACES = [
    {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "PYTHONHASHSEED": "2"},
    {"LC_ALL": "POSIX", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "nowhere.ISO-8859-1", "TZ": "Nowhere/Nothing"},
    {"LANG": "tr_TR.UTF-8", "TZ": "Pacific/Pago_Pago", "PYTHONHASHSEED": "3"},
    {"LC_ALL": "C", "TZ": "", "PYTHONOPTIMIZE": "1"},
    {"COLUMNS": "20", "NO_COLOR": "1", "TERM": "dumb", "TZ": "Europe/Berlin"},
]

PAGES = ["report.md", "report.html", "reports.jsonl"]


def pages_of(root: Path, place: dict[str, str]) -> dict[str, bytes]:
    """What the command writes there, twice: the second time nothing changes."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "TZ", "PYTHON"))
    }
    environment = {**plain, **place, "PYTHONPATH": str(CONF.parent)}
    for _ in range(2):
        command = [sys.executable, "-m", "mad.report", "008"]
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
    return {name: (root / "experiments" / NAME / name).read_bytes() for name in PAGES}


@pytest.fixture
def spoken(root: Path) -> Path:
    """The same experiment, with a decision in letters that are not ASCII."""
    decision = "PROCEED: le naïf n'a rien trouvé, 5 µs à 20 °C → plus tard. 決定\n"
    (root / "experiments" / NAME / "decision.md").write_text(decision, encoding="utf-8")
    return root


def test_a_report_is_the_same_whatever_the_locale_the_time_zone_and_the_hash_seed(
    spoken: Path, tmp_path_factory: pytest.TempPathFactory, cases: Cases
) -> None:
    found = []
    for place in PLACES[: count(19)]:
        copy = tmp_path_factory.mktemp("place") / "root"
        shutil.copytree(spoken, copy)
        with cases.of():
            found.append(pages_of(copy, place))
            assert found[-1] == found[0]
    assert "決定".encode() in found[0]["report.html"]
