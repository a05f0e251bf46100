"""Names become folders in one place: what could lead elsewhere is made harmless there, or refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mad.report.record import RunFolder, results_folder
from mad.run import main
from tests.results import small_config

NAMES = [
    "../../x",
    "/etc/x",
    "..",
    ".",
    "",
    "a/b",
    "a\0b",
    "a\nb",
    "x" * 300,
    "-rf",
    "~",
    "$(touch marker)",
    "%2e%2e%2fx",
    "..\\..\\x",
    "008-\u202egnp",
    "008-../../x",
]

IDS = [repr(name)[:20] for name in NAMES]

named = pytest.mark.parametrize("name", NAMES, ids=IDS)


def by_target(config: dict[str, Any], name: str) -> None:
    config["model"]["_target_"] = config["task"]["_target_"] = f"mad.{name}"


def by_nested_target(config: dict[str, Any], name: str) -> None:
    memory = {"_target_": name, "features": {"_target_": name}}
    config["model"]["mixer"] = {"_target_": name, "memory": memory}


def by_seed(config: dict[str, Any], name: str) -> None:
    config["seed"] = name


@named
@pytest.mark.parametrize("give", [by_target, by_nested_target, by_seed])
def test_a_run_lies_in_the_results_folder(
    tmp_path: Path, name: str, give: Callable[[dict[str, Any], str], None]
) -> None:
    config = small_config(tmp_path / "results")
    give(config, name)
    folder = RunFolder.of(config)
    assert folder.path.resolve().parent == (tmp_path / "results").resolve()
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_-]{1,99}", folder.name)
    with folder.claim(config):
        assert [path.name for path in tmp_path.iterdir()] == ["results"]


@named
def test_an_experiment_of_such_a_name_is_refused(tmp_path: Path, name: str) -> None:
    config = small_config(tmp_path) | {"results": None, "experiment": {"name": name or "/"}}
    with pytest.raises(ValueError, match=r"experiment\.name expects three digits and a short name"):
        results_folder(config)


@named
@pytest.mark.parametrize("verb", ["new", "report", "show", "collect", "compare", "experiment"])
def test_a_command_refuses_it_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, name: str
) -> None:
    here = tmp_path / "deep/here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    words = ["--dry-run", f"experiment={name or '/'}"] if verb == "experiment" else [verb, name or "/"]
    assert exit_code(words) != 0
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "deep",
        "deep/here",
    ]


def exit_code(words: list[str]) -> int:
    """Of a command line, also where the parser of its words gives up."""
    try:
        return main(words)
    except SystemExit as end:
        return int(end.code or 0)
