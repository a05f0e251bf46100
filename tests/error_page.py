"""``docs/errors.md``: every message of the package, read from its sources, and what to do about it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mad"

KINDS = {
    **dict.fromkeys(("ValueError", "OverBudget", "BadToken", "NotTaken", "Refused", "Gone"), "refused"),
    **dict.fromkeys(("MemoryError", "RuntimeError", "ImportError", "AlreadyRunning"), "failed"),
    **dict.fromkeys(("NotRecorded", "NoAnswer"), "failed"),
    "Diverged": "diverged",
    **dict.fromkeys(("Damaged", "Unsuited"), "put aside"),
}
"""The exceptions whose messages a user reads, and what becomes of the command, the run or the checkpoint."""

HINTS = ("nearest", "suggestion", "hint")
"""What ends a message with the known name that is nearest."""

WRAPPERS = ("len", "str", "sorted", "type", "_shown", "plain", "redacted", "brief")

EXPECTED = r"\b(?:expects|expected|must be|must lie|needs?) (.+?)(?:, not |; got|, got|$)"

INTRODUCTION = """\
# When things go wrong

Every message that `mad` may end with, by the part that says it. Words in capitals stand for what came. A
command that is *refused* ends with exit code 2, and nothing was run; one that *failed* ends with 1, and the
record is kept: the same command goes on from there. A run that *diverged* has come to its end, with the last
good checkpoint; a checkpoint that is *put aside* is named, and the one before it is used.
`HYDRA_FULL_ERROR=1` shows where a refusal of a config comes from. This page is made from the code
(`scripts/golden`).
"""


@dataclass(frozen=True)
class Message:
    """What is said, when, and what to do."""

    module: str
    heading: str
    """What the module is."""
    when: str
    """What the function does that says it."""
    kind: str
    said: str
    remedy: str
    """Empty where the message has none."""


def messages() -> list[Message]:
    """All of them, by module and in the order of the sources."""
    return [message for file in sorted(PACKAGE.rglob("*.py")) for message in _in_file(file)]


def page() -> str:
    """The document."""
    lines, module = [INTRODUCTION], ""
    for message in messages():
        if message.module != module:
            module = message.module
            lines.append(f"\n## {message.heading.rstrip('.')}\n\n`{module}`\n")
        lines.append(_entry(message))
    return "\n".join(lines) + "\n"


def _entry(message: Message) -> str:
    remedy = message.remedy or "what the longer message says that it is a part of"
    when = f"\n  Said by what does this: {message.when}" if message.when else ""
    return f"- ``{message.said}`` ({message.kind}){when}\n  To do: {remedy}."


def _in_file(file: Path) -> Iterator[Message]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    module = ".".join(("mad", *file.relative_to(PACKAGE).with_suffix("").parts))
    heading = _first_line(tree)
    for function, error in _errors(tree, None):
        kind = KINDS[ast.unparse(error.func)]
        mend = next((f"; {_text(word.value)}" for word in error.keywords if word.arg == "mend"), "")
        for text in _texts(error.args[0], tree) if error.args else ():
            said = " ".join(f"{text}{mend}".split())
            when = _first_line(function) if function else ""
            yield Message(module, heading, when, kind, said.replace("``", "`"), _remedy(said))


def _errors(
    node: ast.AST, function: ast.FunctionDef | None
) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Each error of a kind that is shown, raised or returned, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        made = child.exc if isinstance(child, ast.Raise) else getattr(child, "value", None)
        if isinstance(child, ast.Raise | ast.Return) and isinstance(made, ast.Call):
            if ast.unparse(made.func) in KINDS:
                yield function, made
        else:
            yield from _errors(child, child if isinstance(child, ast.FunctionDef) else function)


def _texts(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The texts that an expression may be; those of a name or a function of the same module included."""
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        text = _text(node)
        if re.search("[a-z]{2}", text):
            yield text
    elif isinstance(node, ast.Name | ast.Call):
        name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
                yield from _texts(statement.value, tree)
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                returned = (part for part in ast.walk(statement) if isinstance(part, ast.Return))
                yield from (text for part in returned if part.value for text in _texts(part.value, tree))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) for value in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return _placeholder(node.value if isinstance(node, ast.FormattedValue) else node)


def _placeholder(node: ast.expr) -> str:
    """``REASON`` for ``reason``, ``NAME`` for ``folder.name``, ``N_SEEDS`` for ``len(n_seeds)``."""
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"'[^']*'|\"[^\"]*\"", "", ast.unparse(node)))
    if names and names[0] in HINTS:
        return "; did you mean ANOTHER?"
    if isinstance(node, ast.Call) and len(names) > 1 and names[0] in WRAPPERS:
        names = names[1:]
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and names:
        return names[-1].strip("_").upper()
    return names[0].strip("_").upper() if names else "..."


def _remedy(said: str) -> str:
    """The part of a message that says what to do: behind the last semicolon, or behind what came."""
    last = said.rpartition(";")[2].strip() if ";" in said else ""
    if last.startswith("got ") and ": " in last:
        last = last.partition(": ")[2]
    if last and not last.startswith("got "):
        return last.rstrip(".")
    expected = re.search(EXPECTED, said)
    return f"give {expected[1]}".rstrip(".:") if expected else ""


def _first_line(node: ast.FunctionDef | ast.Module) -> str:
    """A docstring's first sentence; what it raises is said by the message itself."""
    first = (ast.get_docstring(node) or "").partition("\n")[0].strip()
    return re.sub(r"\s*Raises .*", "", first)


def main() -> None:
    """Prints the messages that do not say what to do."""
    for message in messages():
        if not message.remedy:
            print(f"{message.module}: {message.said}")


if __name__ == "__main__":
    main()
