"""A short causal convolution: each channel sees its own last few values.

Two-layer models bind a key to the value beside it with it; without any local mixing most sit on a plateau
(Arora et al., *Zoology*, 2023, arXiv 2312.04927, section 4).

    y_t = sum_(j < width) w_j * x_(t - j),   per channel

*State*: the last width - 1 inputs.
"""

import torch
from torch import Tensor, nn

from mad.shapes import Hidden

ACTIVATIONS = {"none": nn.Identity, "silu": nn.SiLU}


class ShortConvolution(nn.Module):
    """A depthwise causal convolution of the given width; width 0 passes everything through."""

    def __init__(self, channels: int, *, width: int, activation: str = "none") -> None:
        super().__init__()
        if width < 0:
            raise ValueError(f"a convolution's width must be 0 (none) or more, not {width}")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation {activation!r} of a convolution; take one of {[*ACTIVATIONS]}"
            )
        self.width = width
        self.channels = channels
        if width:
            # PyTorch's own bound for a convolution with `width` inputs per output.
            self.weight = nn.Parameter(torch.empty(width, channels).uniform_(-1, 1) * width**-0.5)
            self.activation = ACTIVATIONS[activation]()

    def init_state(self, batch: int, *, like: Tensor) -> Tensor:
        """Zeros (B width-1 C): before the first token there was silence."""
        return like.new_zeros(batch, max(0, self.width - 1), self.channels)

    def forward(self, x: Hidden, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolves (B T C); ``past`` holds the inputs before it. Returns the outputs and the new past."""
        if self.width == 0:
            return x, past
        seen = torch.cat([past, x], dim=1)
        length = x.size(1)
        y = seen[:, :length] * self.weight[-1]
        for lag in reversed(range(self.width - 1)):
            offset = self.width - 1 - lag
            y = torch.addcmul(y, seen[:, offset : offset + length], self.weight[lag])
        return self.activation(y), seen[:, length:]

    def state_floats(self) -> int:
        """Floats that one sequence's past holds."""
        return max(0, self.width - 1) * self.channels

    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""
        return 2 * self.width * self.channels * length
