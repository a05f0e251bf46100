"""A language of topics, each a Markov chain over one vocabulary.

Topics differ in what follows what, hardly in how often a token occurs. The published runs' source is
known by its entropies only; this one has them (7.28 nats at V = 4096, K = 5, concentration 5).

Equations
    (1)  w[k,i,:] ~ Dirichlet(1/2)                     the successors of token i in topic k
    (2)  S[k,i] = a random 1/K of the tokens           those that topic k prefers after i
    (3)  P[k,i,j] ∝ w[k,i,j] (concentration if j in S[k,i] else 1)
    (4)  h = mean_k sum_i pi[k,i] H(P[k,i,:])          entropy rate with the topic known; pi_k P_k = pi_k

Glossary
    P   transitions   (K, N, N)
    pi  stationary    (K, N)
"""

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from mad.seeding import generator
from mad.shapes import Tokens

Topics = Int[Tensor, "B T"]
Chain = Float[Tensor, "N N"]
Chains = Float[Tensor, "K N N"]
Shares = Float[Tensor, "K N"]
Ladder = Float[Tensor, " rungs"]


class TopicLanguage:
    """K Markov chains over N tokens: a pure function of its arguments, in double precision."""

    def __init__(self, *, vocab_size: int, n_topics: int, concentration: float, seed: int) -> None:
        self.vocab_size = vocab_size
        self.n_topics = n_topics
        self.concentration = concentration
        self.seed = seed

    @cached_property
    def transitions(self) -> Chains:
        """P(next token | topic, token), equations (1) to (3)."""
        rng = generator(self.seed, "topic language")
        return torch.stack([self._chain(rng) for _ in range(self.n_topics)])

    def _chain(self, rng: Generator) -> Chain:
        shape = (self.vocab_size, self.vocab_size)
        # Squares of normals are gamma variables of shape 1/2; normalised, they are Dirichlet(1/2).
        weights = torch.randn(shape, generator=rng, dtype=torch.float64).square_()
        ranks = torch.rand(shape, generator=rng).argsort(1)
        weights[ranks < self.vocab_size // self.n_topics] *= self.concentration
        return weights / weights.sum(1, keepdim=True)

    @cached_property
    def stationary(self) -> Shares:
        """How often each token occurs in each topic, by power iteration."""
        share = torch.full((self.n_topics, 1, self.vocab_size), 1 / self.vocab_size, dtype=torch.float64)
        for _ in range(1000):
            last, share = share, share @ self.transitions
            if torch.allclose(share, last, rtol=1e-9, atol=0):
                break
        return share.squeeze(1)

    def entropy_rate(self) -> float:
        """Nats per token for a reader who is told the topic, equation (4)."""
        return float((self.stationary * torch.special.entr(self.transitions).sum(2)).sum(1).mean())

    def write(self, topics: Topics, rng: Generator) -> Tokens:
        """A token for each topic: the first from the stationary share, the others by transition."""
        draws = torch.rand(topics.shape, generator=rng, dtype=torch.float64)
        tokens = torch.empty_like(topics)
        row = self.n_topics * self.vocab_size + topics[:, 0]
        for t in range(topics.shape[1]):
            if t:
                row = topics[:, t] * self.vocab_size + tokens[:, t - 1]
            found = torch.searchsorted(self._ladder, row + draws[:, t], right=True) - row * self.vocab_size
            # A draw within rounding of 1 lands on the next row.
            tokens[:, t] = found.clamp_(max=self.vocab_size - 1)
        return tokens

    @cached_property
    def _ladder(self) -> Ladder:
        """Row r's cumulative distribution plus r, all rows in one ascending line.

        Searching it for r + u, u uniform in [0, 1), draws from row r. Rows are transitions, then pi.
        """
        steps = torch.cat([self.transitions.flatten(0, 1), self.stationary]).cumsum_(1).clamp_(max=1)
        steps[:, -1] = 1
        return steps.add_(torch.arange(len(steps)).unsqueeze(1)).flatten()
