"""What a block does to each token alone: the channel mixers between the sequence mixers."""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import nn

from mad.shapes import MOST_WEIGHTS, Hidden


class ChannelMixer(nn.Module, ABC):
    """A map of each token's channels, through two matrices ``up`` and ``down``."""

    up: nn.Linear
    down: nn.Linear

    def __init__(self, d_model: int, width: int) -> None:
        super().__init__()
        if not 1 <= width <= MOST_WEIGHTS // d_model:
            raise ValueError(
                f"mlp.width must lie between 1 and {MOST_WEIGHTS // d_model:,} with d_model={d_model}, not "
                f"{width}; {2 * d_model} is a common choice"
            )

    @abstractmethod
    def forward(self, x: Hidden) -> Hidden:
        """Every token by itself."""

    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""
        return 2 * length * (self.up.weight.numel() + self.down.weight.numel())


class SwiGLU(ChannelMixer):
    """W_3 (silu(W_1 x) * W_2 x), without biases.

    Shazeer, *GLU Variants Improve Transformer*, 2020, arXiv 2002.05202, eq. 6.
    """

    def __init__(self, d_model: int, *, width: int) -> None:
        super().__init__(d_model, width)
        self.up = nn.Linear(d_model, 2 * width, bias=False)
        self.down = nn.Linear(width, d_model, bias=False)

    def forward(self, x: Hidden) -> Hidden:
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class GELU(ChannelMixer):
    """W_2 gelu(W_1 x + b_1) + b_2, the Transformer's feed-forward layer."""

    def __init__(self, d_model: int, *, width: int) -> None:
        super().__init__(d_model, width)
        self.up = nn.Linear(d_model, width)
        self.down = nn.Linear(width, d_model)

    def forward(self, x: Hidden) -> Hidden:
        return self.down(F.gelu(self.up(x)))
