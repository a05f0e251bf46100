"""The recall task of experiment 008: one vocabulary for keys and values, every key asked."""

from torch import Generator, Tensor

from mad.tasks.draws import distinct
from mad.tasks.pairs import PairsThenQueries


class MQAR008(PairsThenQueries):
    """Pairs of key and value, a separator, then all keys in random order: what was the value of each?

    With three pairs and tokens 2..9 (vocab_size 10, seq_len 12; SEP 0, PAD 1)::

        inputs    7 4  2 9  5 4   0   5 7 2   1 1
        targets   . .  . .  . .   .   4 4 9   . .

    Only the first 3N+1 positions are used, the rest is PAD.

    The no-binding floor is the mean share of the commonest value among the N (17.4 % for 8 of 62).
    """

    def __init__(self, *, vocab_size: int, seq_len: int, n_pairs: int) -> None:
        super().__init__(vocab_size=vocab_size, seq_len=seq_len, n_pairs=n_pairs, n_queries=n_pairs)

    def asked(self, size: int, rng: Generator) -> Tensor:
        return distinct(size, self.n_pairs, population=self.n_pairs, rng=rng)
