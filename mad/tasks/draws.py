"""Random draws that several tasks make, and what can be guessed from them."""

from math import exp, lgamma, log

import numpy as np
import torch
from jaxtyping import Int
from torch import Generator, Tensor

Drawn = Int[Tensor, "B count"]


def distinct(size: int, count: int, *, population: int, rng: Generator) -> Drawn:
    """``size`` times ``count`` different numbers of 0..population-1, all orders equally likely.

    Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", CACM 1987) for all rows at once,
    then a shuffle: memory O(size x count), whatever the population. Needs count <= population.
    """
    chosen = torch.empty(count, size, dtype=torch.int64)
    for i in range(count):
        last = population - count + i
        draw = torch.randint(last + 1, (size,), generator=rng)
        taken = (chosen[:i] == draw).any(0)
        chosen[i] = torch.where(taken, last, draw)
    order = torch.rand(size, count, generator=rng, dtype=torch.float64).argsort(1)
    return chosen.T.gather(1, order)


def commonest_share(n_draws: int, *, n_values: int) -> float:
    """The mean share of the commonest value among ``n_draws`` uniform draws with replacement.

    This is the no-binding floor of a task that asks for one of the draws: whoever knows which
    values occur, but not where each belongs, can do no better than to name the commonest.
    """
    # The counts are independent Poisson variables given that they add up to n_draws, hence
    # P(max <= c) = P(all <= c and their sum is n_draws) / P(their sum is n_draws).
    at_most = (_sum_pmf(n_draws, n_values, cap) / _poisson(n_draws, n_draws) for cap in range(n_draws))
    return sum(1 - share for share in at_most) / n_draws


def _sum_pmf(n_draws: int, n_values: int, cap: int) -> float:
    """P(``n_values`` Poisson counts of mean n_draws/n_values are all <= cap and add up to n_draws)."""
    power = np.array([_poisson(count, n_draws / n_values) for count in range(cap + 1)])
    total = np.ones(1)
    while n_values:
        if n_values % 2:
            total = np.convolve(total, power)[: n_draws + 1]
        power = np.convolve(power, power)[: n_draws + 1]
        n_values //= 2
    return float(total[n_draws]) if len(total) > n_draws else 0.0


def _poisson(count: int, mean: float) -> float:
    return exp(count * log(mean) - mean - lgamma(count + 1))
