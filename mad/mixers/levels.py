"""How much each Fenwick level counts: the weights lambda of log-linear attention.

The level of a past token is how far back it lies in the hierarchy of blocks; the layer's input says, per
token and head, how much each level weighs.

*Equations* (Guo et al., *Log-Linear Attention*, 2025, arXiv 2506.04761, section 3 and appendix)

    lambda_t = softplus(L * W x_t)                          the paper's: unbounded, L learned from 1
    lambda_t = softplus(W x_t / tau) / sum softplus         shares that sum to 1
    lambda_t = softmax(W x_t + b)                           shares, as experiment 008 has them

*Glossary*: L is `scale` (H L), tau `temperature`; L levels = bit_length(horizon - 1) + 1 serve `horizon`
tokens.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mad.shapes import HeadShape, Hidden


class Levels(nn.Module, ABC):
    """Weights (B T H L) from a layer's input (B T D), for sequences of at most ``horizon`` tokens."""

    def __init__(self, shape: HeadShape, *, horizon: int, bias: bool) -> None:
        super().__init__()
        if horizon < 1:
            raise ValueError(f"the levels' horizon must be 1 or more, not {horizon}; set levels.horizon")
        self.horizon = horizon
        self.n_levels = (horizon - 1).bit_length() + 1
        self.n_heads = shape.n_heads
        self.project = nn.Linear(shape.d_model, shape.n_heads * self.n_levels, bias=bias)

    @abstractmethod
    def weigh(self, logits: Tensor) -> Tensor:
        """Weights from logits, both (B T H L)."""

    def forward(self, x: Hidden) -> Tensor:
        return self.weigh(self.project(x).unflatten(-1, (self.n_heads, self.n_levels)))


class Softplus(Levels):
    """The paper's weights: positive, with no constraint on their sum."""

    def __init__(self, shape: HeadShape, *, horizon: int) -> None:
        super().__init__(shape, horizon=horizon, bias=False)
        self.scale = nn.Parameter(torch.ones(shape.n_heads, self.n_levels))

    def weigh(self, logits: Tensor) -> Tensor:
        return F.softplus(self.scale * logits)


class NormalisedSoftplus(Levels):
    """Softplus shares of 1; a higher ``temperature`` makes them more alike."""

    def __init__(self, shape: HeadShape, *, horizon: int, temperature: float = 1.0) -> None:
        super().__init__(shape, horizon=horizon, bias=False)
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.temperature = temperature

    def weigh(self, logits: Tensor) -> Tensor:
        weights = F.softplus(logits / self.temperature)
        return weights / weights.sum(-1, keepdim=True)


class Softmax(Levels):
    """Softmax shares of 1, with a bias per level."""

    def __init__(self, shape: HeadShape, *, horizon: int) -> None:
        super().__init__(shape, horizon=horizon, bias=True)

    def weigh(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1)
