"""A gate between a layer's readout and its output projection.

Qiu et al., *Gated Attention for Large Language Models*, 2025, arXiv 2505.06708, eq. 5: y * sigmoid(W x),
channel by channel, puts a non-linearity between readout and output projection, which would otherwise be one
linear map.
"""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from mad.shapes import HeadShape, Hidden


class Gate(nn.Module, ABC):
    """y (B T H*V) times an activation of a projection of the layer's input x (B T D)."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.project = nn.Linear(shape.d_model, shape.n_heads * shape.value_width, bias=False)

    @abstractmethod
    def activation(self, logits: Tensor) -> Tensor:
        """What the projection becomes before it multiplies."""

    def forward(self, y: Tensor, x: Hidden) -> Tensor:
        return y * self.activation(self.project(x))

    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""
        return 2 * length * self.project.weight.numel()


class SigmoidGate(Gate):
    """y * sigmoid(W x)."""

    def activation(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


class SiluGate(Gate):
    """y * silu(W x), as RetNet, GLA, Mamba-2 and Gated DeltaNet have it."""

    def activation(self, logits: Tensor) -> Tensor:
        return F.silu(logits)
