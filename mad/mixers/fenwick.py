"""The fast core of log-linear attention: a tree of chunks in O(T log T), with its backward written by hand.

The readable form is the loop over chunks in :mod:`mad.mixers.log_linear`; this one has no loop over time,
serves rules without matrix transitions (plain and with a decay per head), and is held equal to the other by
the tests.

Chunks have C = 2^c tokens. Two tokens of one chunk meet at the level bit_length of the low c bits of t XOR
s; tokens of chunks i > j meet at level c + bit_length(i XOR j), that is where the blocks of 2^(m-1) chunks
around them are siblings:

    within   O = (Q K^T * P P^T * D * Lambda) V                                 dense, C x C
    leaves   S0_i = K'_i^T V_i,  Sm_j = exp(G_right) S(m-1)_(2j) + S(m-1)_(2j+1)
    between  O_right += lambda_(c+m) exp(G_t) Q'_right S(m-1)_left               one matrix product a level

with P the positions' share of the features, Q' and K' the features as a whole, and G the log decay since the
chunk, or the right sibling, began: every exponent is 0 or below.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.features import placed
from mad.mixers.fenwick_tree import (
    decays_between,
    down_the_tree,
    in_chunks,
    left_siblings,
    levels_within,
    sides,
)


def fenwick_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
    log_decay: Tensor | None = None,
    position: Tensor | None = None,
    *,
    chunk_size: int,
) -> Tensor:
    """sum_(s <= t) weights_t[bit_length(t XOR s)] exp(G_t - G_s) (p_t . p_s) (q_t . k_s) v_s, from t = 0.

    q, k (B H T K), v (B H T V), weights (B H T L) with L >= bit_length(T - 1) + 1; log_decay (B H T) is
    summed to G; ``position`` (T R) are the p, all 1 if None. ``chunk_size`` is a power of two. Returns
    (B H T V).
    """
    batch, length = q.shape[:2], q.size(2)
    size = min(chunk_size, 1 << (length - 1).bit_length())
    q, k, v, weights = (_padded(tensor.flatten(0, 1), size) for tensor in (q, k, v, weights))
    position = None if position is None else _padded(position[None], size)[0]
    total: Tensor | None = None
    rest: Tensor | None = None
    carries: list[Tensor] = []
    if log_decay is not None:
        total = in_chunks(_padded(log_decay.flatten(0, 1)[..., None], size), size).cumsum(-2)
        rest = (total[:, :, -1:] - total).exp()
        reach, carries = decays_between(total)
        n_within = size.bit_length()
        weights = weights * F.pad(reach, (n_within, weights.size(-1) - n_within - reach.size(-1)), value=1.0)
    y = _Fenwick.apply(size, position, q, k, v, weights, total, rest, *carries)
    return y[:, :length].unflatten(0, batch)


def _padded(tensor: Tensor, multiple: int) -> Tensor:
    """(X T W) to (X T' W), with zeros behind up to a multiple of the chunk."""
    missing = -tensor.size(1) % multiple
    return F.pad(tensor, (0, 0, 0, missing)) if missing else tensor


class _Fenwick(torch.autograd.Function):
    """All reads: within every chunk, then by every right sibling from its left one, level by level."""

    @staticmethod
    def forward(
        ctx: Any,
        size: int,
        position: Tensor | None,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        weights: Tensor,
        total: Tensor | None,
        rest: Tensor | None,
        *carries: Tensor,
    ) -> Tensor:
        products, n_within = in_chunks(q, size) @ in_chunks(k, size).mT, size.bit_length()
        for factor in _within_factors(position, total, size):
            products.mul_(factor)
        table = levels_within(size, q.dtype, q.device)
        shares = torch.einsum("xntl,tls->xnts", in_chunks(weights, size)[..., :n_within], table).contiguous()
        y = ((products * shares) @ in_chunks(v, size)).flatten(1, 2)
        left: list[Tensor] = []
        far, placed_k = None, None
        if q.size(1) > size:
            far, placed_k = placed(q, position), in_chunks(placed(k, position), size)
            writing = placed_k if rest is None else placed_k * rest
            left = left_siblings(writing, in_chunks(v, size), carries)
            for level, state in enumerate(left, start=n_within):
                for rows, blocks in sides(q.size(1), size << (level - n_within)):
                    rows(y).addcmul_(rows(weights[..., level, None]), rows(far) @ blocks(state))
        ctx.size, ctx.n_carries = size, len(carries)
        within = q, k, v, weights, products, shares
        ctx.save_for_backward(position, total, rest, *within, far, placed_k, *carries, *left)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        position, total, rest, q, k, v, weights, products, shares, far, placed_k, *others = ctx.saved_tensors
        carries, left = others[: ctx.n_carries], others[ctx.n_carries :]
        d_weights = torch.zeros_like(weights)
        factors = _within_factors(position, total, ctx.size)
        dq, dk, dv, exchange = _within_backward(dy, q, k, v, d_weights, products, shares, factors)
        d_total = None if total is None else (exchange.sum(-1) - exchange.sum(-2))[..., None]
        if not left:
            return None, None, dq, dk, dv, d_weights, d_total, None
        size = ctx.size
        d_far, d_nodes = _between_backward(dy, far, weights, d_weights, left, size=size)
        dq += _contents(d_far, position)
        d_carries = down_the_tree(d_nodes, left, carries)
        d_writing = in_chunks(v, size) @ d_nodes[0].mT
        dv += ((placed_k if rest is None else placed_k * rest) @ d_nodes[0]).flatten(1, 2)
        d_rest: Tensor | None = None
        if rest is not None:
            d_rest = (d_writing * placed_k).sum(-1, keepdim=True)
            d_writing = d_writing * rest
        dk += _contents(d_writing.flatten(1, 2), position)
        return None, None, dq, dk, dv, d_weights, d_total, d_rest, *d_carries


def _within_backward(
    dy: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    d_weights: Tensor,
    products: Tensor,
    shares: Tensor,
    factors: Iterable[Tensor],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of q, k, v and of every pair's log decay; those of the weights go into ``d_weights``."""
    size, upstream = products.size(-1), in_chunks(dy, products.size(-1))
    d_weighted, weighted = upstream @ in_chunks(v, size).mT, products * shares
    d_shares = torch.einsum("xnts,tls->xntl", d_weighted * products, levels_within(size, q.dtype, q.device))
    in_chunks(d_weights, size)[..., : size.bit_length()] = d_shares
    exchange = d_weighted * weighted
    d_products = d_weighted.mul_(shares)
    for factor in factors:
        d_products.mul_(factor)
    dq, dk = d_products @ in_chunks(k, size), d_products.mT @ in_chunks(q, size)
    return dq.flatten(1, 2), dk.flatten(1, 2), (weighted.mT @ upstream).flatten(1, 2), exchange


def _between_backward(
    dy: Tensor, far: Tensor, weights: Tensor, d_weights: Tensor, left: list[Tensor], *, size: int
) -> tuple[Tensor, list[Tensor]]:
    """Gradients of the queries and of every level's nodes, from what right siblings read."""
    d_far, d_nodes = torch.zeros_like(far), []
    for m, state in enumerate(left):
        column = size.bit_length() + m
        n_nodes = (dy.size(1) // size) >> m
        d_nodes.append(state.new_zeros(len(state), n_nodes, *state.shape[2:]))
        for rows, blocks in sides(dy.size(1), size << m):
            weight, d_reading = rows(weights[..., column, None]), rows(dy) @ blocks(state).mT
            rows(d_weights[..., column, None]).copy_((d_reading * rows(far)).sum(-1, keepdim=True))
            rows(d_far).addcmul_(weight, d_reading)
            blocks(d_nodes[-1][:, ::2]).copy_(rows(far).mT @ (weight * rows(dy)))
    return d_far, d_nodes


def _within_factors(position: Tensor | None, total: Tensor | None, size: int) -> Iterator[Tensor]:
    """What multiplies products of queries and keys of a chunk: p_t . p_s, and exp(G_t - G_s) for s <= t."""
    if position is not None:
        rows = position.unflatten(0, (-1, size))
        yield rows @ rows.mT
    if total is not None:
        mask = torch.ones(size, size, dtype=torch.bool, device=total.device).tril()
        yield (total - total.mT).masked_fill_(~mask, -torch.inf).exp_()


def _contents(gradient: Tensor, position: Tensor | None) -> Tensor:
    """The adjoint of `placed`, for the contents."""
    if position is None:
        return gradient
    factors = position.split(1, dim=-1)
    first, *others = zip(gradient.chunk(len(factors), dim=-1), factors, strict=True)
    contents = first[0] * first[1]
    for part, factor in others:
        contents.addcmul_(part, factor)
    return contents
