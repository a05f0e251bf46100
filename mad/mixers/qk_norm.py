"""Keys and queries brought to a common length before they meet.

Henry et al., *Query-Key Normalization for Transformers*, 2020, arXiv 2010.04245.
"""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from mad.shapes import HeadShape


class QKNorm(nn.Module, ABC):
    """A norm for queries (B T H K) and keys (B T G K)."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """The queries and keys, brought to a common length."""


class UnitNorm(QKNorm):
    """Length 1 for every key and query; nothing learned."""

    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return F.normalize(q, dim=-1), F.normalize(k, dim=-1)


class RMSNorm(QKNorm):
    """Root mean square 1 for every key and query, with a learned scale per channel, shared by the heads."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__(shape)
        self.query_norm = nn.RMSNorm(shape.key_width)
        self.key_norm = nn.RMSNorm(shape.key_width)

    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        dtype = self.key_norm.weight.dtype
        return self.query_norm(q.to(dtype)), self.key_norm(k.to(dtype))
