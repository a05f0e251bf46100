"""The recall task of experiment 008: one vocabulary for keys and values, every key asked."""

import math

import torch
from rich.text import Text
from torch import Generator

from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import commonest_share, distinct
from mad.tasks.parts import coloured

SEP, PAD, FIRST_TOKEN = 0, 1, 2


class MQAR008(Task):
    """Pairs of key and value, a separator, then all keys in random order: what was the value of each?

    With three pairs and tokens 2..9 (vocab_size 10, seq_len 12; SEP 0, PAD 1)::

        inputs    7 4  2 9  5 4   0   5 7 2   1 1
        targets   . .  . .  . .   .   4 4 9   . .

    Keys are different from each other; values are drawn with replacement from the same tokens, so a
    value may be a key too. Only the first 3N+1 positions are used, the rest is PAD.

    The no-binding floor is the mean share of the commonest value among the N (17.4 % for 8 of 62).
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_pairs: int) -> None:
        """Raises ValueError unless 1 <= N <= V-2 and 3N+1 <= L."""
        if not 1 <= n_pairs <= vocab_size - FIRST_TOKEN:
            raise ValueError(
                f"n_pairs must lie in 1..vocab_size-{FIRST_TOKEN} = {vocab_size - FIRST_TOKEN}, as keys are "
                f"different and two tokens are SEP and PAD; got {n_pairs}"
            )
        if 3 * n_pairs + 1 > seq_len:
            raise ValueError(
                f"{n_pairs} pairs, the separator and {n_pairs} queries need {3 * n_pairs + 1} positions; "
                f"set seq_len to that or more; got {seq_len}"
            )
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.n_pairs = n_pairs

    def sample(self, size: int, rng: Generator) -> Batch:
        n_tokens, separator = self.vocab_size - FIRST_TOKEN, 2 * self.n_pairs
        keys = FIRST_TOKEN + distinct(size, self.n_pairs, population=n_tokens, rng=rng)
        values = torch.randint(FIRST_TOKEN, self.vocab_size, keys.shape, generator=rng)
        order = distinct(size, self.n_pairs, population=self.n_pairs, rng=rng)
        asked = slice(separator + 1, separator + 1 + self.n_pairs)
        inputs = torch.full((size, self.seq_len), PAD)
        inputs[:, 0:separator:2] = keys
        inputs[:, 1:separator:2] = values
        inputs[:, separator] = SEP
        inputs[:, asked] = keys.gather(1, order)
        targets = torch.full_like(inputs, IGNORE)
        targets[:, asked] = values.gather(1, order)
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
        n_filler = self.seq_len - 3 * self.n_pairs - 1
        parts = ["key", "value"] * self.n_pairs + ["separator"] + ["query"] * self.n_pairs
        return coloured(inputs, parts + ["filler"] * n_filler, answers=targets)
