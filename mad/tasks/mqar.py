"""Multi-query associative recall (MQAR), as Zoology publishes it.

S. Arora, S. Eyuboglu, A. Timalsina, I. Johnson, M. Poli, J. Zou, A. Rudra, C. Ré, "Zoology: Measuring
and Improving Recall in Efficient Language Models", 2023, arXiv 2312.04927. The mixture of lengths
(``conf/task/mqar_based.yaml``) is that of "Simple linear attention language models balance the
recall-throughput tradeoff" ("Based"), 2024, arXiv 2402.18668.
"""

import math
from collections.abc import Callable

import torch
from rich.text import Text
from torch import Generator

from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import Drawn, distinct
from mad.tasks.parts import coloured

FILLER = 0


class MQAR(Task):
    """Pairs of key and value, then every key once more: what was its value?

    With two pairs, keys 1..7 and values 8..15 (vocab_size 16, seq_len 10)::

        inputs    3 12   5  9   0  0   3  0   5  0
        targets   .  .   .  .   .  .  12  .   9  .

    Keys are different from each other and uniform over 1..V/2-1, values likewise over V/2..V-1. After
    ``k1 v1 ... kN vN`` the remaining L-2N positions are slots of two tokens. Each key is asked at the
    first token of one slot. Slots are drawn without replacement in the order of the keys, slot
    i = 1, 2, ... with probability proportional to i^(alpha-1): near slots first, so that early keys
    tend to be asked early. All else is filler:

    - ``zero``: the token 0;
    - ``random``: uniform over the vocabulary without the sequence's own keys;
    - ``random_with_collisions``: uniform over the whole vocabulary, as published, so that a key may
      stand where it is not asked.

    The no-binding floor is 1/N: who knows the values of the sequence as a set, but neither whose they
    are nor in which order they came, names the asked one with that probability at every query (values
    are different, each is asked once, and no query tells what an earlier answer was). Places say a
    little more, as slots follow the keys: naming the value of the pair that is most often asked at the
    query's place scores 17 % instead of 12.5 % with 8 pairs in 64 tokens.
    """

    def __init__(
        self, *, vocab_size: int, seq_len: int, n_pairs: int, alpha: float = 0.01, filler: str = "zero"
    ) -> None:
        """Raises ValueError unless L is even, V > L, 1 <= N, 4 N <= L and the filler is a known one."""
        if seq_len % 2:
            raise ValueError(f"seq_len must be even, as pairs and slots are two tokens; got {seq_len}")
        if vocab_size <= seq_len:
            raise ValueError(f"vocab_size must be above seq_len ({seq_len}); got {vocab_size}")
        if n_pairs < 1:
            raise ValueError(f"n_pairs must be 1 or more; got {n_pairs}")
        if 4 * n_pairs > seq_len:
            raise ValueError(
                f"{n_pairs} pairs and their queries need 4 x n_pairs = {4 * n_pairs} positions, but seq_len "
                f"is {seq_len}; set n_pairs to {seq_len // 4} or less, or seq_len to {4 * n_pairs} or more"
            )
        if not math.isfinite(alpha):
            raise ValueError(f"alpha must be a finite number; got {alpha}")
        if filler not in FILLERS:
            raise ValueError(f"filler must be one of {', '.join(FILLERS)}; got {filler!r}")
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.n_pairs = n_pairs
        self.alpha = alpha
        self.filler = filler

    def sample(self, size: int, rng: Generator) -> Batch:
        first_value, first_slot = self.vocab_size // 2, 2 * self.n_pairs
        keys = 1 + distinct(size, self.n_pairs, population=first_value - 1, rng=rng)
        values = first_value + distinct(size, self.n_pairs, population=self.vocab_size - first_value, rng=rng)
        asked = first_slot + 2 * self._slots(size, rng)
        inputs = torch.full((size, self.seq_len), FILLER)
        inputs[:, 0:first_slot:2] = keys
        inputs[:, 1:first_slot:2] = values
        inputs.scatter_(1, asked, keys)
        inputs = FILLERS[self.filler](inputs, keys, self.vocab_size, rng)
        targets = torch.full_like(inputs, IGNORE).scatter_(1, asked, values)
        return Batch(inputs, targets)

    def _slots(self, size: int, rng: Generator) -> Drawn:
        """The slot, from 0, in which each key is asked: Gumbel top-k, largest first."""
        n_slots = (self.seq_len - 2 * self.n_pairs) // 2
        log_weights = (self.alpha - 1) * torch.arange(1, n_slots + 1).log()
        # Uniform draws are the same bits on every machine; exponential_ takes other ways on some.
        gumbel = -torch.rand(size, n_slots, generator=rng, dtype=torch.float64).log_().neg_().log_()
        return (log_weights + gumbel).topk(self.n_pairs).indices

    def bounds(self) -> Bounds:
        n_values = self.vocab_size - self.vocab_size // 2
        return Bounds(
            chance_accuracy=1 / n_values,
            chance_loss=math.log(n_values),
            best_loss=0.0,
            floor_accuracy=1 / self.n_pairs,
        )

    def explain(self, inputs: Tokens, targets: Tokens) -> Text:
        asked = (targets[2 * self.n_pairs :] != IGNORE).tolist()
        parts = ["key", "value"] * self.n_pairs + ["query" if query else "filler" for query in asked]
        return coloured(inputs, parts, answers=targets)


Filler = Callable[[Tokens, Drawn, int, Generator], Tokens]
"""(inputs with FILLER where nothing stands, keys, vocab_size, rng) -> inputs filled up."""


def _zero(inputs: Tokens, keys: Drawn, vocab_size: int, rng: Generator) -> Tokens:
    return inputs


def _random(inputs: Tokens, keys: Drawn, vocab_size: int, rng: Generator) -> Tokens:
    ranks = torch.randint(vocab_size - keys.shape[1], inputs.shape, generator=rng)
    # The r-th token that is no key is r plus the keys below it. keys[j] - j other tokens precede the
    # j-th smallest key, so that key lies below if this is at most r.
    others_before = keys.sort(dim=1).values - torch.arange(keys.shape[1])
    tokens = ranks + torch.searchsorted(others_before, ranks, right=True)
    return torch.where(inputs == FILLER, tokens, inputs)


def _random_with_collisions(inputs: Tokens, keys: Drawn, vocab_size: int, rng: Generator) -> Tokens:
    return torch.where(inputs == FILLER, torch.randint(vocab_size, inputs.shape, generator=rng), inputs)


FILLERS: dict[str, Filler] = {
    "zero": _zero,
    "random": _random,
    "random_with_collisions": _random_with_collisions,
}
