"""The blocks that a Fenwick tree cuts a prefix into: one of 2^b tokens for every set bit b of its length."""

from collections.abc import Iterator

from torch import Tensor

from mad.mixers.matrix import carried

Blocks = dict[int, Tensor]
"""The memory of 2^bit tokens (B H K V) for every set bit of the position."""


def aligned_pieces(start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Cuts start..end-1 into pieces (first, last) no longer than ``longest`` (a power of two, or ``end``).

    Each starts at a multiple of a power of two no shorter than itself, so that older blocks keep their level.
    """
    while start < end:
        alignment = start & -start or end
        last = min(end, start + min(alignment, longest))
        yield start, last
        start = last


def absorb(
    blocks: Blocks, carry: Tensor | None, writing: Tensor, v: Tensor, *, first: int, last: int
) -> Blocks:
    """The blocks after tokens first..last-1: per bit of ``last``, the older blocks and tokens inside it."""
    writes = v.size(2) // (last - first)
    carried_blocks = {bit: carried(carry, block) for bit, block in blocks.items()}
    merged = {}
    for bit in bits(last):
        start = first_token(last, bit)
        inside = range(start, start + (1 << bit))
        parts = [block for old, block in carried_blocks.items() if first_token(first, old) in inside]
        span = slice(max(0, inside.start - first) * writes, max(0, inside.stop - first) * writes)
        if span.stop > span.start:
            parts.append(writing[:, :, span].mT @ v[:, :, span])
        merged[bit] = sum(parts[1:], parts[0])
    return merged


def bits(position: int) -> list[int]:
    """The set bits of a position: the sizes of the blocks before it."""
    return [bit for bit in range(position.bit_length()) if position >> bit & 1]


def first_token(position: int, bit: int) -> int:
    """The first token of the block of 2^bit tokens that a prefix of ``position`` tokens has."""
    return position >> (bit + 1) << (bit + 1)
