"""A config file that is small on the disk and huge in memory, or huge on the disk, is not read at all."""

import time
from pathlib import Path

import pytest

from mad.door.compose import composed
from mad.report.reading import MOST_BYTES
from tests.door.test_compose import FILES

MOST_SECONDS = 0.1

LEVELS = range(1, 9)

BOMBS = {
    "lists": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in LEVELS),
    "mappings": "a0: &a0 {x: 1, y: 2}\n"
    + "".join(f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}\n" for n in LEVELS),
    "itself": "a: &a [*a, *a]\n",
    "too large": "# " + "x" * MOST_BYTES + "\na: 1\n",
}

PLACES = ["config.yaml", "experiment/001-wide.yaml", "task/mqar.yaml"]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small folder of config files."""
    for name, text in FILES.items():
        (tmp_path / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / name).write_text(text)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path / "conf"


def seconds_of_refusal(conf: Path, *, expected: str) -> float:
    """Of this process's own time: another that is busy beside it does not count."""
    begun = time.process_time()
    with pytest.raises(ValueError, match=expected):
        composed(["experiment=001-wide"], multirun=False, conf=conf)
    return time.process_time() - begun


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bomb", BOMBS)
def test_it_is_refused_at_once_and_named(conf: Path, place: str, bomb: str) -> None:
    composed(["experiment=001-wide"], multirun=False, conf=conf)  # what Hydra imports and does on the way
    begun = time.process_time()
    composed(["experiment=001-wide"], multirun=False, conf=conf)
    harmless = time.process_time() - begun
    file = conf / place
    file.write_text(f"{file.read_text()}\n{BOMBS[bomb]}")
    assert seconds_of_refusal(conf, expected=str(file)) < harmless + MOST_SECONDS


def test_a_file_of_another_folder_is_none_of_the_configs(conf: Path) -> None:
    (conf.parent / "elsewhere.yaml").write_text("a: 1\n")
    with pytest.raises(ValueError, match=r"lies outside of|there is no"):
        composed(["experiment=../../elsewhere"], multirun=False, conf=conf)
