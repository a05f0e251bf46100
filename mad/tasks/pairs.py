"""What the recall tasks of experiments 008 and 029 share: pairs, a separator, then some of the keys again."""

import math
from abc import abstractmethod

import torch
from rich.text import Text
from torch import Generator, Tensor

from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import commonest_share, distinct
from mad.tasks.parts import coloured

SEP, PAD, FIRST_TOKEN = 0, 1, 2


class PairsThenQueries(Task):
    """N pairs of key and value, SEP, ``n_queries`` of the keys, and PAD up to ``seq_len``.

    Keys are different from each other; values are drawn with replacement from the same tokens, so a value
    may be a key too.
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_pairs: int, n_queries: int) -> None:
        """Raises ValueError unless 1 <= N <= V-2 and 2N + 1 + n_queries <= L."""
        if not 1 <= n_pairs <= vocab_size - FIRST_TOKEN:
            raise ValueError(
                f"n_pairs must lie in 1..vocab_size-{FIRST_TOKEN} = {vocab_size - FIRST_TOKEN}, as keys are "
                f"different and two tokens are SEP and PAD; got {n_pairs}"
            )
        shortest = 2 * n_pairs + 1 + n_queries
        if shortest > seq_len:
            queries = "the query" if n_queries == 1 else f"{n_queries} queries"
            raise ValueError(
                f"{n_pairs} pairs, the separator and {queries} need {shortest} positions; "
                f"set seq_len to that or more; got {seq_len}"
            )
        self.vocab_size, self.seq_len = vocab_size, seq_len
        self.n_pairs, self.n_queries = n_pairs, n_queries

    @abstractmethod
    def asked(self, size: int, rng: Generator) -> Tensor:
        """Which pairs are asked for, in order: (size n_queries), each in 0..N-1."""

    def sample(self, size: int, rng: Generator) -> Batch:
        n_tokens, separator = self.vocab_size - FIRST_TOKEN, 2 * self.n_pairs
        keys = FIRST_TOKEN + distinct(size, self.n_pairs, population=n_tokens, rng=rng)
        values = torch.randint(FIRST_TOKEN, self.vocab_size, keys.shape, generator=rng)
        pair = self.asked(size, rng)
        queries = slice(separator + 1, separator + 1 + self.n_queries)
        inputs = torch.full((size, self.seq_len), PAD)
        inputs[:, 0:separator:2] = keys
        inputs[:, 1:separator:2] = values
        inputs[:, separator] = SEP
        inputs[:, queries] = keys.gather(1, pair)
        targets = torch.full_like(inputs, IGNORE)
        targets[:, queries] = values.gather(1, pair)
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
        parts = ["key", "value"] * self.n_pairs + ["separator"] + ["query"] * self.n_queries
        return coloured(inputs, parts + ["filler"] * (self.seq_len - len(parts)), answers=targets)
