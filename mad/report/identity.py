"""Which run is it, and which code made it: two hashes and a readable name.

The *identity* is a hash of the run's meaning: where a result is kept, who watches and what launches
cannot change it, nor can the order of keys or the spelling of a number (``1e3``, ``1000``). The *code* is
a hash over the sources that can.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOT_MEANING = ("results", "track", "launch", "allow", "experiment", "asked")
"""Keys of the config that say where, how and in what words a run is made, not what it is."""

NOT_COMPUTING = ("report", "launch", "door", "browse", "run.py", "track", "progress.py", "__init__.py")
"""Parts of the package that cannot change a result; nor can a ``__main__.py``."""


def meaning(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that determines the result, in one canonical spelling."""
    return {key: _canonical(value) for key, value in sorted(config.items()) if key not in NOT_MEANING}


def identity(config: Mapping[str, Any]) -> str:
    """64 hexadecimal digits of the run's meaning. Raises ValueError for a value that JSON cannot hold."""
    try:
        text = json.dumps(meaning(config), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a config expects text, finite numbers, lists and mappings: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()


def run_name(config: Mapping[str, Any], digest: str) -> str:
    """A readable folder name, ``log_linear-cosine-mqar-s0-1f4a90c2d7``: a function of the meaning only."""
    parts = [*_mixer_names(config.get("model")), _class_name(config.get("task"))]
    readable = "-".join(part for part in parts if part)[:60].strip("-_")
    return f"{readable or 'run'}-s{_slug(str(config.get('seed', 0)))[:12]}-{digest[:10]}"


@cache
def code_hash(packages: Sequence[str] = ()) -> str:
    """64 hexadecimal digits over the sources that can change a result.

    These are ``mad`` less its launchers, trackers, records and command lines, and each of ``packages`` (a
    tuple: those that the config allows) in full. Raises ValueError for a package that cannot be found.
    """
    digest = hashlib.sha256()
    for package in ("mad", *sorted(packages)):
        root = _root(package)
        skipped = NOT_COMPUTING if package == "mad" else ()
        for name, file in _sources(root, skipped):
            digest.update(f"{package}/{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _mixer_names(model: Any) -> list[str]:
    """What gives a model its character: ``["log_linear", "cosine"]``; a hybrid's distinct layers in order."""
    if not isinstance(model, Mapping):
        return []
    mixers = model.get("mixers")
    layers = mixers if isinstance(mixers, list | tuple) and mixers else [model.get("mixer")]
    described = [layer for layer in layers if isinstance(layer, Mapping)]
    if len(described) > 1:
        return list(dict.fromkeys("_".join(_part_names(layer)) for layer in described))
    return _part_names(described[0]) if described else [_class_name(model)]


def _part_names(mixer: Mapping[str, Any]) -> list[str]:
    memory = mixer.get("memory")
    if not isinstance(memory, Mapping):
        return [_class_name(mixer)]
    return [name for name in (_class_name(memory), _class_name(memory.get("features"))) if name]


def _class_name(part: Any) -> str:
    """The class of a part in lower case: ``LogLinear`` is ``log_linear``, ``MQAR`` is ``mqar``."""
    if not isinstance(part, Mapping):
        return ""
    name = str(part.get("_target_", "")).rpartition(".")[2]
    return _slug(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")


def _root(package: str) -> Path:
    """The folder of a package (or the file of a single module), found without importing it."""
    try:
        spec = find_spec(package.partition(".")[0])
    except (ValueError, ImportError):
        spec = None
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise ValueError(
            f"the allowed package {package!r} cannot be found; install it or put it on PYTHONPATH"
        )
    return Path(next(iter(spec.submodule_search_locations or []), spec.origin or ""))


def _sources(root: Path, skipped: Sequence[str]) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield root.name, root
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root)
        if relative.parts[0] not in skipped and not (skipped and relative.name == "__main__.py"):
            yield relative.as_posix(), file
