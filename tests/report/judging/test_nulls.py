"""How often a null is told to PROCEED: the true mean stands at the bar, which the claim says it exceeds.

2,000 experiments of 5 seeds for each case, drawn from one seed, so that the shares below are what comes
out. The mean is at the bar after the draws were clipped to [0, 1].
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from mad.report.judging.bars import level_for, standing_of
from mad.report.judging.criterion import Criterion
from mad.report.judging.judge import judge
from mad.report.judging.settings import over
from mad.report.result import Result
from tests.report.judging.runs import experiment, run

N_EXPERIMENTS, N_SEEDS = 2000, 5

Draws = NDArray[np.float64]


def rng(*key: float) -> np.random.Generator:
    """A generator of this case's own."""
    return np.random.default_rng([round(1000 * part) for part in key])


def unimodal(bar: float, sd: float, *, n_settings: int = 1) -> Draws:
    """Normal accuracies, clipped, whose mean is at the bar: of shape experiments, settings, seeds."""

    def excess(mean: float) -> float:
        low, high = -mean / sd, (1 - mean) / sd
        inside = mean * (norm.cdf(high) - norm.cdf(low)) + sd * (norm.pdf(low) - norm.pdf(high))
        return float(inside + norm.sf(high) - bar)

    mean = brentq(excess, -5, 6)
    shape = (N_EXPERIMENTS, n_settings, N_SEEDS)
    return np.clip(rng(bar, sd, n_settings).normal(mean, sd, shape), 0, 1)


def two_point(bar: float, *, unsolved: float) -> Draws:
    """Seeds that solve the task to 99 % or stay at ``unsolved``, so that the mean is at the bar."""
    share = (bar - unsolved) / (0.99 - unsolved)
    shape = (N_EXPERIMENTS, 1, N_SEEDS)
    return np.where(rng(bar, unsolved).random(shape) < share, 0.99, unsolved)


def judged(draws: Draws, bar: float) -> float:
    """The share that proceeds when each experiment is judged as a whole."""
    declared = experiment({"above": bar})
    rates = [10.0 ** -(2 + setting) for setting in range(draws.shape[1])]
    blanks = [[run(seed=seed, learning_rate=rate) for seed in range(N_SEEDS)] for rate in rates]
    verdicts = [judge(declared, results=list(_filled(blanks, draw))).verdict for draw in draws]
    return verdicts.count("PROCEED") / len(verdicts)


def _filled(blanks: Sequence[Sequence[Result]], draw: Draws) -> list[Result]:
    return [
        replace(blank, metrics={"validation/accuracy": float(value), "test/accuracy": float(value)})
        for row, values in zip(blanks, draw, strict=True)
        for blank, value in zip(row, values, strict=True)
    ]


def passed(draws: Draws, bar: float) -> float:
    """The same share by the decision alone: the setting of the highest mean, its interval, its standing."""
    criterion, n_settings = Criterion(claim="", where={}, above=bar), draws.shape[1]
    level, hits = level_for(n_settings), 0
    for draw in draws:
        best = draw[draw.mean(axis=1).argmax()]
        observed = over(best.tolist(), metric="test/accuracy", level=level)
        hits += standing_of(criterion, observed)[0] == "met"
    return hits / len(draws)


def test_the_decision_alone_errs_as_the_whole_judgement_does() -> None:
    for draws in (unimodal(0.8, 0.1)[:300], unimodal(0.8, 0.2, n_settings=3)[:100]):
        assert judged(draws, 0.8) == passed(draws, 0.8) > 0


def test_2000_nulls_judged_as_a_whole_proceed_in_5_percent_at_most() -> None:
    assert judged(unimodal(0.8, 0.05), 0.8) <= 0.05


@pytest.mark.parametrize("bar", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("sd", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("n_settings", [1, 3, 5])
def test_unimodal_nulls_proceed_in_5_percent_at_most(bar: float, sd: float, n_settings: int) -> None:
    assert passed(unimodal(bar, sd, n_settings=n_settings), bar) <= 0.05


@pytest.mark.parametrize(
    "bar, sd, share",
    [(0.8, 0.2, 0.053), (0.8, 0.3, 0.086), (0.9, 0.1, 0.046), (0.9, 0.2, 0.105), (0.95, 0.1, 0.121)],
)
def test_nulls_piled_up_at_the_ceiling_proceed_more_often(bar: float, sd: float, share: float) -> None:
    assert passed(unimodal(bar, sd), bar) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    "bar, unsolved, share",
    [(0.5, 0.25, 0.004), (0.8, 0.25, 0.235), (0.8, 0.0, 0.356), (0.9, 0.25, 0.527), (0.9, 0.0, 0.636)],
)
def test_nulls_of_two_points_proceed_as_often_as_all_seeds_solve(
    bar: float, unsolved: float, share: float
) -> None:
    all_solve = ((bar - unsolved) / (0.99 - unsolved)) ** N_SEEDS
    assert passed(two_point(bar, unsolved=unsolved), bar) == pytest.approx(share, abs=0.005)
    assert all_solve == pytest.approx(share, abs=0.03)
