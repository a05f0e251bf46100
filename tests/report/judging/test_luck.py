"""What luck alone does to means, held against SciPy's own studentized range and against tables."""

import pytest
from scipy.stats import studentized_range

from mad.report.judging.luck import expected_range, likely_range


@pytest.mark.parametrize("k, d2", [(2, 1.128), (3, 1.693), (5, 2.326), (10, 3.078), (25, 3.931)])
def test_the_mean_range_is_tippett_s(k: int, d2: float) -> None:
    assert expected_range(k) == pytest.approx(d2, abs=6e-4)


@pytest.mark.parametrize("k, freedom", [(2, 2), (2, 4), (3, 6), (7, 14), (7, 100), (30, 60)])
def test_the_reach_of_luck_is_the_studentized_range(k: int, freedom: int) -> None:
    assert likely_range(k, freedom) == pytest.approx(studentized_range.ppf(0.95, k, freedom), rel=0.005)


def test_what_is_expected_is_within_reach() -> None:
    assert expected_range(4) < likely_range(4, 10_000)
