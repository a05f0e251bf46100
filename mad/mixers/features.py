"""What keys and queries look like to a memory: fixed feature maps.

A feature map turns each key and query of width K into `width` features, token by token and the same
way for both, so that a product of features stands for a kernel between query and key.

*cosFormer* (Qin et al., *cosFormer: Rethinking Softmax in Attention*, 2022, arXiv 2202.08791), eq. 10:
the kernel relu(q_i) . relu(k_j) cos(pi/2 (i - j) / M) splits by Ptolemy into two products,

    [relu(x_i) cos(theta_i), relu(x_i) sin(theta_i)],   theta_i = pi i / (2 M).

*elu + 1*: Katharopoulos et al., *Transformers are RNNs*, 2020, arXiv 2006.16236, eq. 7.
"""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mad.shapes import HeadShape


class Features(nn.Module, ABC):
    """A map from keys and queries (B T H K) to features (B T H width)."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.width = shape.key_width

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the map accepts, or None where there is no limit."""
        return None

    def near(self, x: Tensor) -> Tensor | None:
        """Cheaper features whose products, times `window`, are the products of these; None if none are."""
        return None

    def window(self, size: int, *, like: Tensor) -> Tensor:
        """What multiplies products of `near` features of tokens t and s of one chunk: (size size)."""
        return like.new_ones(size, size)

    @abstractmethod
    def forward(self, x: Tensor, *, start: int) -> Tensor:
        """The features of tokens that stand at positions start, start + 1, ..."""


class Identity(Features):
    """The keys and queries themselves."""

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        return x


class Elu(Features):
    """elu(x) + 1: positive and smooth."""

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        return F.elu(x) + 1


class Relu(Features):
    """relu(x): non-negative and sparse."""

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        return F.relu(x)


class Silu(Features):
    """x sigmoid(x): the activation that delta rules put on keys and queries."""

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        return F.silu(x)


class Cosine(Features):
    """cosFormer: relu, re-weighted by the cosine of the distance between query and key.

    ``horizon`` is the paper's M. Past it the weights would turn negative, so that positions are refused.
    """

    def __init__(self, shape: HeadShape, *, horizon: int) -> None:
        super().__init__(shape)
        if horizon < 1:
            raise ValueError(f"the cosine's horizon must be 1 or more, not {horizon}; set features.horizon")
        self.horizon = horizon
        self.width = 2 * shape.key_width

    @property
    def max_length(self) -> int | None:
        return self.horizon

    def near(self, x: Tensor) -> Tensor:
        return F.relu(x)

    def window(self, size: int, *, like: Tensor) -> Tensor:
        angle = torch.arange(size, device=like.device, dtype=torch.float64) * (math.pi / 2 / self.horizon)
        return (angle[:, None] - angle).cos().to(like.dtype)

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        end = start + x.size(1)
        if end > self.horizon:
            raise ValueError(
                f"horizon {self.horizon} is shorter than the sequence ({end}); "
                f"set features.horizon to {end} or more"
            )
        # In double precision: the angle must not depend on where the sequence was cut.
        position = torch.arange(start, end, device=x.device, dtype=torch.float64)
        angle = (position * (math.pi / 2 / self.horizon))[:, None, None]
        x = F.relu(x)
        return torch.cat([x * angle.cos().to(x.dtype), x * angle.sin().to(x.dtype)], dim=-1)
