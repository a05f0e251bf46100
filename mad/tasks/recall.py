"""Associative recall with a single question, the task of experiment 029."""

import math

import torch
from rich.text import Text
from torch import Generator

from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import commonest_share, distinct
from mad.tasks.parts import coloured

SEP, PAD, FIRST_TOKEN = 0, 1, 2


class Recall(Task):
    """Pairs of key and value, a separator, then one of the keys: what was its value?

    With three pairs and tokens 2..9 (vocab_size 10, seq_len 10; SEP 0, PAD 1)::

        inputs    7 4  2 9  5 4   0   2   1 1
        targets   . .  . .  . .   .   9   . .

    Keys are different from each other; values are drawn with replacement from the same tokens, so a
    value may be a key too. Every key is asked with the same probability. The rest is PAD and comes
    last, so that a causal model need not compute it. ``vocab_size`` counts SEP and PAD: the published
    16 tokens make 18.

    The no-binding floor is the mean share of the commonest value among the N (25.8 % for 8 of 16).
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_pairs: int) -> None:
        """Raises ValueError unless 1 <= N <= V-2 and 2N+2 <= L."""
        if not 1 <= n_pairs <= vocab_size - FIRST_TOKEN:
            raise ValueError(
                f"n_pairs must lie in 1..vocab_size-{FIRST_TOKEN} = {vocab_size - FIRST_TOKEN}, as keys are "
                f"different and two tokens are SEP and PAD; got {n_pairs}"
            )
        if 2 * n_pairs + 2 > seq_len:
            raise ValueError(
                f"{n_pairs} pairs, the separator and the query need {2 * n_pairs + 2} positions; "
                f"set seq_len to that or more; got {seq_len}"
            )
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.n_pairs = n_pairs

    def sample(self, size: int, rng: Generator) -> Batch:
        n_tokens, separator = self.vocab_size - FIRST_TOKEN, 2 * self.n_pairs
        keys = FIRST_TOKEN + distinct(size, self.n_pairs, population=n_tokens, rng=rng)
        values = torch.randint(FIRST_TOKEN, self.vocab_size, keys.shape, generator=rng)
        asked = torch.randint(self.n_pairs, (size, 1), generator=rng)
        inputs = torch.full((size, self.seq_len), PAD)
        inputs[:, 0:separator:2] = keys
        inputs[:, 1:separator:2] = values
        inputs[:, separator] = SEP
        inputs[:, separator + 1 : separator + 2] = keys.gather(1, asked)
        targets = torch.full_like(inputs, IGNORE)
        targets[:, separator + 1 : separator + 2] = values.gather(1, asked)
        return Batch(inputs, targets)

    def bounds(self) -> Bounds:
        n_tokens = self.vocab_size - FIRST_TOKEN
        return Bounds(
            chance_accuracy=1 / n_tokens,
            chance_loss=math.log(n_tokens),
            best_loss=0.0,
            floor_accuracy=commonest_share(self.n_pairs, n_values=n_tokens),
        )

    def explain(self, inputs: Tokens, targets: Tokens) -> Text:
        n_filler = self.seq_len - 2 * self.n_pairs - 2
        parts = ["key", "value"] * self.n_pairs + ["separator", "query"] + ["filler"] * n_filler
        return coloured(inputs, parts, answers=targets)
