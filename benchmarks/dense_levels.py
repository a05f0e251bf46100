"""Log-linear attention by dense masks: a peer, reconstructed from the words of experiment 008's log.

Its code is not at hand. The log says: "``build_fenwick_masks()`` precomputes binary (T,T) masks for each
level, and attention is computed as masked matrix multiplications". So it is here: every level multiplies
the scores (T T) by its mask and that by the values, and the query weighs what it reads.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mad.mixers.base import Memory
from mad.mixers.features import Features, placed
from mad.mixers.levels import Levels
from mad.mixers.matrix import MatrixMemory
from mad.shapes import HeadShape, Hidden, Keys, Queries, Readings, Values

Attend = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def level_masks(length: int, *, reads: str) -> Tensor:
    """Binary masks (L T T): 1 where query t reads source s at the level, after the bits of t XOR s."""
    source = torch.arange(length)
    query = source[:, None] + (reads == "after_push")
    level = torch.zeros(length, length, dtype=torch.long)
    for bit in range(length.bit_length() + 1):
        level = torch.where((query ^ source) >> bit > 0, bit + 1, level)
    if reads != "own_token":
        level = level - 1
    level = level.masked_fill(source > source[:, None], -1)
    n_levels = {"own_token": (length - 1).bit_length() + 1, "before_push": (length - 1).bit_length()}
    rows = torch.arange(n_levels.get(reads, length.bit_length()))
    return (level == rows[:, None, None]).float()


def masked_products(q: Tensor, k: Tensor, v: Tensor, weights: Tensor, masks: Tensor) -> Tensor:
    """A masked product a level: q, k (B H T K), v (B H T V), weights (B H T L), masks (L T T)."""
    scores = q @ k.mT
    y = torch.zeros_like(v)
    for level, mask in enumerate(masks):
        y = y + weights[..., level, None] * ((scores * mask) @ v)
    return y


def one_product(q: Tensor, k: Tensor, v: Tensor, weights: Tensor, masks: Tensor) -> Tensor:
    """The same sum, the weights of all levels laid out first, in one product: the peer at its best."""
    spread = torch.einsum("bhtl,lts->bhts", weights[..., : len(masks)], masks)
    return (q @ k.mT * spread) @ v


class DenseLevels(Memory):
    """A memory that answers whole sequences as ``mad.mixers.log_linear.LogLinear`` does, by dense masks.

    It takes the same keywords, holds no state and starts at position 0. ``attend`` is `masked_products` or
    `one_product`.
    """

    def __init__(
        self,
        shape: HeadShape,
        *,
        inner: Callable[..., MatrixMemory],
        features: Callable[[HeadShape], Features],
        levels: Callable[[HeadShape], Levels],
        reads: str = "own_token",
        attend: Attend = masked_products,
    ) -> None:
        super().__init__()
        self.reads = reads
        self.attend = attend
        self.inner = inner(shape, features=features)
        self.levels = levels(shape)
        self.masks: dict[int, Tensor] = {}

    def init_state(self, batch: int, *, like: Tensor) -> None:
        return None

    def forward(
        self, q: Queries, k: Keys, v: Values, x: Hidden, *, start: int, state: None
    ) -> tuple[Readings, None]:
        assert start == 0, "the dense peer reads whole sequences"
        terms = self.inner.terms(q, k, v, x, start=0)
        assert terms.log_decay is None, "the dense peer knows no decay"
        assert terms.beta is None, "the dense peer knows no delta rule"
        weights = self.levels(x).transpose(1, 2)
        phi_q, phi_k = placed(terms.q, terms.position), placed(terms.k, terms.position)
        y = self.attend(phi_q, phi_k, terms.v, weights, self._masks(q))
        return y.transpose(1, 2), None

    def state_floats(self, length: int) -> int:
        return 0

    def flops(self, length: int) -> int:
        return 0

    def _masks(self, q: Tensor) -> Tensor:
        """Those of the sequence's length, made once."""
        length = q.size(1)
        if length not in self.masks:
            self.masks[length] = level_masks(length, reads=self.reads).to(q)
        return self.masks[length]
