"""Selective copying, as the MAD benchmark has it.

M. Poli, A. Thomas, E. Nguyen, P. Ponnusamy, B. Deiseroth, K. Kersting, T. Suzuki, B. Hie, S. Ermon,
C. Ré, C. Zhang, S. Massaroli, "Mechanistic Design and Scaling of Hybrid Architectures", 2024,
arXiv 2403.17844.
"""

import math

import torch
from rich.text import Text
from torch import Generator

from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import commonest_share
from mad.tasks.parts import coloured


class SelectiveCopy(Task):
    """Tokens strewn among blanks, then the copy token: repeat the tokens in their order.

    With three tokens of 0..7, blank 8 and copy 9 (vocab_size 10, seq_len 11)::

        inputs    8 5 8 8 2 8 5   9   8 8 8
        targets   . . . . . . .   .   5 2 5

    The n tokens are drawn with replacement from 0..V-3; blank is V-2, copy is V-1. Each of the
    L-2n-1 blanks goes before one of the tokens, chosen uniformly, never after the last.

    The no-binding floor is the mean share of the commonest token among the n.
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_tokens: int) -> None:
        """Raises ValueError unless 3 <= V, 1 <= n and 2n+1 <= L."""
        if vocab_size < 3:
            raise ValueError(f"vocab_size must be 3 or more: blank, copy and a token; got {vocab_size}")
        if n_tokens < 1:
            raise ValueError(f"n_tokens must be 1 or more; got {n_tokens}")
        if 2 * n_tokens + 1 > seq_len:
            raise ValueError(
                f"{n_tokens} tokens, the copy token and {n_tokens} answers need {2 * n_tokens + 1} "
                f"positions; set seq_len to that or more; got {seq_len}"
            )
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.n_tokens = n_tokens

    def sample(self, size: int, rng: Generator) -> Batch:
        blank, copy = self.vocab_size - 2, self.vocab_size - 1
        n_blanks = self.seq_len - 2 * self.n_tokens - 1
        tokens = torch.randint(blank, (size, self.n_tokens), generator=rng)
        followed_by = torch.randint(self.n_tokens, (size, n_blanks), generator=rng)
        blanks_before = torch.zeros_like(tokens).scatter_add_(1, followed_by, torch.ones_like(followed_by))
        positions = torch.arange(self.n_tokens) + blanks_before.cumsum(1)
        inputs = torch.full((size, self.seq_len), blank).scatter_(1, positions, tokens)
        inputs[:, -self.n_tokens - 1] = copy
        targets = torch.full_like(inputs, IGNORE)
        targets[:, -self.n_tokens :] = tokens
        return Batch(inputs, targets)

    def bounds(self) -> Bounds:
        n_values = self.vocab_size - 2
        return Bounds(
            chance_accuracy=1 / n_values,
            chance_loss=math.log(n_values),
            best_loss=0.0,
            floor_accuracy=commonest_share(self.n_tokens, n_values=n_values),
        )

    def explain(self, inputs: Tokens, targets: Tokens) -> Text:
        blank = self.vocab_size - 2
        before = inputs[: -self.n_tokens - 1]
        parts = ["filler" if token == blank else "token" for token in before.tolist()]
        return coloured(inputs, [*parts, "separator", *["query"] * self.n_tokens], answers=targets)
