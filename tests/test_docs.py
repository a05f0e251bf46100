"""What the documents say is so: their commands are commands, and their recipe works word for word."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mad.browse.verbs import is_verb
from mad.run import main

ROOT = Path(__file__).parents[1]


def _blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _commands(document: str) -> list[list[str]]:
    lines = [line for block in _blocks(document, "sh") for line in block.splitlines()]
    parts = [part for line in lines for part in re.split(r" && |; ", line.partition(" #")[0])]
    return [shlex.split(part) for part in parts]


ASKED = [
    words[1:] if words[0] == "mad" else words[3:]
    for words in _commands("README.md")
    if words[0] == "mad" or words[1:3] == ["-m", "mad.run"]
]
RUNS = [words for words in ASKED if not is_verb(words)]
VERBS = [words for words in ASKED if is_verb(words)]


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_the_commands_of_the_readme_pass_the_door(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments if "--help" in arguments else ["--dry-run", *arguments]) == 0
    assert capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
def test_the_verbs_of_the_readme_are_commands(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([arguments[0], "--help"])
    assert capsys.readouterr().out.startswith("usage: ")


def test_the_readme_has_commands_to_test() -> None:
    assert len(RUNS) >= 10
    assert len(VERBS) >= 5


def test_the_other_commands_of_the_readme_exist() -> None:
    others = {words[0] for words in _commands("README.md")} - {"mad", "python", ".venv/bin/python", "modal"}
    assert others == {"scripts/install", "scripts/test", "scripts/bench"}
    assert all((ROOT / name).stat().st_mode & 0o111 for name in others)


def test_the_recipe_adds_a_memory_in_two_files_and_its_laws_run_unasked(tmp_path: Path) -> None:
    for folder in ("mad", "conf", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "mad/mixers/recent.py").write_text(_blocks("CONTRIBUTING.md", "python")[0])
    (tmp_path / "conf/memory/recent.yaml").write_text(_blocks("CONTRIBUTING.md", "yaml")[0])

    laws = _python(tmp_path, "-m", "pytest", "tests/mixers", "-k", "recent", "-p", "no:cacheprovider")
    summary = laws.stdout.splitlines()[-1]
    assert laws.returncode == 0, laws.stdout
    passed, skipped = (int(re.search(rf"(\d+) {word}", summary)[1]) for word in ("passed", "skipped"))
    assert passed >= 10
    assert skipped == 3, "the comparison with a slow form that nobody has written, at three lengths"

    command = next(words for words in _commands("CONTRIBUTING.md") if words[0] == "mad")
    assert "memory=recent" in command
    short = ["trainer.epochs=null", "trainer.steps=2", "trainer.warmup_steps=0", "task.data.train=128"]
    trained = _python(tmp_path, "-m", "mad.run", *command[1:], *short)
    assert trained.returncode == 0, trained.stderr
    assert "test" in trained.stdout


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
