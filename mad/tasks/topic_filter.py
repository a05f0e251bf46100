"""The best that anyone can do with text of hidden topics: the exact Bayes filter.

The reader knows the language and how sequences are cut, and infers from the tokens alone which topic
is on and how many cuts are still to come; given these two, the past says nothing more.

Equations, for tokens x_0 .. x_T, r cuts to come, topic k
    (1)  b_0(r,k)  ∝ pi[k,x_0],  r in min_segments-1 .. max_segments-1
    (2)  h_t(r)    = r / (T-t)                     a cut before token t+1, one of T-t places left
    (3)  p_t(r,k)  = (1 - h_t(r)) b_t(r,k) + h_t(r+1) sum_{k' != k} b_t(r+1,k') / (K-1)
    (4)  b_{t+1}(r,k)  ∝ p_t(r,k) P[k,x_t,x_{t+1}]
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mad.shapes import Tokens
from mad.tasks.topic_language import TopicLanguage

TopicWeights = Float[Tensor, "B T K"]


class Reading(NamedTuple):
    """What the filter holds after tokens 0..t, for t = 0..T-1."""

    topics: TopicWeights
    """P(topic of token t+1), the sum of (3) over r."""
    joint: TopicWeights
    """P(topic of token t+1, and token t+1 being what it is); its sum is the token's probability."""


def read(tokens: Tokens, *, language: TopicLanguage, min_segments: int, max_segments: int) -> Reading:
    """Reads tokens of shape (B, T+1)."""
    n_steps = tokens.shape[1] - 1
    likelihood = language.transitions[:, tokens[:, :-1], tokens[:, 1:]].permute(1, 2, 0)
    topics = torch.empty_like(likelihood)
    to_come = torch.arange(max_segments).unsqueeze(1)
    belief = language.stationary.T[tokens[:, 0]].unsqueeze(1) * (to_come >= min_segments - 1)
    for t in range(n_steps):
        leaving = belief * to_come / (n_steps - t)
        arriving = (leaving.sum(2, keepdim=True) - leaving) / (language.n_topics - 1)
        belief = belief - leaving
        belief[:, :-1] += arriving[:, 1:]
        belief /= belief.sum((1, 2), keepdim=True)
        topics[:, t] = belief.sum(1)
        belief *= likelihood[:, t].unsqueeze(1)
    return Reading(topics, topics * likelihood)


def likeliest(topics: TopicWeights, inputs: Tokens, *, language: TopicLanguage) -> Tokens:
    """The likeliest next token after each input, given the probabilities of the topics."""
    best = torch.empty_like(inputs)
    for t in range(inputs.shape[1]):
        mixture = torch.zeros(len(inputs), language.vocab_size, dtype=topics.dtype)
        for topic, chain in enumerate(language.transitions):
            mixture.addcmul_(topics[:, t, topic : topic + 1], chain[inputs[:, t]])
        best[:, t] = mixture.argmax(1)
    return best
