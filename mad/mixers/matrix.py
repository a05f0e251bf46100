"""Memories that are one matrix per head: what linear attention, decay and the delta rule have in common.

Such a memory S (K V) is an affine map of itself at every token,

    S_t = A_t S_(t-1) + k_t v_t^T,   y_t = q_t^T S_t,

and so is a whole chunk of tokens. A chunk is therefore told by four tensors (`Chunk`), and a rule is what
turns queries, keys and values into them. What is done with the state between chunks is not the rule's
business: one state is carried on here, one per Fenwick level in :mod:`mad.mixers.log_linear`.

*State*: H matrices K V (G of them under grouped heads), whatever the length.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from mad.mixers import kernels
from mad.mixers.base import Memory
from mad.mixers.features import Features
from mad.shapes import HeadShape, Hidden, Keys, Queries, Readings, Values


class Terms(NamedTuple):
    """What a rule sees, heads first. M = T times `writes`, the writes per token (1 but for DeltaProduct)."""

    q: Tensor  # B H T K
    k: Tensor  # B H M K
    v: Tensor  # B H M V
    log_decay: Tensor | None = None  # B H M, or B H M K; None is no decay
    beta: Tensor | None = None  # B H M, for the delta rule
    writes: int = 1
    position: Tensor | None = None  # T R: q and k are contents only, see Features.position

    def tokens(self, first: int, last: int) -> "Terms":
        """The terms of tokens first..last-1."""
        span = slice(first * self.writes, last * self.writes)
        decay, beta = (
            None if tensor is None else tensor[:, :, span] for tensor in (self.log_decay, self.beta)
        )
        q, k, v = self.q[:, :, first:last], self.k[:, :, span], self.v[:, :, span]
        position = None if self.position is None else self.position[first:last]
        return Terms(q, k, v, decay, beta, self.writes, position)

    def chunks(self, size: int) -> "Terms":
        """The same terms with time cut into chunks of ``size`` tokens: B H T becomes B H N size."""
        m = size * self.writes
        q, k, v = self.q.unflatten(2, (-1, size)), self.k.unflatten(2, (-1, m)), self.v.unflatten(2, (-1, m))
        decay = None if self.log_decay is None else self.log_decay.unflatten(2, (-1, m))
        beta = None if self.beta is None else self.beta.unflatten(2, (-1, m))
        position = None if self.position is None else self.position.unflatten(0, (-1, size))
        return Terms(q, k, v, decay, beta, self.writes, position)


class Chunk(NamedTuple):
    """C tokens as an affine map of the state: y = within v + reading S, S' = carry S + writing^T v."""

    within: Tensor  # ... C M, causal
    reading: Tensor  # ... C K
    carry: Tensor | None  # ... 1 1, ... K 1 (a factor) or ... K K (a matrix); None is the identity
    writing: Tensor  # ... M K


def carried(carry: Tensor | None, state: Tensor) -> Tensor:
    """The state (... K V) at the end of a chunk that writes nothing."""
    if carry is None:
        return state
    return carry * state if carry.size(-1) == 1 else carry @ state


class MatrixMemory(Memory):
    """A matrix per head under some rule; subclasses say what the terms are and what a chunk of them does."""

    known_to_kernels: ClassVar[bool] = False
    """Whether `chunk` follows from the terms as :mod:`mad.mixers.kernels` understands them."""

    chunk_size: int
    """Tokens that are handled in parallel between two updates of the state; a power of two."""

    def __init__(self, shape: HeadShape, *, features: Callable[[HeadShape], Features]) -> None:
        super().__init__()
        self.shape = shape
        self.features = features(shape)
        self.chunk_size = chunk_size(self.features.width)

    @property
    def max_length(self) -> int | None:
        return self.features.max_length

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(G, K, V) of the state, K being the width of the features."""
        return self.shape.n_kv_heads, self.features.width, self.shape.value_width

    @abstractmethod
    def terms(self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int) -> Terms:
        """Features, decays and strengths of T tokens, with key/value heads repeated for their groups."""

    @abstractmethod
    def chunk(self, terms: Terms) -> Chunk:
        """What the tokens on the axis before the last do as one chunk."""

    @abstractmethod
    def rule_flops(self, length: int) -> int:
        """Operations of `terms` and `chunk` over one sequence, features left out."""

    def init_state(self, batch: int, *, like: Tensor) -> Tensor:
        return like.new_zeros(batch, *self.matrix_shape)

    def forward(
        self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int, state: Tensor
    ) -> tuple[Readings, Tensor]:
        terms = self.terms(q, k, v, x, start=start)
        state = self.expand_heads(state)
        fast = kernels.scan(*terms, state=state) if self.known_to_kernels else None
        y, state = fast or self._scan(terms, state)
        return y.transpose(1, 2), self.shrink_heads(state)

    def expand_heads(self, tensor: Tensor) -> Tensor:
        """Repeats key/value heads (dimension 1) for the query heads of their groups."""
        group = self.shape.n_heads // self.shape.n_kv_heads
        return tensor if group == 1 else tensor.repeat_interleave(group, dim=1)

    def shrink_heads(self, tensor: Tensor) -> Tensor:
        """Takes the repetition back: the heads of a group hold the same state."""
        return tensor[:, :: self.shape.n_heads // self.shape.n_kv_heads]

    def state_floats(self, length: int) -> int:
        heads, key_width, value_width = self.matrix_shape
        return heads * key_width * value_width

    def flops(self, length: int) -> int:
        return self.rule_flops(length) + 2 * self.state_floats(length) * length

    def _scan(self, terms: Terms, state: Tensor) -> tuple[Tensor, Tensor]:
        """Reads and writes all tokens: first the whole chunks, then what is left."""
        length = terms.q.size(2)
        whole = length - length % self.chunk_size
        pieces = []
        for first, last, size in ((0, whole, self.chunk_size), (whole, length, length - whole)):
            if last > first:
                y, state = self._scan_chunks(terms.tokens(first, last).chunks(size), state)
                pieces.append(y)
        return torch.cat(pieces, dim=2), state

    def _scan_chunks(self, terms: Terms, state: Tensor) -> tuple[Tensor, Tensor]:
        """Carries one state through the chunks; returns readings (B H T V) and the last state."""
        chunk = self.chunk(terms)
        writes = chunk.writing.transpose(-1, -2) @ terms.v
        states = []
        for n in range(writes.size(2)):
            states.append(state)
            carry = None if chunk.carry is None else chunk.carry[:, :, n]
            state = carried(carry, state) + writes[:, :, n]
        y = chunk.within @ terms.v + chunk.reading @ torch.stack(states, dim=2)
        return y.flatten(2, 3), state


def chunk_size(width: int) -> int:
    """The fastest chunk for keys of this width, as measured on a CPU (forward and backward, one thread)."""
    return min(64, max(16, 1 << (width - 1).bit_length()))


def heads_first(tensor: Tensor) -> Tensor:
    """(B T H ...) to (B H T ...)."""
    return tensor.transpose(1, 2)


def pairwise_decay(until: Tensor, since: Tensor, causal: Tensor) -> Tensor:
    """exp(until_t - since_s) where ``causal`` (C M) allows it, else 0; no exponent above 0 is ever taken."""
    return (until[..., :, None] - since[..., None, :]).masked_fill(~causal, -torch.inf).exp()


def causal_mask(n_queries: int, n_writes: int, *, like: Tensor) -> Tensor:
    """(C M): whether query t sees write s, with M / C writes a token and its own token's included."""
    token = torch.arange(n_writes, device=like.device) // (n_writes // n_queries)
    return token <= torch.arange(n_queries, device=like.device)[:, None]
