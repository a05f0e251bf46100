"""The gradient of a minibatch's loss, op by op."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from mad.train.minibatch import Minibatch
from mad.train.model import CausalModel
from mad.train.score import answer_logits
from mad.train.settings import Precision

Gradient = Callable[[Minibatch], Tensor]
"""Adds the gradient of a minibatch's mean loss to that of the weights; returns the loss, on the device."""


class EagerGradient:
    """As PyTorch computes it by itself."""

    def __init__(self, model: CausalModel, *, precision: Precision) -> None:
        self.model, self.precision = model, precision

    def __call__(self, batch: Minibatch, *, n_answers: int | None = None) -> Tensor:
        """See ``Gradient``; of a part of a minibatch with ``n_answers`` in all, its share of the mean."""
        loss = F.cross_entropy(answer_logits(self.model, batch, precision=self.precision), batch.answers)
        if n_answers is not None:
            loss = loss * (len(batch.answers) / n_answers)
        loss.backward()
        return loss.detach()
