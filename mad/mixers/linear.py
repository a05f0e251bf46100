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
identity; Mamba-2's skip connection (D x) is left out. Per-channel decays take the exponent of differences
directly, in short chunks: nothing can overflow.
"""

from collections.abc import Callable

import torch

from mad.mixers.decay import Decay
from mad.mixers.features import Features
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
        if self._per_channel:
            # A chunk holds C C K exponents.
            self.chunk_size = 16

    def terms(self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int) -> Terms:
        log_decay = None
        if self.decay is not None:
            log_decay, step = self.decay(x)
            v = v if step is None else v * step[..., None]
            log_decay = self.expand_heads(heads_first(log_decay))
        near_q, near_k = self.features.near(q), self.features.near(k)
        if near_q is not None and near_k is not None:
            near_q, near_k = heads_first(near_q), self.expand_heads(heads_first(near_k))
        q, k = self.features(q, start=start), self.features(k, start=start)
        k, v = self.expand_heads(heads_first(k)), self.expand_heads(heads_first(v))
        return Terms(heads_first(q), k, v, log_decay, near_q=near_q, near_k=near_k)

    def chunk(self, terms: Terms) -> Chunk:
        q, k, log_decay = terms.q, terms.k, terms.log_decay
        size = q.size(-2)
        mask = causal_mask(size, size, like=q)
        if log_decay is None:
            return Chunk((q @ k.mT).masked_fill(~mask, 0), q, None, k)
        if self._per_channel:
            return _per_channel_chunk(terms, mask)
        total = log_decay.cumsum(-1)
        within = (q @ k.mT) * pairwise_decay(total, total, mask)
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

    @property
    def _per_channel(self) -> bool:
        return self.decay is not None and self.decay.per_channel


def _per_channel_chunk(terms: Terms, mask: torch.Tensor) -> Chunk:
    """Equations (2) and (3) with a decay per key channel: C C K exponents, each at most 0."""
    assert terms.log_decay is not None
    total = terms.log_decay.cumsum(-2)
    difference = total[..., :, None, :] - total[..., None, :, :]
    decay = difference.masked_fill(~mask[..., None], -torch.inf).exp()
    within = torch.einsum("...tk,...sk,...tsk->...ts", terms.q, terms.k, decay)
    last = total[..., -1:, :]
    return Chunk(within, terms.q * total.exp(), last.exp().mT, terms.k * (last - total).exp())
