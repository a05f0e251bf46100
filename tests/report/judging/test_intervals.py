"""Intervals: as SciPy's own tests give them, and honest where there is little to go on."""

import math

import numpy as np
import pytest
from scipy import stats

from mad.report.judging.intervals import gap, interval, solved_share

VALUES = [0.91, 0.97, 0.88, 0.99, 0.95]


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_an_interval_is_student_s(n: int, level: float) -> None:
    found = interval(VALUES[:n], level=level)
    expected = stats.ttest_1samp(VALUES[:n], 0.0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.mean, found.n, found.values) == (pytest.approx(np.mean(VALUES[:n])), n, tuple(VALUES[:n]))


def test_one_value_has_no_spread() -> None:
    found = interval([0.5])
    assert (found.mean, found.low, found.high, found.n) == (0.5, None, None, 1)


def test_an_accuracy_cannot_leave_its_range() -> None:
    found = interval([0.9, 1.0, 1.0], within=(0.0, 1.0))
    assert found.high == 1.0
    assert found.low == interval([0.9, 1.0, 1.0]).low


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_what_is_no_number_has_no_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite number"):
        interval(values)


def test_a_gap_over_the_same_seeds_is_paired() -> None:
    first, second = dict(enumerate(VALUES)), dict(enumerate([value - 0.1 for value in VALUES]))
    found = gap(first, second)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)
    assert found.values == pytest.approx([0.1] * 5)


def test_a_gap_over_other_seeds_is_welch_s() -> None:
    others = [0.5, 0.7, 0.55]
    found = gap(dict(enumerate(VALUES)), dict(enumerate(others, start=10)))
    expected = stats.ttest_ind(VALUES, others, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.n == 3


def test_a_gap_of_one_seed_has_no_spread_and_one_without_any_spread_has_no_width() -> None:
    assert gap({0: 0.9}, {1: 0.5, 2: 0.6}).low is None
    still = gap({0: 1.0, 1: 1.0}, {2: 0.5, 3: 0.5})
    assert (still.low, still.high) == (0.5, 0.5)


@pytest.mark.parametrize("n_solved", [0, 1, 4, 5])
def test_a_share_is_clopper_and_pearson_s(n_solved: int) -> None:
    found = solved_share(n_solved, 5)
    expected = stats.binomtest(n_solved, 5).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.mean == n_solved / 5


@pytest.mark.parametrize("n_solved, n", [(1, 0), (6, 5), (-1, 5)])
def test_a_share_cannot_exceed_its_whole(n_solved: int, n: int) -> None:
    with pytest.raises(ValueError, match="a share expects"):
        solved_share(n_solved, n)
