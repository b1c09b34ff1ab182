"""Codes of rows: k-means of halves (product codes), or of rows and then of residuals (residual codes)."""

from typing import NamedTuple

import numpy as np

from benchmarks.samplers.models import Floats, Ids


class Codes(NamedTuple):
    """Two codes per class, and their centers.

    Attributes
    ----------
    first, second : int64 [num_classes]
    first_centers, second_centers : float64 [num_codes, dim]
        A row is about first_centers[first] + second_centers[second].
    """

    first: Ids
    second: Ids
    first_centers: Floats
    second_centers: Floats


def k_means(rows: Floats, num_codes: int, rng: np.random.Generator, passes: int = 10) -> tuple[Ids, Floats]:
    """Return the code of each row and the centers, by Lloyd's algorithm from random rows."""
    centers = rows[rng.choice(len(rows), num_codes, replace=False)].copy()
    for _ in range(passes):
        codes = nearest(rows, centers)
        order = np.argsort(codes, kind="stable")
        filled, starts = np.unique(codes[order], return_index=True)
        sizes = np.diff(starts, append=len(rows))
        centers[filled] = np.add.reduceat(rows[order], starts) / sizes[:, np.newaxis].astype(rows.dtype)
    return nearest(rows, centers), centers


def nearest(rows: Floats, centers: Floats) -> Ids:
    """Return the nearest center of each row."""
    return np.asarray(((centers**2).sum(axis=1) - 2 * rows @ centers.T).argmin(axis=1), np.int64)


def product_codes(rows: Floats, num_codes: int, seed: int) -> Codes:
    """Return codes of the two halves of the columns."""
    rng, half = np.random.default_rng(seed), rows.shape[1] // 2
    (first, left), (second, right) = (k_means(part, num_codes, rng) for part in (rows[:, :half], rows[:, half:]))
    width = rows.shape[1]
    padded = np.zeros((num_codes, width), rows.dtype), np.zeros((num_codes, width), rows.dtype)
    padded[0][:, :half], padded[1][:, half:] = left, right
    return Codes(first, second, *padded)


def residual_codes(rows: Floats, num_codes: int, seed: int) -> Codes:
    """Return codes of the rows, and of what their centers leave over."""
    rng = np.random.default_rng(seed)
    first, centers = k_means(rows, num_codes, rng)
    second, residuals = k_means(rows - centers[first], num_codes, rng)
    return Codes(first, second, centers, residuals)
