"""A checkpoint is data: whatever code was put into it is not run. Nothing else is read unsafely."""

import ast
import hashlib
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mad.train.checkpoint import Checkpoints
from tests.train.small import kept_in

ROOT = Path(__file__).parents[2]

SOURCES = [
    ROOT / "modal_app.py",
    *sorted(file for folder in ("mad", "tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")),
]

MARKER = "marker"


class Calls:
    """Unpickled, it calls what it was given."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def payloads() -> dict[str, Any]:
    """Ways to make a file called ``marker``."""
    import os
    import subprocess

    code = f"open({MARKER!r}, 'w').close()"
    return {
        "os.system": Calls(os.system, f"touch {MARKER}"),
        "subprocess": Calls(subprocess.Popen, ["touch", MARKER]),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "open": Calls(open, MARKER, "w"),
        "touch": Calls(Path.touch, Path(MARKER)),
        "nested": {"tensors": [torch.ones(3), Calls(getattr, Calls(open, MARKER, "w"), "close")]},
    }


def as_new(content: Any, path: Path) -> None:
    torch.save(content, path)


def as_legacy(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def as_bare(content: Any, path: Path) -> None:
    # The protocol that torch expects: of any other it warns before it refuses.
    path.write_bytes(pickle.dumps(content, protocol=2))


def sealed(folder: Path, content: Any, write: Callable[[Any, Path], None]) -> Checkpoints:
    """A run's checkpoint of this content, with a digest that fits."""
    path = folder / "checkpoint-00000001.pt"
    write({"identity": "identity", "code": "code", "metrics_offset": 0, "state": content}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    return kept_in(folder)


@pytest.mark.parametrize("write", [as_new, as_legacy, as_bare])
@pytest.mark.parametrize("name", payloads())
def test_a_checkpoint_cannot_bring_code_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, write: Callable[[Any, Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints = sealed(tmp_path, payloads()[name], write)
    with pytest.raises(ValueError, match="torch cannot load it"):
        checkpoints.load()
    assert not Path(MARKER).exists()


EVALUATE = ("eval", "exec", "compile", "yaml.load", "yaml.load_all")

UNSAFE_ENDS = (".unsafe_load", ".unsafe_load_all", ".full_load", ".full_load_all", "utils.instantiate")

PICKLERS = ("pickle", "dill", "cloudpickle", "shelve", "joblib", "marshal")


def unsafe(tree: ast.AST) -> Iterator[str]:
    """The calls that can run what they read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if is_unsafe(name, given):
                yield name


def is_unsafe(name: str, given: dict[str | None, str]) -> bool:
    """Whether such a call, with these keywords, can run what it reads."""
    library, last = name.partition(".")[0], name.rpartition(".")[2]
    if name == "torch.load" or "weights_only" in given:
        return given.get("weights_only") != "True"
    if library in PICKLERS:
        return last not in ("dump", "dumps")
    return name in EVALUATE or name.endswith(UNSAFE_ENDS) or given.get("allow_pickle") == "True"


def test_no_unsafe_reader_is_in_the_tree() -> None:
    assert len(SOURCES) > 200
    found = {file: list(unsafe(ast.parse(file.read_text(encoding="utf-8")))) for file in SOURCES}
    assert {str(file.relative_to(ROOT)): calls for file, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "pickle.load(file)",
        "pickle.loads(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "numpy.load(file, allow_pickle=True)",
    ],
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert list(unsafe(ast.parse(text)))
