"""What a task is: a source of labelled sequences that knows how well anyone can do on it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from torch import Generator

from mad.shapes import Tokens

if TYPE_CHECKING:
    from rich.text import Text

IGNORE = -100
"""The target at a position where nothing is asked (PyTorch's own ``ignore_index``)."""


class Batch(NamedTuple):
    """Labelled sequences, as int64 tensors of shape (B, T) on the CPU."""

    inputs: Tokens
    targets: Tokens
    truth: Tokens | None = None
    """What generated each token (a topic, say), for probes; never shown to the model."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The lines between which every score lies. Losses are in nats per asked position."""

    chance_accuracy: float
    """A guess that ignores the sequence."""
    chance_loss: float
    best_loss: float
    """What an oracle reaches."""
    best_accuracy: float = 1.0
    """What an oracle reaches."""
    floor_accuracy: float | None = None
    """No binding: knows which answers occur in the sequence, not which belongs to the question."""


class Task(ABC):
    """A source of sequences. Constructors take keywords only and refuse what cannot be.

    A task's own parameters define the problem; how many sequences are drawn, from which seed,
    and whether they are fixed or fresh is the business of :mod:`mad.tasks.splits`.
    """

    vocab_size: int
    """Tokens and targets lie in 0..vocab_size-1."""
    seq_len: int
    """The number of positions T of every sequence."""
    selected_by: ClassVar[Literal["accuracy", "loss_nats"]] = "accuracy"
    """The quantity by which an epoch is chosen on validation."""
    ordered: bool = False
    """Whether the order in which :meth:`sample` gives sequences is part of the task.

    Training takes the sequences of an ordered task as they come; all others it shuffles each epoch.
    """

    @abstractmethod
    def sample(self, size: int, rng: Generator) -> Batch:
        """``size`` sequences: a pure function of the task's parameters and the generator's state."""

    @abstractmethod
    def bounds(self) -> Bounds:
        """Chance, the no-binding floor where there is one, and the best reachable loss."""

    @abstractmethod
    def explain(self, inputs: Tokens, targets: Tokens) -> "Text":
        """One sequence (1-D inputs and targets), coloured by the part that each token plays."""
