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
        self.shape = shape
        self.width = shape.key_width

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the map accepts, or None where there is no limit."""
        return None

    @abstractmethod
    def content(self, x: Tensor) -> Tensor:
        """What the features say of the tokens themselves, wherever they stand: (... K) to (... K')."""

    def position(self, start: int, end: int, *, like: Tensor) -> Tensor | None:
        """What they say of the positions start..end-1 (T R); None if these do not matter.

        Features are the outer product of both (see `placed`), so that a product of two tokens' features is
        one of contents times one of positions.
        """
        return None

    def forward(self, x: Tensor, *, start: int) -> Tensor:
        """The features of tokens that stand at positions start, start + 1, ..."""
        position = self.position(start, start + x.size(1), like=x)
        return placed(self.content(x), None if position is None else position[:, None])


def placed(content: Tensor, position: Tensor | None) -> Tensor:
    """The outer product of contents (... K) and positions (... R), flattened to (... R K)."""
    if position is None:
        return content
    return torch.cat([content * factor for factor in position.split(1, dim=-1)], dim=-1)


class Identity(Features):
    """The keys and queries themselves."""

    def content(self, x: Tensor) -> Tensor:
        return x


class Elu(Features):
    """elu(x) + 1: positive and smooth."""

    def content(self, x: Tensor) -> Tensor:
        return F.elu(x) + 1


class Relu(Features):
    """relu(x): non-negative and sparse."""

    def content(self, x: Tensor) -> Tensor:
        return F.relu(x)


class Silu(Features):
    """x sigmoid(x): the activation that delta rules put on keys and queries."""

    def content(self, x: Tensor) -> Tensor:
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

    def content(self, x: Tensor) -> Tensor:
        return F.relu(x)

    def position(self, start: int, end: int, *, like: Tensor) -> Tensor:
        if end > self.horizon:
            raise ValueError(
                f"horizon {self.horizon} is shorter than the sequence ({end}); "
                f"set features.horizon to {end} or more"
            )
        # In double precision: the angle must not depend on where the sequence was cut.
        angle = torch.arange(start, end, device=like.device, dtype=torch.float64) * (
            math.pi / 2 / self.horizon
        )
        return torch.stack([angle.cos(), angle.sin()], dim=-1).to(like.dtype)
