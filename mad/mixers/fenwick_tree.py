"""The tree of chunks under log-linear attention: who meets whom, at which level, and what is carried between.

Chunks are the leaves. A node of level m stands for 2^m chunks, and its state is the memory of their tokens
(see :mod:`mad.mixers.fenwick`); only right siblings read, each from its left one.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

View = Callable[[Tensor], Tensor]


def level_table(query: Tensor, source: Tensor) -> Tensor:
    """bit_length(query XOR source) for non-negative integers of shapes that broadcast."""
    difference = query ^ source
    powers = 1 << torch.arange(31, device=difference.device)
    return (difference[..., None] >= powers).sum(-1)


@cache
def levels_within(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Whether query t of a chunk meets source s <= t at level l: 0 or 1 (C L C)."""
    token = torch.arange(size, device=device)
    level = level_table(token[:, None], token).masked_fill_(token > token[:, None], -1)
    return (level[:, None] == torch.arange(size.bit_length(), device=device)[:, None]).to(dtype)


def in_chunks(tensor: Tensor, size: int) -> Tensor:
    """(X T W) to (X N C W)."""
    return tensor.unflatten(1, (-1, size))


def sides(length: int, size: int) -> Iterator[tuple[View, View]]:
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


def left_siblings(writing: Tensor, v: Tensor, carries: Sequence[Tensor]) -> list[Tensor]:
    """The states (X n K' V) that right siblings read, from pairs of chunks up."""
    node = writing.mT @ v
    left = [node[:, ::2]]
    for level in range((node.size(1) - 1).bit_length() - 1):
        older, newer = _pairs(node)
        node = (older * carries[level] if carries else older) + newer
        left.append(node[:, ::2])
    return left


def down_the_tree(d_nodes: list[Tensor], left: list[Tensor], carries: Sequence[Tensor]) -> list[Tensor]:
    """The adjoint of `left_siblings`: adds to each level's gradients those of its parents.

    Returns the gradients of ``carries``.
    """
    d_carries: list[Tensor] = []
    for level in reversed(range(len(d_nodes) - 1)):
        d_parents = d_nodes[level + 1]
        d_older, d_newer = _pairs(d_nodes[level])
        d_newer.copy_(d_parents)
        if carries:
            older = left[level][:, : d_parents.size(1)]
            d_carries.insert(0, (older * d_parents).sum((-2, -1), keepdim=True))
            d_older.addcmul_(carries[level], d_parents)
        else:
            d_older.add_(d_parents)
    return d_carries


def _pairs(nodes: Tensor) -> Sequence[Tensor]:
    """The older and the newer of every whole pair of siblings."""
    return nodes[:, : nodes.size(1) // 2 * 2].unflatten(1, (-1, 2)).unbind(2)


def decays_between(total: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What decays between chunks, from the log decays since their starts (X N C 1).

    Of every level: exp(G_t) since the right sibling began (X T M); of every level but the last: exp(G_right)
    of every pair (X n 1 1).
    """
    decay, n_chunks = total[:, :, -1, 0], total.size(1)
    chunk = torch.arange(n_chunks, device=total.device)
    since = torch.zeros_like(decay)
    reach, carries = [total.new_zeros(len(total), total.size(1) * total.size(2), 0)], []
    for level in range((n_chunks - 1).bit_length()):
        reach.append((since[..., None, None] + total).exp().flatten(1, 2))
        # A chunk on the right side lies behind the whole left block of this level.
        behind = F.pad(decay, (1, 0))[:, (chunk >> level) * ((chunk >> level) & 1)]
        since = since + behind
        older, newer = _pairs(decay)
        carries.append(newer[..., None, None].exp())
        decay = older + newer
    return torch.cat(reach, dim=-1), carries[:-1]
