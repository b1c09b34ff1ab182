"""Goodness of fit of counts to expected counts."""

import numpy as np


def chi_square_score(observed, expected):
    """Return the chi-square statistic as a standard normal score.

    Wilson and Hilferty 1931: (chi2 / degrees)**(1/3) is nearly normal.
    """
    chi_square = ((observed - expected) ** 2 / expected).sum()
    degrees = np.size(observed) - 1
    spread = 2 / (9 * degrees)
    return ((chi_square / degrees) ** (1 / 3) - (1 - spread)) / spread**0.5
