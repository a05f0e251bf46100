"""``python -m mad.tasks`` lists the tasks; ``python -m mad.tasks mqar n_pairs=4`` shows one.

Listing does not import torch.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mad.door.compose import compose, conf_dir

if TYPE_CHECKING:
    from rich.console import Console

    from mad.tasks.base import Bounds


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code, 2 for what the user can correct."""
    parser = argparse.ArgumentParser(prog="python -m mad.tasks", description="Lists the tasks, or shows one.")
    parser.add_argument("task", nargs="?", help="the name of a task; without it, all are listed")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as seq_len=128 n_pairs=16")
    parser.add_argument("--examples", type=int, default=3, help="how many sequences to show (3)")
    parser.add_argument("--seed", type=int, default=0, help="of the sequences (0)")
    given = parser.parse_intermixed_args(arguments)
    try:
        if given.task is None:
            _list()
        else:
            _show(given.task, given.overrides, n_examples=given.examples, seed=given.seed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _list() -> None:
    files = sorted((conf_dir() / "task").glob("[!_]*.yaml"))
    width = max(len(path.stem) for path in files)
    for path in files:
        first_line = path.read_text(encoding="utf-8").partition("\n")[0]
        print(f"{path.stem:{width}}  {first_line.removeprefix('# ')}")


def _show(name: str, overrides: Sequence[str], *, n_examples: int, seed: int) -> None:
    if n_examples < 1:
        raise ValueError(f"--examples expects 1 or more; got {n_examples}")
    config = compose([f"task={name}", *(f"task.{override}" for override in overrides)])["task"]

    from rich.console import Console

    from mad.seeding import generator
    from mad.tasks.base import IGNORE
    from mad.tasks.parts import THEME, legend
    from mad.tasks.splits import splits

    task = splits(config, seed=seed).task
    batch = task.sample(n_examples, generator(seed, "examples"))
    examples = [task.explain(*pair) for pair in zip(batch.inputs, batch.targets, strict=True)]
    n_asked = int((batch.targets[0] != IGNORE).sum())
    console = Console(theme=THEME, highlight=False)
    console.print(f"[bold]{name}[/]  vocabulary {task.vocab_size}, length {task.seq_len}, {n_asked} asked")
    for text in (*examples, legend(examples)):
        console.print()
        console.print(text)
    console.print()
    _print_bounds(task.bounds(), console)


def _print_bounds(bounds: "Bounds", console: "Console") -> None:
    accuracies = {
        "chance": bounds.chance_accuracy,
        "floor (no binding)": bounds.floor_accuracy,
        "ceiling": bounds.best_accuracy,
    }
    shown = (f"{name} {value:.2%}" for name, value in accuracies.items() if value is not None)
    console.print("accuracy  " + "  ".join(shown))
    console.print(f"loss      chance {bounds.chance_loss:.3f} nats  ceiling {bounds.best_loss:.3f} nats")


if __name__ == "__main__":
    sys.exit(main())
