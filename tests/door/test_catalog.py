"""Help and lists are true to what there is."""

import re
import shlex
from pathlib import Path

import pytest

from mad.run import main

CONF = Path(__file__).parents[2] / "conf"


def test_help_shows_usage_examples_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "mad model=cos_log_linear task=mqar" in shown
    assert "groups: model, memory, features, task, trainer" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_list_names_every_choice_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    for group in ("model", "memory", "features", "task", "trainer"):
        for file in sorted((CONF / group).glob("[!_]*.yaml")):
            assert re.search(rf"^  {file.stem} +\S.+", shown, re.MULTILINE), file
    assert "  _base" not in shown
    assert "@package" not in shown


def test_every_example_of_the_help_can_be_composed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    examples = capsys.readouterr().out.partition("examples\n")[2].partition("\n\n")[0]
    for line in examples.splitlines():
        words = shlex.split(re.split(r"\s{2,}", line.strip())[0])
        assert main([*words[1:], "--dry-run"]) == 0, line
