"""Softmax attention: every past token is kept, and each query weighs them all.

*Equations* (Vaswani et al., *Attention Is All You Need*, 2017, arXiv 1706.03762, eq. 1)

    y_t = sum_(s <= t) softmax_s(q_t . k_s / sqrt(K)) v_s

*State*: the keys and values of all tokens so far; it grows by G (K + V) floats a token.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.base import Memory
from mad.shapes import HeadShape, Hidden, Keys, Queries, Readings, Values

QUERY_BLOCK = 512
"""Queries that are masked at a time when there is a past: no mask grows with T x T."""


class SoftmaxState(NamedTuple):
    """The cache: keys (B S G K) and values (B S G V)."""

    k: Tensor
    v: Tensor


class Softmax(Memory):
    """PyTorch's scaled dot-product attention, with a cache."""

    bears_autocast = True

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape

    def init_state(self, batch: int, *, like: Tensor) -> SoftmaxState:
        shape = self.shape
        return SoftmaxState(
            like.new_zeros(batch, 0, shape.n_kv_heads, shape.key_width),
            like.new_zeros(batch, 0, shape.n_kv_heads, shape.value_width),
        )

    def forward(
        self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int, state: SoftmaxState
    ) -> tuple[Readings, SoftmaxState]:
        if start == 0:
            return _attend(q, k, v, causal=True), SoftmaxState(k, v)
        k, v = torch.cat([state.k, k], dim=1), torch.cat([state.v, v], dim=1)
        source = torch.arange(k.size(1), device=q.device)
        blocks = []
        for first in range(0, q.size(1), QUERY_BLOCK):
            block = q[:, first : first + QUERY_BLOCK]
            position = start + first + torch.arange(block.size(1), device=q.device)
            blocks.append(_attend(block, k, v, mask=source <= position[:, None]))
        return torch.cat(blocks, dim=1), SoftmaxState(k, v)

    def state_floats(self, length: int) -> int:
        return length * self.shape.n_kv_heads * (self.shape.key_width + self.shape.value_width)

    def flops(self, length: int) -> int:
        pairs = length * (length + 1) // 2
        return 2 * pairs * self.shape.n_heads * (self.shape.key_width + self.shape.value_width)


def _attend(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, mask: Tensor | None = None) -> Tensor:
    grouped = q.size(2) != k.size(2)
    q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped)
    return y.transpose(1, 2)
