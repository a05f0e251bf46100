"""What a mixer is, and the law that it obeys.

The law: *cutting time anywhere and carrying the state changes nothing.* For any cut of x into a and b,

    mix(x, s) = concat(mix(a, s), mix(b, state left by a)).

No cut is the parallel form, a cut after every token the recurrent one, a few cuts the chunkwise one.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from mad.shapes import Hidden, Keys, Queries, Readings, Values

State = Any
"""A NamedTuple (nested at will) of tensors, numbers and lists of tensors; never changed in place."""


class Mixer(nn.Module, ABC):
    """A causal map from sequences to sequences that carries a state through time."""

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the mixer accepts, or None where there is no limit."""
        return None

    @abstractmethod
    def init_state(self, batch: int) -> State:
        """The state before the first token."""

    @abstractmethod
    def mix(self, x: Hidden, state: State) -> tuple[Hidden, State]:
        """Mixes the next T >= 1 tokens; returns their outputs and the state after them."""

    def forward(self, x: Hidden) -> Hidden:
        """A whole sequence from an empty state."""
        return self.mix(x, self.init_state(len(x)))[0]

    @abstractmethod
    def state_floats(self, length: int) -> int:
        """Floats that one sequence's state holds after ``length`` tokens."""

    @abstractmethod
    def flops(self, length: int) -> int:
        """Floating-point operations to mix one sequence forward (a multiply-add counts two)."""


class Memory(nn.Module, ABC):
    """How an attention layer keeps the past and answers from it."""

    bears_autocast: ClassVar[bool] = False
    """Whether it may run in bfloat16; sums over a long past and triangular solves may not."""

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the memory accepts, or None where there is no limit."""
        return None

    @abstractmethod
    def init_state(self, batch: int, *, like: Tensor) -> State:
        """The empty memory, with the device and dtype of ``like``."""

    @abstractmethod
    def forward(
        self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int, state: State
    ) -> tuple[Readings, State]:
        """Reads and writes T tokens, the first of which stands at position ``start``.

        ``x`` is the layer's input, for scalars that depend on the data (decay, beta, level weights).
        """

    @abstractmethod
    def state_floats(self, length: int) -> int:
        """Floats that one sequence's memory holds after ``length`` tokens."""

    @abstractmethod
    def flops(self, length: int) -> int:
        """Floating-point operations of one sequence's pass, projections of ``x`` included."""
