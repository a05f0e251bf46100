"""How what was read from a memory becomes a layer's output.

Which readout is chosen moves recall from floor to ceiling, so that it is an explicit axis. A readout may add
columns to the values on their way in and uses them on the way out; they ride in the same state.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from mad.shapes import HeadShape


class Readout(nn.Module, ABC):
    """From readings (B T H V + extra_columns) to outputs (B T H V)."""

    extra_columns: ClassVar[int] = 0
    """Columns that `widen` adds to the values."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()

    def widen(self, v: Tensor) -> Tensor:
        """Values as the memory stores them."""
        return v

    @abstractmethod
    def forward(self, y: Tensor) -> Tensor:
        """Outputs from readings."""


class Plain(Readout):
    """What was read, as it is."""

    def forward(self, y: Tensor) -> Tensor:
        return y


class Denominator(Readout):
    """Divides by the overall sum of the weights, which a column of ones in the values collects.

    The sum is kept at ``eps`` or more, as cosFormer does: relu features can leave it zero.
    """

    extra_columns = 1

    def __init__(self, shape: HeadShape, *, eps: float = 1e-6) -> None:
        super().__init__(shape)
        self.eps = eps

    def widen(self, v: Tensor) -> Tensor:
        return torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)

    def forward(self, y: Tensor) -> Tensor:
        return y[..., :-1] / y[..., -1:].clamp(min=self.eps)


class HeadRMSNorm(Readout):
    """No denominator; each head's reading at root mean square 1, with a learned scale per channel."""

    def __init__(self, shape: HeadShape, *, eps: float = 1e-6) -> None:
        super().__init__(shape)
        self.norm = nn.RMSNorm(shape.value_width, eps=eps)

    def forward(self, y: Tensor) -> Tensor:
        # Under autocast the memory may have answered in bfloat16.
        return self.norm(y.to(self.norm.weight.dtype))
