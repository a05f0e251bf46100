"""Distinct draws are exactly uniform; the commonest share is exact."""

import itertools
from collections import Counter

import pytest
import torch

from mad.seeding import generator
from mad.tasks.draws import commonest_share, distinct


@pytest.mark.parametrize("count, population", [(1, 1), (2, 4), (3, 3), (3, 5)])
def test_every_ordered_draw_is_equally_likely(count: int, population: int) -> None:
    size = 60_000
    seen = Counter(map(tuple, distinct(size, count, population=population, rng=generator(0)).tolist()))
    possible = list(itertools.permutations(range(population), count))
    assert set(seen) == set(possible)
    expected = size / len(possible)
    chi_square = sum((seen[draw] - expected) ** 2 / expected for draw in possible)
    # Mean and variance of chi-square are its degrees of freedom and twice that; 4 sigma.
    freedom = len(possible) - 1
    assert chi_square <= freedom + 4 * (2 * freedom) ** 0.5


def test_many_draws_from_few_are_distinct() -> None:
    draws = distinct(50, 100, population=128, rng=generator(0))
    ordered = draws.sort(1).values
    assert (ordered[:, 1:] > ordered[:, :-1]).all()
    assert draws.min() >= 0
    assert draws.max() < 128


@pytest.mark.parametrize("n_draws, n_values", [(1, 5), (2, 2), (3, 4), (5, 3), (6, 4)])
def test_the_commonest_share_equals_an_enumeration(n_draws: int, n_values: int) -> None:
    every = itertools.product(range(n_values), repeat=n_draws)
    shares = torch.tensor([max(Counter(draw).values()) / n_draws for draw in every], dtype=torch.float64)
    assert commonest_share(n_draws, n_values=n_values) == pytest.approx(float(shares.mean()), abs=1e-12)


def test_the_commonest_share_of_one_value_and_of_many() -> None:
    assert commonest_share(7, n_values=1) == pytest.approx(1)
    assert commonest_share(64, n_values=10**9) == pytest.approx(1 / 64, rel=1e-4)
