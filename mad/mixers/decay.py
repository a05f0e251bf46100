"""How fast a linear memory forgets: parts that turn a layer's input into decays.

Every part gives the logarithm of the factor by which the state shrinks when a token arrives, never
above 0, and may give the step by which the token's value is scaled when it is written.

*Equations*: RetNet (Sun et al., 2023, arXiv 2307.08621, eq. 8); Mamba-2 (Dao, Gu, 2024, arXiv 2405.21060,
section 7) and, for alpha alone, Gated DeltaNet (Yang et al., 2024, arXiv 2412.06464, section 3.3); GLA
(Yang et al., 2023, arXiv 2312.06635, section 4.4).

    RetNet  log g_h = log(1 - 2^(-5-h))                             fixed, one per head
    Mamba-2 log g_t = -exp(A) dt_t,  dt_t = softplus(W x_t + b)     one per head and token
    GLA     log g_t = logsigmoid(W_2 W_1 x_t + b) / 16              one per channel and token
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mad.shapes import MOST_WEIGHTS, HeadShape, Hidden


class Decayed(NamedTuple):
    """Log decays, (B T G) per head or (B T G K) per channel; steps (B T G), or None for 1."""

    log_decay: Tensor
    step: Tensor | None = None


class Decay(nn.Module, ABC):
    """From a layer's input (B T D) to decays."""

    per_channel: ClassVar[bool] = False
    """Whether there is a decay for each key channel, not only for each head."""

    @abstractmethod
    def forward(self, x: Hidden) -> Decayed:
        """Log decays, at most 0, and steps."""

    @abstractmethod
    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""


class Retention(Decay):
    """RetNet's fixed decays: head h keeps 1 - 2^(-5-h) of its state at every token."""

    rates: Tensor

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        exponent = -5.0 - torch.arange(shape.n_kv_heads, dtype=torch.float64)
        self.register_buffer("rates", torch.log1p(-(2.0**exponent)))

    def forward(self, x: Hidden) -> Decayed:
        return Decayed(self.rates.to(x.dtype).expand(*x.shape[:2], -1))

    def flops(self, length: int) -> int:
        return 0


class Selective(Decay):
    """Mamba-2's decay, as Gated DeltaNet uses it: chosen by the token, the values written whole."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.rate = _DiscretisedRate(shape)

    def forward(self, x: Hidden) -> Decayed:
        return Decayed(self.rate(x)[0])

    def flops(self, length: int) -> int:
        return self.rate.flops(length)


class SelectiveStep(Decay):
    """Mamba-2's decay with its step: a token that forgets more also writes more."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.rate = _DiscretisedRate(shape)

    def forward(self, x: Hidden) -> Decayed:
        return Decayed(*self.rate(x))

    def flops(self, length: int) -> int:
        return self.rate.flops(length)


class PerChannel(Decay):
    """GLA's decay: one per key channel, through a bottleneck of ``rank``; ``temperature`` is its 16."""

    per_channel = True

    def __init__(self, shape: HeadShape, *, rank: int = 16, temperature: float = 16.0) -> None:
        super().__init__()
        most = MOST_WEIGHTS // shape.d_model
        if not 1 <= rank <= most:
            raise ValueError(f"decay.rank must lie between 1 and {most:,}, not {rank}; 16 is a common choice")
        if temperature <= 0:
            raise ValueError(f"decay.temperature must be above 0, not {temperature}; 16 is a common choice")
        channels = shape.n_kv_heads * shape.key_width
        self.down = nn.Linear(shape.d_model, rank, bias=False)
        self.up = nn.Linear(rank, channels)
        self.shape, self.temperature = shape, temperature

    def forward(self, x: Hidden) -> Decayed:
        logits = self.up(self.down(x)).unflatten(-1, (self.shape.n_kv_heads, self.shape.key_width))
        return Decayed(F.logsigmoid(logits) / self.temperature)

    def flops(self, length: int) -> int:
        return 2 * length * (self.down.weight.numel() + self.up.weight.numel())


class _DiscretisedRate(nn.Module):
    """(-exp(A) dt, dt), with Mamba-2's initial values: A in [1, 16], dt in [0.001, 0.1]."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        heads = shape.n_kv_heads
        self.project = nn.Linear(shape.d_model, heads, bias=False)
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        dt = torch.empty(heads).uniform_(math.log(1e-3), math.log(1e-1)).exp()
        self.bias = nn.Parameter(dt.expm1().log())  # softplus gives dt back

    def forward(self, x: Hidden) -> tuple[Tensor, Tensor]:
        dt = F.softplus(self.project(x) + self.bias)
        return -self.log_rate.exp() * dt, dt

    def flops(self, length: int) -> int:
        return 2 * length * self.project.weight.numel()
