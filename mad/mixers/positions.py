"""Where a token stands, told to keys and queries by rotation.

Su et al., *RoFormer*, 2021, arXiv 2104.09864, eq. 34: each pair of channels turns by an angle proportional
to the position, so that a product of query and key depends on their distance alone.
"""

import torch
from torch import Tensor, nn

from mad.shapes import HeadShape


class Rotary(nn.Module):
    """Rotary positions; channel i is paired with channel i + K/2."""

    def __init__(self, shape: HeadShape, *, base: float = 10_000.0) -> None:
        super().__init__()
        if shape.key_width % 2:
            raise ValueError(f"rotary positions need an even key width, not {shape.key_width}")
        self.base = base

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        """Turns keys or queries (B T H K), the first of which stands at `start`."""
        half = x.size(-1) // 2
        # Double precision: a table in bfloat16 confuses neighbours, one in float32 drifts past 1e5 positions.
        channel = torch.arange(half, device=x.device, dtype=torch.float64)
        position = torch.arange(start, start + x.size(1), device=x.device, dtype=torch.float64)
        angle = (position[:, None] * self.base ** (-channel / half))[:, None, :]
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a, b = x.split(half, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
