"""Associative recall with a single question, the task of experiment 029."""

import torch
from torch import Generator, Tensor

from mad.tasks.pairs import PairsThenQueries


class Recall(PairsThenQueries):
    """Pairs of key and value, a separator, then one of the keys: what was its value?

    With three pairs and tokens 2..9 (vocab_size 10, seq_len 10; SEP 0, PAD 1)::

        inputs    7 4  2 9  5 4   0   2   1 1
        targets   . .  . .  . .   .   9   . .

    Every key is asked with the same probability. The rest is PAD and comes last, so that a causal model
    need not compute it. ``vocab_size`` counts SEP and PAD: the published 16 tokens make 18.

    The no-binding floor is the mean share of the commonest value among the N (25.8 % for 8 of 16).
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_pairs: int) -> None:
        super().__init__(vocab_size=vocab_size, seq_len=seq_len, n_pairs=n_pairs, n_queries=1)

    def asked(self, size: int, rng: Generator) -> Tensor:
        return torch.randint(self.n_pairs, (size, 1), generator=rng)
