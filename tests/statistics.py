"""How far counts are from what they should be."""

import numpy as np


def chi_square_score(observed, expected):
    """Chi-square of counts as a standard normal score: Wilson and Hilferty 1931, (chi2 / k)**(1/3) is nearly normal."""
    chi_square = ((observed - expected) ** 2 / expected).sum()
    degrees = np.size(observed) - 1
    spread = 2 / (9 * degrees)
    return ((chi_square / degrees) ** (1 / 3) - (1 - spread)) / spread**0.5
