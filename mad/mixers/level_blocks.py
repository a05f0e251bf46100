"""Where the Fenwick levels lie in a matrix of queries and sources.

Level l > 0 of an aligned chunk is a diagonal of square blocks, the lower left quarters of the squares of 2^l
tokens; level 0 is the diagonal itself. So weights are written, and gradients summed, through views.
"""

import torch
from torch import Tensor


def level_table(query: Tensor, source: Tensor) -> Tensor:
    """bit_length(query XOR source) for non-negative integers of shapes that broadcast."""
    difference = query ^ source
    powers = 1 << torch.arange(31, device=difference.device)
    return (difference[..., None] >= powers).sum(-1)


def spread(weights: Tensor) -> Tensor:
    """Lambda_ts = weights_t[level(t, s)] for s <= t, else 0: (... C L) to (... C C)."""
    size = weights.size(-2)
    matrix = weights.new_zeros(*weights.shape[:-1], size)
    for level in range(weights.size(-1)):
        _block(matrix, level).copy_(_rows(weights[..., level], level))
    return matrix


def collapse(matrix: Tensor) -> Tensor:
    """The adjoint of `spread`: sums over each level, (... C C) to (... C L)."""
    size = matrix.size(-1)
    weights = matrix.new_zeros(*matrix.shape[:-1], size.bit_length())
    for level in range(weights.size(-1)):
        _rows(weights[..., level], level).copy_(_block(matrix, level).sum(-2, keepdim=True))
    return weights


def _block(matrix: Tensor, level: int) -> Tensor:
    """A view (... half half I) of the entries of one level: I blocks of half x half below the diagonal."""
    if level == 0:
        return matrix.diagonal(dim1=-2, dim2=-1)[..., None, None, :]
    half = 1 << (level - 1)
    cut = (matrix.size(-1) // (2 * half), 2, half)
    blocks = matrix.unflatten(-1, cut).unflatten(-4, cut)  # ... I 2 half I 2 half
    return blocks[..., 1, :, :, 0, :].diagonal(dim1=-4, dim2=-2)


def _rows(column: Tensor, level: int) -> Tensor:
    """A view (... half 1 I) of the queries (... C) that read at one level."""
    if level == 0:
        return column[..., None, None, :]
    half = 1 << (level - 1)
    return column.unflatten(-1, (-1, 2, half))[..., 1, :].mT[..., :, None, :]
