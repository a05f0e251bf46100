"""The fast core of log-linear attention: a tree of chunks in O(T log T), with its backward written by hand.

The readable form is the loop over chunks in :mod:`mad.mixers.log_linear`; this one has no loop over time,
serves rules without matrix transitions (plain and with a decay per head), and is held equal to the other by
the tests.

Chunks have C = 2^c tokens. Two tokens of one chunk meet at the level bit_length of the low c bits of t XOR
s; tokens of chunks i > j meet at level c + bit_length(i XOR j), that is where the blocks of 2^(m-1) chunks
around them are siblings:

    within   O = (Q K^T * D * Lambda) V                                         dense, C x C
    leaves   S0_i = K'_i^T V_i,  Sm_j = exp(G_right) S(m-1)_(2j) + S(m-1)_(2j+1)
    between  O_right += lambda_(c+m) exp(G_t) Q_right S(m-1)_left                one matrix product a level

with G the log decay since the chunk, or the right sibling, began: every exponent is 0 or below.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.level_blocks import collapse, spread

View = Callable[[Tensor], Tensor]


def fenwick_attention(
    q: Tensor, k: Tensor, v: Tensor, weights: Tensor, log_decay: Tensor | None, *, chunk_size: int
) -> Tensor:
    """sum_(s <= t) weights_t[bit_length(t XOR s)] exp(G_t - G_s) (q_t . k_s) v_s, from t = 0.

    q, k (B H T K), v (B H T V), weights (B H T L) with L >= bit_length(T - 1) + 1, log_decay (B H T), summed
    to G, or None.
    ``chunk_size`` is a power of two. Returns (B H T V).
    """
    batch, length = q.shape[:2], q.size(2)
    chunk_size = min(chunk_size, 1 << (length - 1).bit_length())
    q, k, v, weights = (_padded(tensor, chunk_size).flatten(0, 1) for tensor in (q, k, v, weights))
    total = None
    if log_decay is not None:
        total = (
            _padded(log_decay[..., None], chunk_size)
            .flatten(0, 1)
            .unflatten(1, (-1, chunk_size))[..., 0]
            .cumsum(-1)
        )
    low = chunk_size.bit_length()
    chunks = [tensor.unflatten(1, (-1, chunk_size)) for tensor in (q, k, v, weights[..., :low])]
    y = _Within.apply(*chunks, total).flatten(1, 2)
    if q.size(1) > chunk_size:
        left, reach = _tree(chunks[1], chunks[2], total)
        high = weights[..., low : low + len(left)]
        y = y + _Between.apply(chunk_size, q, high if reach is None else high * reach, *left)
    return y[:, :length].unflatten(0, batch)


def _padded(tensor: Tensor, multiple: int) -> Tensor:
    """Zeros behind the time axis (2) up to a multiple of the chunk."""
    missing = -tensor.size(2) % multiple
    return F.pad(tensor, (0, 0, 0, missing)) if missing else tensor


def _tree(k: Tensor, v: Tensor, total: Tensor | None) -> tuple[list[Tensor], Tensor | None]:
    """Left siblings (X n K V) of every level above the chunk; exp(G_t) since the right one began (X T M)."""
    n_chunks = k.size(1)
    if total is None:
        node, decay = k.mT @ v, None
    else:
        decay = total[..., -1]
        node = (k * (decay[..., None] - total).exp()[..., None]).mT @ v
    chunk = torch.arange(n_chunks, device=k.device)
    since = node.new_zeros(node.shape[:2])
    left, reach = [], []
    for level in range((n_chunks - 1).bit_length()):
        left.append(node[:, ::2])
        pairs = node.size(1) // 2
        older, newer = node[:, 0 : 2 * pairs : 2], node[:, 1 : 2 * pairs : 2]
        if total is None or decay is None:
            node = older + newer
            continue
        reach.append((since[..., None] + total).exp().flatten(1))
        # A chunk on the right side lies behind the whole left block of this level.
        behind = F.pad(decay, (1, 0))[:, (chunk >> level) * ((chunk >> level) & 1)]
        since = since + behind
        newer_decay = decay[:, 1 : 2 * pairs : 2]
        node = newer_decay.exp()[..., None, None] * older + newer
        decay = decay[:, 0 : 2 * pairs : 2] + newer_decay
    return left, torch.stack(reach, dim=-1) if reach else None


class _Within(torch.autograd.Function):
    """(Q K^T * D * Lambda) V inside every chunk; the C x C matrices are not kept but computed again."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, weights: Tensor, total: Tensor | None) -> Tensor:
        ctx.save_for_backward(q, k, v, weights, total)
        scores = _scores(q, k, total)
        return scores.mul_(spread(weights)) @ v

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights, total = ctx.saved_tensors
        scores, spread_weights = _scores(q, k, total), spread(weights)
        weighted = scores * spread_weights
        d_weighted = dy @ v.mT
        d_total = None
        if total is not None:
            exchange = d_weighted * weighted
            d_total = exchange.sum(-1) - exchange.sum(-2)
        d_products = d_weighted * spread_weights
        if total is not None:
            d_products = d_products * _decays(total)
        return d_products @ k, d_products.mT @ q, weighted.mT @ dy, collapse(d_weighted * scores), d_total


class _Between(torch.autograd.Function):
    """Every right sibling reads its left sibling's state, level by level."""

    @staticmethod
    def forward(ctx: Any, chunk_size: int, q: Tensor, weights: Tensor, *left: Tensor) -> Tensor:
        ctx.chunk_size = chunk_size
        ctx.save_for_backward(q, weights, *left)
        y = q.new_zeros(*q.shape[:2], left[0].size(-1))
        for level, state in enumerate(left):
            weight = weights[..., level : level + 1]
            for rows, blocks in _sides(q.size(1), chunk_size << level):
                rows(y).add_(rows(weight) * (rows(q) @ blocks(state)))
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        q, weights, *left = ctx.saved_tensors
        dq, d_weights, d_left = torch.zeros_like(q), torch.zeros_like(weights), []
        for level, state in enumerate(left):
            d_state = torch.zeros_like(state)
            weight, d_weight = (tensor[..., level : level + 1] for tensor in (weights, d_weights))
            for rows, blocks in _sides(q.size(1), ctx.chunk_size << level):
                upstream = rows(dy) @ blocks(state).mT
                rows(d_weight).copy_((upstream * rows(q)).sum(-1, keepdim=True))
                rows(dq).add_(rows(weight) * upstream)
                blocks(d_state).copy_((rows(weight) * rows(q)).mT @ rows(dy))
            d_left.append(d_state)
        return None, dq, d_weights, *d_left


def _sides(length: int, size: int) -> Iterator[tuple[View, View]]:
    """Views of the right siblings of ``size`` tokens (X T W to X n size W) and of the left ones' states.

    First all the whole ones at once, then the last one if the sequence ends inside it.
    """
    pairs, rest = divmod(length, 2 * size)
    if pairs:
        yield (
            lambda x: x[:, : pairs * 2 * size].unflatten(1, (pairs, 2, size))[:, :, 1],
            lambda state: state[:, :pairs],
        )
    if rest > size:
        yield (lambda x: x[:, length - rest + size :].unsqueeze(1), lambda state: state[:, pairs : pairs + 1])


def _scores(q: Tensor, k: Tensor, total: Tensor | None) -> Tensor:
    """Products of queries and keys (X N C C), decayed; without a decay also above the diagonal."""
    scores = q @ k.mT
    return scores if total is None else scores.mul_(_decays(total))


def _decays(total: Tensor) -> Tensor:
    """exp(G_t - G_s) for s <= t, else 0."""
    mask = torch.ones(total.size(-1), total.size(-1), dtype=torch.bool, device=total.device).tril()
    return (total[..., :, None] - total[..., None, :]).masked_fill_(~mask, -torch.inf).exp_()
