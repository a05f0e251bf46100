"""Log-linear attention: the past is kept as a logarithmic number of matrices, finely near, coarsely far.

Time is cut as a Fenwick tree cuts it: into blocks whose sizes are powers of two, at most one of each size.
Every block is the memory of an inner rule (linear, gated, delta), and the query weighs the blocks by their
level.

*Equations* (Guo, Yang, Goel, Xing, Dao, Kim: *Log-Linear Attention*, 2025, arXiv 2506.04761, section 3)

    level(t, s) = bit_length(t XOR s) for s <= t: 0 for the token itself   (1)
    y_t = sum_l lambda_t[l] phi(q_t)^T S_t[l],   S_t[l] = sum_(level(t, s) = l) phi(k_s) v_s^T   (2)

where under an inner rule every S_t[l] also undergoes the rule's transition at every token (section 3.4).

*Glossary*: lambda is `levels` (B T H L); a block of 2^b tokens, b a set bit of the position, is read at
level b + 1.
*State*: after t tokens a block for every bit of t (zero where the bit is not set): bit_length(t) matrices K
V per head.
*Departures*: `reads` gives two other published conventions as views of the same sums. "before_push" leaves
the own token out: level l + 1 is weighed by lambda[l]. "after_push" reads the tree that already holds the
own token (the inclusive binary indexed tree of experiment 008): position t + 1 of "before_push", so that a
query with t + 1 a power of two sees one block.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.base import Memory
from mad.mixers.features import Features
from mad.mixers.fenwick import Near, fenwick_attention
from mad.mixers.level_blocks import level_table
from mad.mixers.levels import Levels
from mad.mixers.matrix import MatrixMemory, Terms, carried, chunk_size
from mad.shapes import HeadShape, Hidden, Keys, Queries, Readings, Values

Blocks = dict[int, Tensor]
"""The memory of 2^bit tokens (B H K V) for every set bit of the position."""

READS = ("own_token", "before_push", "after_push")


class LogLinear(Memory):
    """Equation (2) over the rule of an ``inner`` memory. ``features`` are the inner memory's."""

    def __init__(
        self,
        shape: HeadShape,
        *,
        inner: Callable[..., MatrixMemory],
        features: Callable[[HeadShape], Features],
        levels: Callable[[HeadShape], Levels],
        reads: str = "own_token",
    ) -> None:
        super().__init__()
        if reads not in READS:
            raise ValueError(f"unknown reads {reads!r}; take one of {', '.join(READS)}")
        self.reads = reads
        self.inner = inner(shape, features=features)
        self.levels = levels(shape)

    @property
    def max_length(self) -> int | None:
        inner = self.inner.max_length
        return self.levels.horizon if inner is None else min(inner, self.levels.horizon)

    def init_state(self, batch: int, *, like: Tensor) -> Tensor:
        """Blocks (B bits G K V), of which there are none before the first token."""
        heads, key_width, value_width = self.inner.matrix_shape
        return like.new_zeros(batch, 0, heads, key_width, value_width)

    def forward(
        self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int, state: Tensor
    ) -> tuple[Readings, Tensor]:
        end = start + q.size(1)
        if end > self.levels.horizon:
            raise ValueError(
                f"horizon {self.levels.horizon} is shorter than the sequence ({end}); "
                f"set levels.horizon to {end} or more"
            )
        terms = self.inner.terms(q, k, v, x, start=start)
        weights = self.levels(x).transpose(1, 2)
        tree = terms.beta is None and self.reads != "after_push"
        step, size = (self._tree, end) if tree else (self._chunk, self.inner.chunk_size)
        blocks = {bit: self.inner.expand_heads(state[:, bit]) for bit in _bits(start)}
        readings = []
        for first, last in aligned_pieces(start, end, size):
            piece = terms.tokens(first - start, last - start), weights[:, :, first - start : last - start]
            y, blocks = step(*piece, blocks, first)
            readings.append(y)
        return torch.cat(readings, dim=2).transpose(1, 2), self._stacked(blocks, end, like=state)

    def state_floats(self, length: int) -> int:
        return length.bit_length() * self.inner.state_floats(length)

    def flops(self, length: int) -> int:
        levels = 2 * length * self.levels.project.weight.numel()
        return (
            self.inner.flops(length) + levels + self.inner.state_floats(length) * length * length.bit_length()
        )

    def _tree(self, terms: Terms, weights: Tensor, blocks: Blocks, first: int) -> tuple[Tensor, Blocks]:
        """Reads and absorbs an aligned piece of any length under a rule without matrix transitions."""
        if self.reads == "before_push":
            weights = F.pad(weights, (1, 0))
        log_decay, near, features = terms.log_decay, None, self.inner.features
        if terms.near_q is not None and terms.near_k is not None:
            near = Near(terms.near_q, terms.near_k, partial(features.window, like=terms.v))
        size = chunk_size(terms.k.size(-1) if near is None else near.k.size(-1))
        y = fenwick_attention(terms.q, terms.k, terms.v, weights, log_decay, near, chunk_size=size)
        carry, writing, reading = None, terms.k, terms.q
        if log_decay is not None:
            # Summed from the end: what is near is exact, what is far has faded.
            rest = log_decay.flip(-1).cumsum(-1).flip(-1)
            carry = rest[..., :1, None].exp()
            writing = terms.k * (rest - log_decay)[..., None].exp()
            reading = terms.q * log_decay.cumsum(-1)[..., None].exp() if blocks else terms.q
        for bit, block in blocks.items():
            y = y + weights[..., bit + 1, None] * (reading @ block)
        return y, absorb(blocks, carry, writing, terms.v, first=first, last=first + terms.q.size(2))

    def _chunk(self, terms: Terms, weights: Tensor, blocks: Blocks, first: int) -> tuple[Tensor, Blocks]:
        """Reads and absorbs one aligned chunk under any rule."""
        chunk = self.inner.chunk(terms)
        last = first + terms.q.size(2)
        seen = torch.arange(first, last, device=terms.q.device).repeat_interleave(terms.writes)
        y = (chunk.within * self._weigh(weights, first, seen)) @ terms.v
        for bit, block in blocks.items():
            began = torch.tensor([_began(first, bit)], device=seen.device)
            y = y + self._weigh(weights, first, began) * (chunk.reading @ block)
        return y, absorb(blocks, chunk.carry, chunk.writing, terms.v, first=first, last=last)

    def _weigh(self, weights: Tensor, first: int, source: Tensor) -> Tensor:
        """The weight of each source (S) for the queries at first, first + 1, ...: (B H T L) to (B H T S)."""
        query = torch.arange(first, first + weights.size(2), device=source.device)[:, None]
        if self.reads == "after_push":
            query = query + 1
        row = level_table(query, source) + (self.reads == "own_token")
        # Row 0 weighs what the convention leaves out.
        return F.pad(weights, (1, 0)).gather(-1, row.expand(*weights.shape[:2], -1, -1))

    def _stacked(self, blocks: Blocks, length: int, *, like: Tensor) -> Tensor:
        """The state: a slot for every bit of the position, zero where the bit is not set."""
        slots = [like.new_zeros(len(like), *self.inner.matrix_shape) for _ in range(length.bit_length())]
        for bit, block in blocks.items():
            slots[bit] = self.inner.shrink_heads(block)
        return torch.stack(slots, dim=1)


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
    for bit in _bits(last):
        began = _began(last, bit)
        parts = [
            block for old, block in carried_blocks.items() if began <= _began(first, old) < began + (1 << bit)
        ]
        span = slice(max(0, began - first) * writes, max(0, began + (1 << bit) - first) * writes)
        if span.stop > span.start:
            parts.append(writing[:, :, span].mT @ v[:, :, span])
        merged[bit] = sum(parts[1:], parts[0])
    return merged


def _bits(position: int) -> list[int]:
    """The set bits of a position: the sizes of the blocks before it."""
    return [bit for bit in range(position.bit_length()) if position >> bit & 1]


def _began(position: int, bit: int) -> int:
    """The first token of the block of 2^bit tokens that a prefix of ``position`` tokens has."""
    return position >> (bit + 1) << (bit + 1)
