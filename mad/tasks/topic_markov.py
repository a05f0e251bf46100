"""Next-token prediction in a language of topics, with the true topic at every token."""

import math
from functools import cached_property

import torch
from rich.text import Text
from torch import Generator
from torch.nn.functional import one_hot

from mad.seeding import generator
from mad.shapes import Tokens
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.tasks.draws import distinct
from mad.tasks.parts import coloured
from mad.tasks.topic_filter import Reading, likeliest, read
from mad.tasks.topic_language import TopicLanguage, Topics

ORDERS = ("shuffled", "topic_ordered")

MOST_CHANCES = 2**29
"""4 GiB of transition probabilities."""

BOUNDS_TOKENS = 2**18
"""The best loss is a mean over so many tokens: its standard error is about 0.0025 nats."""


class TopicMarkov(Task):
    """Text in a few topics, each a Markov chain: what comes next?

    With four tokens and two topics, one that mostly counts upwards, one downwards (seq_len 9)::

        inputs    0 1 2 3 0   3 2 1 0
        targets   1 2 3 0 3   2 1 0 3
        truth     0 0 0 0 0   1 1 1 1

    A sequence is L+1 tokens (the last is only a target) in n segments, n uniform over
    min_segments..max_segments, the cuts at different uniform places. The first topic is uniform,
    each other one is uniform over those that differ from the one before. At a cut the new topic goes
    on from the last token. Every position is asked. The language is fixed by ``language_seed`` and
    the same for every split: see :mod:`mad.tasks.topic_language`.

    ``order`` says which sequences follow one another in training: ``shuffled``, or ``topic_ordered``,
    sorted by the topic with the most tokens.

    Chance is uniform over the vocabulary. The best loss is that of the exact Bayes filter, which has to
    infer the topic; ``language.entropy_rate()`` lies below it and needs to be told.
    """

    selected_by = "loss_nats"

    def __init__(
        self,
        *,
        vocab_size: int,
        seq_len: int,
        n_topics: int,
        concentration: float,
        min_segments: int = 2,
        max_segments: int = 5,
        order: str = "shuffled",
        language_seed: int = 0,
    ) -> None:
        """Raises ValueError unless 2 <= K <= V, 0 < concentration and 1 <= min <= max segments <= L+1."""
        if not 2 <= n_topics <= vocab_size:
            raise ValueError(f"n_topics must lie in 2..vocab_size = {vocab_size}; got {n_topics}")
        if vocab_size**2 * n_topics > MOST_CHANCES:
            raise ValueError(
                f"{n_topics} topics over vocab_size {vocab_size} are tables of more than {MOST_CHANCES:,} "
                "numbers; set task.vocab_size or task.n_topics to less"
            )
        if not 0 < concentration < math.inf:
            raise ValueError(f"concentration must be a finite number above 0; got {concentration}")
        if not 1 <= min_segments <= max_segments <= seq_len + 1:
            raise ValueError(
                f"expected 1 <= min_segments <= max_segments <= seq_len + 1 = {seq_len + 1}; "
                f"got min_segments {min_segments}, max_segments {max_segments}"
            )
        if order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}; got {order!r}")
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.min_segments = min_segments
        self.max_segments = max_segments
        self.ordered = order == "topic_ordered"
        self.language = TopicLanguage(
            vocab_size=vocab_size, n_topics=n_topics, concentration=concentration, seed=language_seed
        )

    def sample(self, size: int, rng: Generator) -> Batch:
        topics = self._topics(size, rng)
        tokens = self.language.write(topics, rng)
        if self.ordered:
            by_topic = one_hot(topics, self.language.n_topics).sum(1).argmax(1).argsort(stable=True)
            topics, tokens = topics[by_topic], tokens[by_topic]
        return Batch(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous(), topics[:, :-1].contiguous())

    def _topics(self, size: int, rng: Generator) -> Topics:
        """The topic that writes each of the L+1 tokens, (B, L+1)."""
        n_cuts = torch.randint(self.min_segments - 1, self.max_segments, (size, 1), generator=rng)
        places = 1 + distinct(size, self.max_segments - 1, population=self.seq_len, rng=rng)
        cuts = (torch.arange(self.max_segments - 1) < n_cuts).long()
        segments = torch.zeros(size, self.seq_len + 1, dtype=torch.int64).scatter_(1, places, cuts).cumsum(1)
        turns = torch.randint(1, self.language.n_topics, (size, self.max_segments), generator=rng)
        turns[:, 0] = torch.randint(self.language.n_topics, (size,), generator=rng)
        return (turns.cumsum(1) % self.language.n_topics).gather(1, segments)

    def read(self, inputs: Tokens, targets: Tokens) -> Reading:
        """What the exact Bayes filter makes of sequences of this task."""
        return read(
            torch.cat([inputs, targets[:, -1:]], 1),
            language=self.language,
            min_segments=self.min_segments,
            max_segments=self.max_segments,
        )

    def bounds(self) -> Bounds:
        return self._bounds

    @cached_property
    def _bounds(self) -> Bounds:
        size = math.ceil(BOUNDS_TOKENS / self.seq_len)
        inputs, targets, _ = self.sample(size, generator(self.language.seed, "topic bounds"))
        topics, joint = self.read(inputs, targets)
        right = likeliest(topics, inputs, language=self.language) == targets
        return Bounds(
            chance_accuracy=1 / self.vocab_size,
            chance_loss=math.log(self.vocab_size),
            # Rounded far below the standard error, where the order of summation begins to show.
            best_loss=round(-float(joint.sum(2).log().mean()), 6),
            best_accuracy=float(right.double().mean()),
        )

    def explain(self, inputs: Tokens, targets: Tokens) -> Text:
        """Coloured by the topic that the Bayes filter thinks wrote each token; the first is open."""
        topics = self.read(inputs.unsqueeze(0), targets.unsqueeze(0)).joint[0].argmax(1).tolist()
        parts = ["any topic", *(f"topic {topic}" for topic in topics[:-1])]
        return coloured(inputs, parts, answers=torch.full_like(targets, IGNORE))
