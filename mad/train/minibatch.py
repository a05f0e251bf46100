"""From an epoch's data to minibatches: their order, and what of them needs computing.

Every minibatch is a pure function of (seed, step). Models are causal, so positions after the last one that
asks something are cut off: they can change no answer.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Int
from torch import Tensor

from mad.seeding import generator
from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Task

Rows = Int[Tensor, " R"]
"""Indices of sequences."""
PerQuestion = Int[Tensor, " A"]


class TrainingData(Protocol):
    """What training needs of :class:`mad.tasks.splits.Splits`."""

    @property
    def task(self) -> Task:
        """The task as configured."""

    def train(self, epoch: int) -> list[Batch]:
        """One Batch per component of the mixture, of the same sizes every epoch."""

    def validation(self) -> list[Batch]:
        """Drawn like the training data."""

    def test(self) -> dict[str, Batch]:
        """The test set by cell."""


class Minibatch(NamedTuple):
    """A few sequences up to the last position that asks something, and A questions in them."""

    inputs: Tokens
    asked: PerQuestion
    """Where something is asked, as indices into the B x T positions laid end to end."""
    answers: PerQuestion
    full_length: int
    """T before the cut."""

    def to(self, device: torch.device) -> "Minibatch":
        """The same on a device; a CUDA copy runs beside the computation."""
        if device.type != "cuda":
            return self
        inputs, asked, answers = (
            part.pin_memory().to(device, non_blocking=True)
            for part in (self.inputs, self.asked, self.answers)
        )
        return Minibatch(inputs, asked, answers, self.full_length)


def minibatch(batch: Batch, *, rows: Rows, end: int | None = None) -> Minibatch:
    """The named rows of a batch, up to ``end`` or to their last question.

    Raises ValueError if they ask nothing.
    The questions are found here, on the CPU, so that no step waits for the device to tell.
    """
    targets = batch.targets[rows]
    last = end_of_questions(targets)
    if last == 0:
        raise ValueError(
            f"a minibatch of {len(rows)} sequences expects at least one label and has none; "
            "change the task to ask something in each sequence"
        )
    end = end or last
    targets = targets[:, :end].flatten()
    asked = (targets != IGNORE).nonzero().squeeze(1)
    return Minibatch(batch.inputs[rows, :end], asked, targets[asked], batch.inputs.size(1))


def end_of_questions(targets: Tokens) -> int:
    """How many positions there are up to the last that asks something in any row; 0 where none does."""
    columns = (targets != IGNORE).any(dim=0).nonzero()
    return int(columns[-1]) + 1 if len(columns) else 0


def in_order(batches: Sequence[Batch], *, size: int) -> Iterator[Minibatch]:
    """All sequences as they come, ``size`` at a time."""
    for batch in batches:
        for rows in torch.arange(len(batch.inputs)).split(size):
            yield minibatch(batch, rows=rows)


class Place(NamedTuple):
    """Where a minibatch is found in an epoch's data."""

    component: int
    rows: Rows


def places(sizes: Sequence[int], *, batch_size: int, seed: int, epoch: int, ordered: bool) -> list[Place]:
    """The minibatches of an epoch whose components hold ``sizes`` sequences.

    Each component is shuffled and cut on its own, since lengths differ between components; then the
    minibatches of all are shuffled. An ``ordered`` task is taken as it comes.
    """
    found = []
    for component, size in enumerate(sizes):
        rows = torch.arange(size)
        if not ordered:
            rows = torch.randperm(size, generator=generator(seed, "order", epoch, component))
        found += [Place(component, part) for part in rows.split(batch_size)]
    if ordered or len(sizes) == 1:
        return found
    order = torch.randperm(len(found), generator=generator(seed, "order", epoch, "minibatches"))
    return [found[index] for index in order.tolist()]


class Minibatches:
    """The minibatch of every step of a run.

    With ``one_length`` all minibatches of an epoch's component are cut where its last question is, and
    nearly all steps have one shape: for a compiler, to which every shape is work of its own.
    """

    def __init__(self, data: TrainingData, *, batch_size: int, seed: int, one_length: bool = False) -> None:
        self._data, self._batch_size, self._seed = data, batch_size, seed
        self._one_length = one_length
        self._open(0)
        self.per_epoch = len(self._places)
        self.most_rows = max(len(place.rows) for place in self._places)
        """Sequences of the largest minibatch: the last one of a component may hold fewer."""

    def at(self, step: int) -> Minibatch:
        """The minibatch of the update after ``step`` updates."""
        epoch, index = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._open(epoch)
        place = self._places[index]
        return minibatch(self._batches[place.component], rows=place.rows, end=self._ends[place.component])

    def _open(self, epoch: int) -> None:
        self._epoch, self._batches = epoch, self._data.train(epoch)
        self._ends = [
            end_of_questions(batch.targets) if self._one_length else None for batch in self._batches
        ]
        self._places = places(
            [len(batch.inputs) for batch in self._batches],
            batch_size=self._batch_size,
            seed=self._seed,
            epoch=epoch,
            ordered=self._data.task.ordered,
        )
