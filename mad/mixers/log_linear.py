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
own token (the inclusive binary indexed tree of experiment 008): its levels are those of position t + 1 of
"before_push", so that a query with t + 1 a power of two sees one block. Transitions run up to t in all.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers.base import Memory
from mad.mixers.blocks import Blocks, absorb, aligned_pieces, bits, first_token
from mad.mixers.features import Features, placed
from mad.mixers.fenwick_tree import level_table
from mad.mixers.kernels import fenwick_attention
from mad.mixers.levels import Levels
from mad.mixers.matrix import MatrixMemory, Terms
from mad.shapes import HeadShape, Hidden, Keys, Queries, Readings, Values

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
        step, size = (
            (self._tree, end) if self._fits_tree(terms, start) else (self._chunk, self.inner.chunk_size)
        )
        blocks = {bit: self.inner.expand_heads(state[:, bit]) for bit in bits(start)}
        readings = []
        for first, last in aligned_pieces(start, end, size):
            piece = terms.tokens(first - start, last - start), weights[:, :, first - start : last - start]
            y, blocks = step(*piece, blocks, first)
            readings.append(y)
        y = readings[0] if len(readings) == 1 else torch.cat(readings, dim=2)
        return y.transpose(1, 2), self._stacked(blocks, end, like=state)

    def state_floats(self, length: int) -> int:
        return length.bit_length() * self.inner.state_floats(length)

    def flops(self, length: int) -> int:
        levels = 2 * length * self.levels.project.weight.numel()
        return (
            self.inner.flops(length) + levels + self.inner.state_floats(length) * length * length.bit_length()
        )

    def _fits_tree(self, terms: Terms, start: int) -> bool:
        """Whether `_tree` serves: no transitions but a decay per head, after the push not even that."""
        if terms.beta is not None or (terms.log_decay is not None and terms.log_decay.ndim == 4):
            return False
        return self.reads != "after_push" or (start == 0 and terms.log_decay is None)

    def _tree(self, terms: Terms, weights: Tensor, blocks: Blocks, first: int) -> tuple[Tensor, Blocks]:
        """Reads and absorbs an aligned piece of any length under a rule without matrix transitions."""
        if self.reads == "before_push":
            weights = F.pad(weights, (1, 0))
        q, k, v, log_decay, position = terms.q, terms.k, terms.v, terms.log_decay, terms.position
        if self.reads == "after_push":
            y = _after_push(
                placed(q, position), placed(k, position), v, weights, chunk_size=self.inner.chunk_size
            )
        else:
            y = fenwick_attention(q, k, v, weights, log_decay, position, chunk_size=self.inner.chunk_size)
        carry, writing, reading = None, placed(k, position), placed(q, position) if blocks else q
        if log_decay is not None:
            # Summed from the end: what is near is exact, what is far has faded.
            rest = log_decay.flip(-1).cumsum(-1).flip(-1)
            carry = rest[..., :1, None].exp()
            writing = writing * (rest - log_decay)[..., None].exp()
            reading = reading * log_decay.cumsum(-1)[..., None].exp() if blocks else q
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
            began = torch.full((1,), first_token(first, bit), device=seen.device)
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


def _after_push(q: Tensor, k: Tensor, v: Tensor, weights: Tensor, *, chunk_size: int) -> Tensor:
    """Without decay, from the first token on: every query reads what position t + 1 finds before its push."""
    q, weights = F.pad(q, (0, 0, 1, 0)), F.pad(weights, (1, 0, 1, 0))
    k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
    return fenwick_attention(q, k, v, weights, chunk_size=chunk_size)[:, :, 1:]
