"""A short causal convolution: each channel sees its own last few values.

Two-layer models bind a key to the value beside it with it; without any local mixing most sit on a plateau
(Arora et al., *Zoology*, 2023, arXiv 2312.04927, section 4).

    y_t = sum_(j < width) w_j * x_(t - j),   per channel

*State*: the last width - 1 inputs.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mad.shapes import Hidden

MOST_WIDTH = 2**16

ACTIVATIONS = {"none": nn.Identity, "silu": nn.SiLU}


class ShortConvolution(nn.Module):
    """A depthwise causal convolution of the given width; width 0 passes everything through."""

    def __init__(self, channels: int, *, width: int, activation: str = "none") -> None:
        super().__init__()
        if not 0 <= width <= MOST_WIDTH:
            raise ValueError(
                f"a convolution's width must be 0 (none) to {MOST_WIDTH:,}, not {width}; "
                "set model.mixer.convolution.width, of which 4 is a common choice"
            )
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
        return self.activation(_Convolve.apply(seen, self.weight)), seen[:, x.size(1) :]

    def state_floats(self) -> int:
        """Floats that one sequence's past holds."""
        return max(0, self.width - 1) * self.channels

    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""
        return 2 * self.width * self.channels * length


class _Convolve(torch.autograd.Function):
    """The sum over lags, without the copies that slices cost in a derived backward (half its time)."""

    @staticmethod
    def forward(ctx: Any, seen: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(seen, weight)
        y = seen.new_zeros(len(seen), seen.size(1) - len(weight) + 1, seen.size(2))
        for source, channel_weight in _lagged(seen, weight):
            y.addcmul_(source, channel_weight)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor]:
        seen, weight = ctx.saved_tensors
        d_seen, d_weight = torch.zeros_like(seen), torch.empty_like(weight)
        sources = _lagged(d_seen, weight), _lagged(seen, d_weight)
        for (d_source, channel_weight), (source, d_channel_weight) in zip(*sources, strict=True):
            d_source.addcmul_(dy, channel_weight)
            d_channel_weight.copy_((dy * source).sum((0, 1)))
        return d_seen, d_weight


def _lagged(seen: Tensor, weight: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For every lag, the inputs (B T C) that it reaches and its weights (C)."""
    width, length = len(weight), seen.size(1) - len(weight) + 1
    return [(seen[:, width - 1 - lag :][:, :length], weight[lag]) for lag in range(width)]
