"""Which sequences a run trains, validates and is tested on: three streams that never meet.

Every draw has a generator of its own, named for its purpose: (``train``, component, epoch),
(``validation``, component), (``test``, cell). The data of a run is therefore a pure function of the task's
config and the seed.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from mad.blueprint import TARGET, blueprint, nearest
from mad.seeding import generator
from mad.tasks.base import Batch, Task

DEFAULT_CELL = "default"

MOST_LENGTH = 2**20

MOST_VOCABULARY = 2**24

MOST_TOKENS = 2**30
"""Of a split: 8 GiB of tokens, and as much of targets."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A part of the training mixture."""

    task: Task
    n_train: int
    """Sequences an epoch."""
    n_validation: int


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The data of one run. Make it with :func:`splits`."""

    task: Task
    """The task as configured; it fixes the model's vocabulary and the bounds."""
    components: tuple[Component, ...]
    """What training draws from: the task itself, or its mixture."""
    cells: dict[str, Task]
    """What the test scores: the task itself as ``default``, then one for each entry of ``eval``."""
    n_test: dict[str, int]
    """Test sequences of each cell."""
    fresh: bool
    """Whether each epoch draws new training sequences."""
    seed: int

    def train(self, epoch: int) -> list[Batch]:
        """The sequences of an epoch, one batch for each component."""
        return self._drawn_train(epoch) if self.fresh else self._fixed_train

    def validation(self) -> list[Batch]:
        """Drawn like the training data, in the same proportions."""
        return [
            component.task.sample(component.n_validation, generator(self.seed, "validation", index))
            for index, component in enumerate(self.components)
            if component.n_validation
        ]

    def test(self) -> dict[str, Batch]:
        """The test sequences of each cell."""
        return {
            name: task.sample(self.n_test[name], generator(self.seed, "test", name))
            for name, task in self.cells.items()
        }

    @property
    def max_length(self) -> int:
        """The longest sequence that a model will meet."""
        tasks = [*self.cells.values(), *(component.task for component in self.components)]
        return max(task.seq_len for task in tasks)

    @property
    def n_train(self) -> int:
        """Training sequences an epoch."""
        return sum(component.n_train for component in self.components)

    @cached_property
    def _fixed_train(self) -> list[Batch]:
        return self._drawn_train(epoch=0)

    def _drawn_train(self, epoch: int) -> list[Batch]:
        return [
            component.task.sample(component.n_train, generator(self.seed, "train", index, epoch))
            for index, component in enumerate(self.components)
        ]


def splits(config: Mapping[str, Any], *, seed: int, allow: Sequence[str] = ()) -> Splits:
    """The data that a composed ``task`` config asks for.

    Beside ``_target_`` and the task's own keywords the config holds ``data`` (``train``, ``validation``
    and ``test`` sequences, ``fresh``), ``eval`` (overrides of the task's keywords for more test cells,
    each with its own ``test`` if it likes) and ``mixture`` (overrides with ``train``, to train on
    several at once). ``allow`` is :func:`mad.blueprint.blueprint`'s. Raises ValueError for what cannot be.
    """
    arguments = {name: value for name, value in config.items() if name not in ("data", "eval", "mixture")}
    data = _checked_data(config.get("data"))
    _check_reach(arguments)
    task = blueprint(arguments, allow=allow)()

    def variant(overrides: Mapping[str, Any]) -> Task:
        _check_reach({**arguments, **overrides})
        return _checked_variant(blueprint({**arguments, **overrides}, allow=allow)(), of=task)

    cells, n_test = {DEFAULT_CELL: task}, {DEFAULT_CELL: data["test"]}
    for entry in config.get("eval") or ():
        overrides, size = _split_off("test", entry, of="eval", default=data["test"])
        name = _cell_name(overrides, task)
        if not name or name in cells:
            raise ValueError(
                f"each entry of task.eval must override something else; got {entry!r}: take it out"
            )
        cells[name], n_test[name] = variant(overrides), size
    parts = [_split_off("train", entry, of="mixture") for entry in config.get("mixture") or ()]
    components = _components([(variant(overrides), size) for overrides, size in parts], task, data)
    _check_tokens(("task.data.train", part.n_train, part.task) for part in components)
    _check_tokens(("task.data.validation", part.n_validation, part.task) for part in components)
    _check_tokens(("task.data.test", n_test[name], cell) for name, cell in cells.items())
    return Splits(
        task=task,
        components=components,
        cells=cells,
        n_test=n_test,
        fresh=data["fresh"],
        seed=seed,
    )


def _components(
    mixture: Sequence[tuple[Task, int]], task: Task, data: Mapping[str, Any]
) -> tuple[Component, ...]:
    parts = mixture or [(task, data["train"])]
    ends = list(accumulate(size for _, size in parts))
    if ends[-1] != data["train"]:
        raise ValueError(
            f"the parts of task.mixture add up to {ends[-1]} training sequences, but task.data.train is "
            f"{data['train']}; set task.data.train={ends[-1]}"
        )
    # Rounding the running sums keeps the proportions and the total.
    shares = [0, *(round(data["validation"] * end / ends[-1]) for end in ends)]
    return tuple(
        Component(task=part, n_train=size, n_validation=end - start)
        for (part, size), (start, end) in zip(parts, pairwise(shares), strict=True)
    )


def _checked_data(data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    kinds = {"train": int, "validation": int, "test": int, "fresh": bool}
    if not isinstance(data, Mapping):
        raise ValueError(f"task.data expects a mapping of {', '.join(kinds)}; got {data!r}")
    for name in [*data, *kinds]:
        if name not in kinds:
            raise ValueError(f"task.data knows no key {name!r}{nearest(str(name), kinds)}")
        if name not in data:
            raise ValueError(f"task.data has no {name!r}; give {', '.join(kinds)}")
        if kinds[name] is bool and not isinstance(data[name], bool):
            raise ValueError(f"task.data.{name} expects true or false; got {data[name]!r}")
        if kinds[name] is int:
            _checked_size(data[name], f"task.data.{name}")
    return data


def _check_reach(arguments: Mapping[str, Any]) -> None:
    """Refuses lengths and vocabularies that no memory holds, before anything is built for them."""
    for name, most in (("seq_len", MOST_LENGTH), ("vocab_size", MOST_VOCABULARY)):
        value = arguments.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and not 1 <= value <= most:
            raise ValueError(f"task.{name} expects 1 to {most:,}; got {value}")


def _check_tokens(parts: Iterable[tuple[str, int, Task]]) -> None:
    """Refuses splits, each a name, its number of sequences and its task, that no memory holds."""
    for name, size, task in parts:
        if size * task.seq_len > MOST_TOKENS:
            raise ValueError(
                f"{name}: {size} sequences of {task.seq_len} tokens are more than {MOST_TOKENS:,} tokens; "
                f"ask for {MOST_TOKENS // task.seq_len} or less"
            )


def _checked_size(size: Any, name: str) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{name} expects a number of sequences, 1 or more; got {size!r}")
    return size


def _checked_variant(variant: Task, *, of: Task) -> Task:
    if variant.vocab_size > of.vocab_size:
        raise ValueError(
            f"an entry of task.eval or task.mixture has vocabulary {variant.vocab_size}, above the task's "
            f"{of.vocab_size}, for which the model is built; set task.vocab_size to {variant.vocab_size}"
        )
    return variant


def _split_off(size: str, entry: Any, *, of: str, default: int | None = None) -> tuple[dict[str, Any], int]:
    """The overrides of an entry without its ``size``, and that: its number of sequences."""
    if not isinstance(entry, Mapping) or TARGET in entry:
        raise ValueError(f"task.{of} expects mappings of the task's keywords; got {entry!r}")
    overrides = {name: value for name, value in entry.items() if name != size}
    return overrides, _checked_size(entry.get(size, default), f"{size} in each entry of task.{of}")


def _cell_name(overrides: Mapping[str, Any], task: Task) -> str:
    """``seq_len=128,n_pairs=16``, however the config orders its keys and spells its numbers."""
    order = list(inspect.signature(type(task)).parameters)
    named = sorted(overrides, key=lambda name: order.index(name) if name in order else len(order))
    return ",".join(f"{name}={_spelled(overrides[name])}" for name in named)


def _spelled(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
