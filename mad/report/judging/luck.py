"""How far apart the means of a few seeds lie by luck alone.

The range of k normal means is a known distribution: its mean is Tippett's (1925) d2, and where the spread is
itself estimated, the studentized range (Newman, 1939). Both are integrated here: the same numbers each time.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIKELY = 0.95
"""How often luck alone stays within the range that is called its reach."""

WIDEST = 80.0
"""Standard errors; for one degree of freedom the reach is 18 of two means, 60 of twenty."""


@lru_cache(maxsize=64)
def expected_range(k: int) -> float:
    """The mean range of ``k`` standard normal numbers: 1.128 of two, 1.693 of three."""
    import numpy as np
    from scipy.special import ndtr  # type: ignore[import-untyped]

    x = np.linspace(-9.0, 9.0, 2001)
    return float(np.sum(1 - ndtr(x) ** k - ndtr(-x) ** k) * (x[1] - x[0]))


@lru_cache(maxsize=64)
def likely_range(k: int, freedom: int) -> float:
    """The range that ``k`` equal means stay within 19 times of 20, in standard errors of a mean.

    ``freedom`` are the degrees of freedom of the standard error.
    """
    import numpy as np

    widths = np.linspace(0.0, WIDEST, 1601)
    within = _shares_within(widths, k)
    spreads, weights = _spreads(freedom)
    shares = [float(np.sum(weights * np.interp(width * spreads, widths, within))) for width in widths]
    return float(np.interp(LIKELY, shares, widths))


def _shares_within(widths: "NDArray[np.float64]", k: int) -> "NDArray[np.float64]":
    """How often the range of ``k`` standard normal numbers is at most so wide."""
    import numpy as np
    from scipy.special import ndtr

    x = np.linspace(-9.0, 9.0, 601)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    others = ndtr(x[None, :] + widths[:, None]) - ndtr(x)[None, :]
    return k * np.sum(density * others ** (k - 1), axis=1) * (x[1] - x[0])


def _spreads(freedom: int) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Estimated over true standard deviation, and how likely each is: chi over the root of its freedom."""
    import numpy as np

    spreads = np.linspace(1e-3, 6.0, 1200)
    log_density = (freedom - 1) * np.log(spreads) - freedom * spreads**2 / 2
    density = np.exp(log_density - log_density.max())
    return spreads, density / density.sum()
