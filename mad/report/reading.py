"""The one way in which files come back in: of a sane size, in UTF-8, and what is wrong said with the file.

A record or a declaration may come from somebody else. What is read here brings no code along, cannot fill the
memory (YAML's aliases make a small file a large value), and is refused rather than guessed at.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

MOST_BYTES = 1_000_000
"""Of a file; the largest of ours hold a tenth."""

MOST_NODES = 100_000
"""Of a YAML document, aliases written out."""

LONGEST = 600
"""Characters of a reason."""

UNREADABLE = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What PyYAML raises for a broken document: its own errors, and those of a tag such as ``!!int`` on text."""


def brief(error: BaseException) -> str:
    """What an error says, in one line: it may quote a value of whatever length, whose middle is left out."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


def text_in(file: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Raises ValueError for a file that is too large or no text, and OSError as ``open`` does."""
    with file.open("rb") as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(
            f"{file} holds more than {most_bytes:,} bytes, which no file of its kind does; "
            "restore it, or move it away"
        )
    return text_of(content, file=file)


def text_of(content: bytes, *, file: Path | str) -> str:
    """The same of its bytes; ``file`` is named in errors."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text in UTF-8 ({error}); restore it, or move it away") from error


def json_in(file: Path) -> Any:
    """What a JSON file holds. Raises ValueError if it holds none, or a number that is not finite."""
    return json_of(text_in(file), file=file)


def json_of(text: str, *, file: Path | str) -> Any:
    """The same of its text; ``file`` is named in errors."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON ({brief(error)}); restore it, or move it away") from error


def yaml_in(file: Path) -> Any:
    """What a YAML file of one document holds; None if it is empty. Raises ValueError if it is none."""
    found = documents_of(text_in(file), file=file)
    if len(found) > 1:
        raise ValueError(f"{file} expects one document and holds {len(found)}; remove the lines ---")
    return found[0] if found else None


def documents_of(text: str, *, file: Path | str) -> list[Any]:
    """The documents of a YAML stream; ``file`` is named in errors."""
    try:
        return list(_documents(_Loader(text)))
    except UNREADABLE as error:
        raise ValueError(f"{file} is no YAML ({brief(error)}); correct it") from error


def check_size(text: str, *, file: Path | str) -> None:
    """Refuses, with a ValueError, YAML that others are going to read and whose aliases are a bomb."""
    if "*" in text:
        documents_of(text, file=file)


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice: of two values for one key nobody knows which is meant."""

    def refuse(self, node: yaml.Node) -> NoReturn:
        """The answer to a tag of what JSON has no word for: sets, bytes, pairs."""
        raise ValueError(f"{node.tag} is no tag of a plain value")

    def as_written(self, node: yaml.Node) -> Any:
        """The answer to a date: text, as it is to whoever wrote it."""
        return node.value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise ValueError(f"the key {key.value} stands there twice")
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


for _kind in ("set", "binary", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.refuse)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.as_written)


def _documents(loader: _Loader) -> Iterator[Any]:
    while loader.check_node():
        node = loader.get_node()
        assert node is not None
        _written_out(node, {}, frozenset())
        yield loader.construct_document(node)


def _written_out(node: yaml.Node, known: dict[int, int], above: frozenset[int]) -> int:
    """How many nodes there are, those behind an alias counted each time. Raises ValueError if too many."""
    if id(node) in above:
        raise ValueError("an alias stands within what it means")
    if id(node) not in known:
        inside = above | {id(node)}
        known[id(node)] = 1 + sum(_written_out(part, known, inside) for part in _inner(node))
    if known[id(node)] > MOST_NODES:
        raise ValueError(f"its aliases make it a value of more than {MOST_NODES:,} entries")
    return known[id(node)]


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _finite(text: str) -> float:
    """A number of a JSON file; one such as 1e999 would be infinite."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large, and only finite ones and null are expected")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"a number is {name}, and only finite ones and null are expected")
