"""Who may import whom, and what must not be imported before it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mad"
FILES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "__init__": ["browse.results"],
    "shapes": [],
    "seeding": [],
    "blueprint": [],
    "progress": [],
    "signals": [],
    "norms": ["shapes"],
    "channel_mixers": ["shapes"],
    "mixers": ["shapes"],
    "model": ["shapes", "mixers.base", "channel_mixers", "norms"],
    "tasks": ["shapes", "seeding", "blueprint"],
    "train": ["shapes", "seeding", "tasks.base", "track", "progress", "report", "signals"],
    "track": ["blueprint", "progress", "report.redaction", "report.result"],
    "report": ["progress"],
    "door": ["blueprint", "report.reading"],
    "launch": ["blueprint", "door.quiet", "door.folder", "report", "track", "progress", "signals", "execute"],
    "execute": [
        "blueprint",
        "door.guard",
        "seeding",
        "tasks",
        "train",
        "track",
        "report",
        "launch.settings",
        "mixers.kernels",
        "mixers.timing",
    ],
    "browse": ["blueprint", "door.folder", "progress", "report", "track.account", "launch.cloud.account"],
    "run": ["blueprint", "browse.verbs", "door", "launch", "report", "track"],
}
"""By the first part of a module's name: what it may import besides its own kind, by prefix."""

COMMAND_LINES = {
    "tasks/__main__.py": ["door.compose", "progress"],
    "launch/jobs.py": ["door.compose"],
    "launch/search.py": ["door.compose", "door.space"],
    "launch/podium.py": ["door.compose", "door.space"],
    "launch/study.py": ["door.space"],
}
"""Commands of their own may compose configs, wherever they lie."""

ONLY_IN = {
    "hydra": ["door", "launch/hydra_plugins"],
    "omegaconf": ["door", "launch/hydra_plugins"],
    "torch": [
        "shapes.py",
        "seeding.py",
        "norms.py",
        "channel_mixers.py",
        "mixers",
        "model.py",
        "tasks",
        "train",
        "execute.py",
        "browse/doctor.py",
    ],
    "wandb": ["track/opening.py", "track/weights_and_biases.py", "track/report.py"],
    "trackio": ["track/trackio_dashboard.py"],
    "modal": [
        f"launch/cloud/{name}.py" for name in ("app", "calls", "dispatch", "prices", "remote", "store")
    ],
    "optuna": [],
}
"""Where a heavy or optional library may be known."""

EARLY = ["torch", "numpy", "jaxtyping", "wandb", "trackio", "modal", "optuna"]


def imported(file: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, also late and for types only."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide who knows whom"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def begins(name: str, prefixes: list[str], separator: str) -> bool:
    """Whether a dotted name or a path lies below one of the prefixes."""
    return any(name == prefix or name.startswith(prefix + separator) for prefix in prefixes)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_every_file_imports_only_what_its_place_may(file: Path) -> None:
    path = file.relative_to(PACKAGE).as_posix()
    place = path.partition("/")[0].removesuffix(".py")
    allowed = [place, *MAY_IMPORT[place], *COMMAND_LINES.get(path, [])]
    for name in imported(file):
        if name.startswith("mad."):
            assert begins(name.removeprefix("mad."), allowed, "."), f"{path} may not import {name}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_heavy_library_is_known_in_few_places(library: str) -> None:
    for file in FILES:
        path = file.relative_to(PACKAGE).as_posix()
        if any(name.partition(".")[0] == library for name in imported(file)):
            assert begins(path, ONLY_IN[library], "/"), f"{path} may not import {library}"


def test_optuna_is_named_by_one_file_which_imports_it_late() -> None:
    naming = [file for file in FILES if 'import_module("optuna")' in file.read_text(encoding="utf-8")]
    assert [file.relative_to(PACKAGE).as_posix() for file in naming] == ["launch/study.py"]


def test_the_package_itself_imports_nothing_before_it_is_asked_to() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    code = "import sys; known = set(sys.modules); import mad; print(set(sys.modules) - known)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{'mad'}"


def test_nothing_imports_the_command_line() -> None:
    importers = [file for file in FILES for name in imported(file) if begins(name, ["mad.run"], ".")]
    assert importers == []


def test_no_file_is_named_like_a_standard_module() -> None:
    names = {file.stem for file in FILES} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names


def test_no_unsafe_reader_is_used() -> None:
    unsafe = ("weights_only=False", "pickle.load", "yaml.load(", "eval(", "exec(")
    for file in FILES:
        text = file.read_text(encoding="utf-8").replace(".eval()", "")
        assert not [word for word in unsafe if word in text], file


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--list"],
        ["--dry-run"],
        ["-m", "--dry-run", "seed=0,1"],
        ["modle=softmax"],
        ["--lst"],
        ["ls"],
        ["show", "softmax"],
        ["compare", "softmax", "gqa"],
        ["experiments"],
        ["log", "--json"],
        ["lst"],
        ["search", "model=softmax"],
        ["--dry-run", "launch=modal"],
        ["-m", "--dry-run", "launch=modal_a100", "seed=0,1"],
        ["collect"],
        ["cancel", "--all"],
    ],
    ids=" ".join,
)
def test_a_question_is_answered_without_torch(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv[0] = 'mad'\n"
        "from mad.run import main\n"
        f"main({arguments!r})\n"
        f"print([name for name in {EARLY!r} if name in sys.modules])"
    )
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.iterdir()) == []
