"""The delta rule: before a value is written under a key, what was stored there is taken away.

The memory is a matrix that a step of gradient descent on |S^T k - v|^2 corrects at every token. Several
steps a token (DeltaProduct) make the transition a product of Householder matrices; strengths up to 2 let
its eigenvalues go down to -1, so that it can reflect and permute; a decay lets it forget (Gated DeltaNet).

*Equations* (Yang et al., *Parallelizing Linear Transformers with the Delta Rule*, 2024, arXiv 2406.06484;
*Gated Delta Networks*, 2024, arXiv 2412.06464, eq. 10; Siems et al., *DeltaProduct*, 2025, arXiv
2502.10297; Grazzi et al., 2024, arXiv 2411.12537)

    S_t = a_t (I - b_t k_t k_t^T) S_(t-1) + b_t k_t v_t^T,   y_t = q_t^T S_t   (1)

A chunk, in its WY form, with G the cumulative log decay since the chunk began and D_ts = exp(G_t - G_s) for
s <= t:

    T = (I + tril(diag(b) (K K^T * D), -1))^(-1) diag(b),   W = T (exp(G) K)   (2)
    y = tril(Q K^T * D) T V + (exp(G) Q - tril(Q K^T * D) W) S   (3)
    S' = (exp(G_C) I - K'^T W) S + K'^T T V,   K' = exp(G_C - G) K   (4)

*Glossary*: b is `beta`, log a is `log_decay`, n_householder the writes per token (each with its own k, v,
b).
*State*: G matrices K V.
*Departures*: keys and queries are scaled to length 1 after the features, whatever they are. The further
keys and values of a DeltaProduct step are projected from the layer's input here, without the shell's
convolution.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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

MOST_WRITES = 64
"""Per token; papers use four at most."""


class Delta(MatrixMemory):
    """Equation (1). ``lowest_eigenvalue`` 0 keeps strengths in (0, 1), -1 lets them reach 2."""

    known_to_kernels = True

    def __init__(
        self,
        shape: HeadShape,
        *,
        features: Callable[[HeadShape], Features],
        decay: Callable[[HeadShape], Decay] | None = None,
        n_householder: int = 1,
        lowest_eigenvalue: float = 0.0,
    ) -> None:
        super().__init__(shape, features=features)
        if not 1 <= n_householder <= MOST_WRITES:
            raise ValueError(f"n_householder must lie between 1 and {MOST_WRITES}, not {n_householder}")
        if not -1 <= lowest_eigenvalue <= 0:
            raise ValueError(
                f"lowest_eigenvalue must lie in [-1, 0], not {lowest_eigenvalue}; -1 allows reflections"
            )
        self.writes, self.strongest = n_householder, 1 - lowest_eigenvalue
        self.decay = None if decay is None else decay(shape)
        if self.decay is not None and self.decay.per_channel:
            raise ValueError(
                "the delta rule takes one decay per head; set decay to mad.mixers.decay.Selective"
            )
        self.beta = nn.Linear(shape.d_model, n_householder * shape.n_kv_heads, bias=False)
        further = (n_householder - 1) * shape.n_kv_heads
        self.further_keys = (
            nn.Linear(shape.d_model, further * shape.key_width, bias=False) if further else None
        )
        self.further_values = (
            nn.Linear(shape.d_model, further * shape.value_width, bias=False) if further else None
        )

    def terms(self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int) -> Terms:
        heads = self.shape.n_kv_heads
        keys, values = [k], [v]
        if self.further_keys is not None and self.further_values is not None:
            keys += self.further_keys(x).unflatten(-1, (-1, heads, self.shape.key_width)).unbind(2)
            values += self.further_values(x).unflatten(-1, (-1, heads, self.shape.value_width)).unbind(2)
        k = _one_after_another([self._unit_features(key, start=start) for key in keys])
        beta = self.strongest * self.beta(x).sigmoid().unflatten(-1, (self.writes, heads)).flatten(1, 2)
        k, v, beta = (self.expand_heads(heads_first(part)) for part in (k, _one_after_another(values), beta))
        q = heads_first(self._unit_features(q, start=start))
        return Terms(q, k, v, self._log_decay(x), beta, self.writes)

    def chunk(self, terms: Terms) -> Chunk:
        q, k, beta = terms.q, terms.k, terms.beta
        assert beta is not None
        total = (torch.zeros_like(beta) if terms.log_decay is None else terms.log_decay).cumsum(-1)
        read_total, last = total[..., self.writes - 1 :: self.writes], total[..., -1:]
        strict = causal_mask(k.size(-2), k.size(-2), like=k).tril(-1)
        overlap = (k @ k.mT) * pairwise_decay(total, total, strict) * beta[..., None]
        identity = torch.eye(k.size(-2), device=k.device, dtype=k.dtype)
        # (2): one triangular solve gives T; W follows from it.
        solved = torch.linalg.solve_triangular(
            identity + overlap, torch.diag_embed(beta), upper=False, unitriangular=True
        )
        w = solved @ (k * total.exp()[..., None])
        mask = causal_mask(q.size(-2), k.size(-2), like=k)
        scores = (q @ k.mT) * pairwise_decay(read_total, total, mask)
        late = k * (last - total).exp()[..., None]
        carry = last.exp()[..., None] * torch.eye(k.size(-1), device=k.device, dtype=k.dtype) - late.mT @ w
        return Chunk(
            scores @ solved, q * read_total.exp()[..., None] - scores @ w, carry, (late.mT @ solved).mT
        )

    def rule_flops(self, length: int) -> int:
        heads, key_width, value_width = self.shape.n_heads, self.features.width, self.shape.value_width
        rows = min(length, self.chunk_size) * self.writes
        per_write = rows * (rows + 5 * key_width + value_width) + 2 * key_width * value_width
        further = sum(
            layer.weight.numel()
            for layer in (self.beta, self.further_keys, self.further_values)
            if layer is not None
        )
        decays = 0 if self.decay is None else self.decay.flops(length)
        return 2 * length * (self.writes * heads * per_write + further) + decays

    def _unit_features(self, x: Tensor, *, start: int) -> Tensor:
        return F.normalize(self.features(x, start=start), dim=-1)

    def _log_decay(self, x: Hidden) -> Tensor | None:
        """The decay of each write (B H M): a token's first write carries it, the others none."""
        if self.decay is None:
            return None
        per_token = self.expand_heads(heads_first(self.decay(x).log_decay))
        none = torch.zeros_like(per_token)
        return torch.stack([per_token] + [none] * (self.writes - 1), dim=-1).flatten(-2)


def _one_after_another(writes: list[Tensor]) -> Tensor:
    """n tensors (B T G width) as one (B T*n G width): the writes of a token follow one another."""
    return writes[0] if len(writes) == 1 else torch.stack(writes, dim=2).flatten(1, 2)
