"""Updates whose loss and gradient norm have not been read yet: no step waits to hear that it went well.

To read a number of a GPU means to wait until it has done all that it was asked to do. An update that must
not happen is therefore refused where it would happen: the optimiser's fused kernel looks at a flag beside
the weights (``found_inf``, as for torch's GradScaler) and leaves weights, moments and counters alone where
it is raised. The flag goes up with the first loss or norm that is not finite and stays up, so that no later
update slips through, and whoever reads in the end finds the weights of the step before.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from mad.train.minibatch import Minibatch
from mad.train.outcome import Tally

MOST_UNREAD = 64
"""Updates after which the numbers are read in any case: so many at most are computed in vain."""


class Diverged(Exception):
    """A loss or a gradient is not finite. Its text says which and when."""


class _Update(NamedTuple):
    numbers: Tensor
    """The loss and the norm of the gradient: (2)."""
    n_answers: int
    n_sequences: int
    full_length: int


class Unread:
    """The updates since the numbers were last read."""

    def __init__(self, optimizer: Optimizer, *, device: torch.device) -> None:
        self._optimizer = optimizer
        self._flag = torch.zeros((), device=device)
        optimizer.found_inf = self._flag  # type: ignore[attr-defined]
        self._updates: list[_Update] = []

    def __len__(self) -> int:
        return len(self._updates)

    def update(self, batch: Minibatch, *, loss: Tensor, norm: Tensor) -> None:
        """Takes the optimiser's step, unless a loss or a norm up to this one is not finite."""
        numbers = torch.stack([loss.detach(), norm])
        self._flag.masked_fill_(~numbers.isfinite().all(), 1.0)
        self._optimizer.step()
        self._updates.append(_Update(numbers, len(batch.answers), len(batch.inputs), batch.full_length))

    def read(self, tally: Tally) -> None:
        """Counts the updates in ``tally``; waits for the device if there are any.

        Raises Diverged at the first that was refused, when the tally stands at the step before it.
        """
        updates, self._updates = self._updates, []
        if not updates:
            return
        numbers = torch.stack([update.numbers for update in updates]).tolist()
        for update, (loss, norm) in zip(updates, numbers, strict=True):
            for quantity, value in (("loss", loss), ("gradient norm", norm)):
                if not math.isfinite(value):
                    tally.reported = min(tally.reported, tally.step)
                    raise Diverged(
                        f"the {quantity} is {value} at step {tally.step + 1}; try a lower learning rate"
                    )
            _count(update, tally, loss=loss, norm=norm)


def _count(update: _Update, tally: Tally, *, loss: float, norm: float) -> None:
    tally.step, tally.gradient_norm = tally.step + 1, norm
    tally.loss_sum += loss * update.n_answers
    tally.n_answers += update.n_answers
    seen = tally.sequences.get(update.full_length, 0)
    tally.sequences[update.full_length] = seen + update.n_sequences
