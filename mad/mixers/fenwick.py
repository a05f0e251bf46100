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
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.level_blocks import collapse, spread

View = Callable[[Tensor], Tensor]


class Near(NamedTuple):
    """Within a chunk q_t . k_s is a product of cheaper queries and keys (B H T K'), times window(C)[t, s]."""

    q: Tensor
    k: Tensor
    window: Callable[[int], Tensor]


def fenwick_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
    log_decay: Tensor | None = None,
    near: Near | None = None,
    *,
    chunk_size: int,
) -> Tensor:
    """sum_(s <= t) weights_t[bit_length(t XOR s)] exp(G_t - G_s) (q_t . k_s) v_s, from t = 0.

    q, k (B H T K), v (B H T V), weights (B H T L) with L >= bit_length(T - 1) + 1; log_decay (B H T) is
    summed to G; ``near`` gives cheaper factors of q . k within a chunk. ``chunk_size`` is a power of two.
    Returns (B H T V).
    """
    batch, length = q.shape[:2], q.size(2)
    chunk_size = min(chunk_size, 1 << (length - 1).bit_length())
    q, k, v, weights = (_padded(tensor, chunk_size) for tensor in (q, k, v, weights))
    total: Tensor | None = None
    left: list[Tensor] = []
    if log_decay is not None:
        log_decay = _padded(log_decay[..., None], chunk_size)[..., 0]
        total = log_decay.unflatten(1, (-1, chunk_size)).cumsum(-1)
    if q.size(1) > chunk_size:
        chunks = k.unflatten(1, (-1, chunk_size)), v.unflatten(1, (-1, chunk_size))
        left, reach = _tree(*chunks, total)
        if reach is not None:
            low = chunk_size.bit_length()
            weights = weights * F.pad(reach, (low, weights.size(-1) - low - len(left)), value=1.0)
    if near is None:
        y = _Read.apply(chunk_size, None, q, k, v, weights, total, None, *left)
    else:
        near_q, near_k = _padded(near.q, chunk_size), _padded(near.k, chunk_size)
        window = near.window(chunk_size)
        y = _Read.apply(chunk_size, q, near_q, near_k, v, weights, total, window, *left)
    return y[:, :length].unflatten(0, batch)


def _padded(tensor: Tensor, multiple: int) -> Tensor:
    """(B H T W) to (B*H T' W), with zeros behind up to a multiple of the chunk."""
    missing = -tensor.size(2) % multiple
    return (F.pad(tensor, (0, 0, 0, missing)) if missing else tensor).flatten(0, 1)


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


class _Read(torch.autograd.Function):
    """All reads: within every chunk, then by every right sibling from its left one, level by level.

    ``far`` (X T K) are the queries between chunks, or None if they are the same as within. No matrix of
    chunk by chunk is kept for the backward pass; it is cheaper to make again than to hold.
    """

    @staticmethod
    def forward(
        ctx: Any,
        chunk_size: int,
        far: Tensor | None,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        weights: Tensor,
        total: Tensor | None,
        window: Tensor | None,
        *left: Tensor,
    ) -> Tensor:
        ctx.chunk_size = chunk_size
        ctx.save_for_backward(far, q, k, v, weights, total, window, *left)
        scores, low = _scores(q, k, total, window, chunk_size), chunk_size.bit_length()
        within = scores.mul_(spread(_chunks(weights[..., :low], chunk_size))) @ _chunks(v, chunk_size)
        y, reader = within.flatten(1, 2), q if far is None else far
        for level, state in enumerate(left, start=low):
            for rows, blocks in _sides(q.size(1), chunk_size << (level - low)):
                rows(y).addcmul_(rows(weights[..., level, None]), rows(reader) @ blocks(state))
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        far, q, k, v, weights, total, window, *left = ctx.saved_tensors
        size, low = ctx.chunk_size, ctx.chunk_size.bit_length()
        d_weights = torch.zeros_like(weights)
        dq, dk, dv, d_total = _within_backward(dy, q, k, v, weights, d_weights, total, window, size)
        d_far = None if far is None else torch.zeros_like(far)
        reader, d_reader, d_left = (q, dq, []) if far is None or d_far is None else (far, d_far, [])
        for level, state in enumerate(left, start=low):
            d_left.append(torch.zeros_like(state))
            for rows, blocks in _sides(q.size(1), size << (level - low)):
                weight, upstream = rows(weights[..., level, None]), rows(dy) @ blocks(state).mT
                rows(d_weights[..., level, None]).copy_((upstream * rows(reader)).sum(-1, keepdim=True))
                rows(d_reader).addcmul_(weight, upstream)
                blocks(d_left[-1]).copy_(rows(reader).mT @ (weight * rows(dy)))
        return None, d_far, dq, dk, dv, d_weights, d_total, None, *d_left


def _within_backward(
    dy: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
    d_weights: Tensor,
    total: Tensor | None,
    window: Tensor | None,
    size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The gradients of what was read within chunks; those of the weights are written into ``d_weights``."""
    scores = _scores(q, k, total, window, size)
    q, k, v, dy = (_chunks(tensor, size) for tensor in (q, k, v, dy))
    shares = spread(_chunks(weights[..., : size.bit_length()], size))
    d_weighted, weighted = dy @ v.mT, scores * shares
    d_weights[..., : size.bit_length()] = collapse(d_weighted * scores).flatten(1, 2)
    d_total = None
    if total is not None:
        exchange = d_weighted * weighted
        d_total = exchange.sum(-1) - exchange.sum(-2)
    d_products = d_weighted.mul_(shares)
    if total is not None:
        d_products = d_products.mul_(_decays(total))
    if window is not None:
        d_products = d_products.mul_(window)
    dq, dk, dv = d_products @ k, d_products.mT @ q, weighted.mT @ dy
    return dq.flatten(1, 2), dk.flatten(1, 2), dv.flatten(1, 2), d_total


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


def _chunks(tensor: Tensor, size: int) -> Tensor:
    """(X T W) to (X N C W)."""
    return tensor.unflatten(1, (-1, size))


def _scores(q: Tensor, k: Tensor, total: Tensor | None, window: Tensor | None, size: int) -> Tensor:
    """Products of queries and keys (X N C C), decayed; without a decay also above the diagonal."""
    scores = _chunks(q, size) @ _chunks(k, size).mT
    for factor in (window, None if total is None else _decays(total)):
        scores = scores if factor is None else scores.mul_(factor)
    return scores


def _decays(total: Tensor) -> Tensor:
    """exp(G_t - G_s) for s <= t, else 0."""
    mask = torch.ones(total.size(-1), total.size(-1), dtype=torch.bool, device=total.device).tril()
    return (total[..., :, None] - total[..., None, :]).masked_fill_(~mask, -torch.inf).exp_()
