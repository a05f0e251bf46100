"""How many sequences fit into memory at once: found by trying, halved where it was too many.

A minibatch that does not fit is computed in parts whose gradients add up to its own, so that the recipe stays
what it was: same batch, same steps, losses equal but for rounding (and, with dropout, for other draws).
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from mad.train.compiled import CompiledGradient
from mad.train.gradient import EagerGradient, Gradient
from mad.train.minibatch import Minibatch
from mad.train.model import CausalModel
from mad.train.settings import Settings

Found = TypeVar("Found")


class Room:
    """At most ``n_sequences`` at once; it turns out whether there is room for so many."""

    def __init__(self, n_sequences: int) -> None:
        self.n_sequences = n_sequences

    def tried(self, compute: Callable[[int], Found], *, say: Callable[[str], None]) -> Found:
        """What ``compute`` makes of the number of sequences, halved as often as memory runs out.

        It is called again from its beginning, and ``say`` is told. Raises MemoryError, with what to do, if
        not even one fits.
        """
        while True:
            try:
                return compute(self.n_sequences)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).partition("\n")[0] or type(error).__name__
                if self.n_sequences == 1:
                    raise MemoryError(
                        f"not even one sequence at a time fits into memory ({reason}); lower "
                        "trainer.batch_size no further, but model.d_model, model.n_layers or task.seq_len"
                    ) from error
            # Outside of the handler, since the traceback holds all that was computed.
            if torch.cuda.is_initialized():
                torch.cuda.empty_cache()
            before, self.n_sequences = self.n_sequences, (self.n_sequences + 1) // 2
            say(
                f"out of memory with {before} sequences at once ({reason}); "
                f"going on with {self.n_sequences} at once"
            )


class PartedGradient:
    """What ``whole`` computes, in parts by ``eager`` where a minibatch has more sequences than fit."""

    def __init__(self, whole: Gradient, *, eager: EagerGradient) -> None:
        self._whole, self._eager = whole, eager

    @classmethod
    def of(
        cls, model: CausalModel, *, settings: Settings, n_rows: int, device: torch.device
    ) -> "PartedGradient":
        """Of a model, compiled if the settings say so. ``n_rows``: sequences of the largest minibatch."""
        eager = EagerGradient(model, precision=settings.precision)
        if not settings.compile:
            return cls(eager, eager=eager)
        return cls(CompiledGradient(eager, n_rows=n_rows, device=device), eager=eager)

    def __call__(self, batch: Minibatch, *, n_sequences: int) -> Tensor:
        """See ``mad.train.gradient.Gradient``; at most so many sequences at once."""
        if len(batch.inputs) <= n_sequences:
            return self._whole(batch)
        n_answers = len(batch.answers)
        losses = [self._eager(part, n_answers=n_answers) for part in parts(batch, n_sequences=n_sequences)]
        return torch.stack(losses).sum()


def parts(batch: Minibatch, *, n_sequences: int) -> Iterator[Minibatch]:
    """The minibatch cut into some with at most so many sequences; those that ask nothing are left out."""
    length = batch.inputs.size(1)
    for start in range(0, len(batch.inputs), n_sequences):
        inputs = batch.inputs[start : start + n_sequences]
        first, last = start * length, (start + len(inputs)) * length
        within = (batch.asked >= first) & (batch.asked < last)
        if within.any():
            yield Minibatch(inputs, batch.asked[within] - first, batch.answers[within], batch.full_length)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory left; PyTorch has no type for the latter."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
