"""Linear attention: the past is one matrix per head, which may fade.

A sum of outer products of keys and values is read with the query; a decay, per head or per channel, lets
what is old fade. No decay is linear attention, a fixed one RetNet, chosen ones Mamba-2 and GLA.

*Equations* (Katharopoulos et al., *Transformers are RNNs*, 2020, arXiv 2006.16236, eq. 18-20; with decay:
Yang et al., *Gated Linear Attention Transformers*, 2023, arXiv 2312.06635, eq. 3)

    S_t = g_t S_(t-1) + phi(k_t) v_t^T,   y_t = phi(q_t)^T S_t   (1)

and for a chunk of C tokens with G_t = sum_(r <= t) log g_r, counted from the chunk's first token (section
4.2):

    y_t = sum_(s <= t) phi(q_t)^T exp(G_t - G_s) phi(k_s) v_s^T + phi(q_t)^T exp(G_t) S   (2)
    S'  = exp(G_C) S + sum_s exp(G_C - G_s) phi(k_s) v_s^T   (3)

*Glossary*: phi is `features`, log g is `log_decay` (B H T, or B H T K per channel).
*State*: G matrices K V.
*Departures*: the paper divides by phi(q)^T sum phi(k): that is a readout here. Mamba-2 and GLA apply phi =
identity; Mamba-2's skip connection (D x) is left out. Decays are exponents of differences that are at most 0:
nothing can overflow.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from mad.mixers.decay import Decay
from mad.mixers.features import Features, placed
from mad.mixers.matrix import (
    Chunk,
    MatrixMemory,
    Terms,
    causal_mask,
    heads_first,
    pairwise_decay,
)
from mad.shapes import HeadShape, Hidden, Keys, Queries, Values


class Linear(MatrixMemory):
    """Equation (1), with a decay from :mod:`mad.mixers.decay` or none."""

    known_to_kernels = True

    def __init__(
        self,
        shape: HeadShape,
        *,
        features: Callable[[HeadShape], Features],
        decay: Callable[[HeadShape], Decay] | None = None,
    ) -> None:
        super().__init__(shape, features=features)
        self.decay = None if decay is None else decay(shape)
        if self._per_channel and self.features.width != shape.key_width:
            raise ValueError(
                f"a decay per channel needs features as wide as the keys ({shape.key_width}), "
                f"not {self.features.width}; set features=identity"
            )

    def terms(self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int) -> Terms:
        log_decay = None
        if self.decay is not None:
            log_decay, step = self.decay(x)
            v = v if step is None else v * step[..., None]
            log_decay = self.expand_heads(heads_first(log_decay))
        position = self.features.position(start, start + q.size(1), like=q)
        q, k = self._contents(q), self.expand_heads(self._contents(k))
        return Terms(q, k, self.expand_heads(heads_first(v)), log_decay, position=position)

    def chunk(self, terms: Terms) -> Chunk:
        if self._per_channel:
            return _per_channel_chunk(terms)
        mask = causal_mask(terms.q.size(-2), terms.q.size(-2), like=terms.q)
        products = terms.q @ terms.k.mT
        if terms.position is not None:
            products = products * (terms.position @ terms.position.mT)
        q, k = placed(terms.q, terms.position), placed(terms.k, terms.position)
        if terms.log_decay is None:
            return Chunk(products.masked_fill(~mask, 0), q, None, k)
        total = terms.log_decay.cumsum(-1)
        within = products * pairwise_decay(total, total, mask)
        last = total[..., -1:]
        return Chunk(
            within, q * total.exp()[..., None], last.exp()[..., None], k * (last - total).exp()[..., None]
        )

    def rule_flops(self, length: int) -> int:
        heads, key_width, value_width = self.shape.n_heads, self.features.width, self.shape.value_width
        chunk = min(length, self.chunk_size)
        within = length * chunk * (key_width + value_width)
        decays = 0 if self.decay is None else self.decay.flops(length)
        return 2 * heads * (within + length * key_width * value_width) + decays

    def _contents(self, x: torch.Tensor) -> torch.Tensor:
        """Features (B H T K') of keys or queries, from a copy that lies heads first in memory."""
        return heads_first(self.features.content(heads_first(heads_first(x).contiguous())))

    @property
    def _per_channel(self) -> bool:
        return self.decay is not None and self.decay.per_channel


def _per_channel_chunk(terms: Terms) -> Chunk:
    """Equations (2) and (3) with a decay per key channel."""
    assert terms.log_decay is not None
    total = terms.log_decay.cumsum(-2)
    last = total[..., -1:, :]
    within = _by_halves(terms.q, terms.k, terms.log_decay)
    return Chunk(within, terms.q * total.exp(), last.exp().mT, terms.k * (last - total).exp())


def _by_halves(q: torch.Tensor, k: torch.Tensor, log_decay: torch.Tensor) -> torch.Tensor:
    """sum_k q_tk exp(G_tk - G_sk) k_sk for s <= t (... C C): C log C exponents a channel, none above 0.

    The later half of a block reads the earlier one: queries fade since the border, keys up to it. Both halves
    are blocks themselves, down to single tokens.
    """
    size = q.size(-2)
    missing = (1 << (size - 1).bit_length()) - size
    q, k, log_decay = (F.pad(tensor, (0, 0, 0, missing)) for tensor in (q, k, log_decay))
    total = log_decay.cumsum(-2)
    blocks = (q * k).sum(-1)[..., None, None]  # ... n 1 1
    while blocks.size(-3) > 1:
        half = blocks.size(-1)
        (_, later_q), (earlier_k, _), (before, after) = (
            tensor.unflatten(-2, (-1, 2, half)).unbind(-3) for tensor in (q, k, total)
        )
        border = before[..., -1:, :]
        across = (later_q * (after - border).exp()) @ (earlier_k * (border - before).exp()).mT
        earlier, later = blocks.unflatten(-3, (-1, 2)).unbind(-3)
        above = torch.cat([earlier, torch.zeros_like(across)], dim=-1)
        blocks = torch.cat([above, torch.cat([across, later], dim=-1)], dim=-2)
    return blocks[..., 0, :size, :size]
