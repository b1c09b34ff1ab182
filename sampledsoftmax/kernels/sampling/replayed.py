"""Candidates that were drawn elsewhere, with the expected count of each class."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sampling.candidates import draw, expected_counts
from sampledsoftmax.kernels.sampling.distribution import Support, fill, probabilities


class Replayed(NamedTuple):
    """A sample, for steps on a table of the rows of one batch.

    Attributes
    ----------
    support : Support
    candidates : int64 [num_sampled]
        Places of the candidates in the table, in the order of their draws.
    counts : float32 [rows]
        Expected count of the class in each row.
    """

    support: Support
    candidates: NDArray[np.int64]
    counts: NDArray[np.float32]


@draw.register(Replayed)
@jit
def _replay(distribution, cursor, unique, slots, out):
    fill(distribution, cursor, out)
    return out.size


@expected_counts.register(Replayed)
@jit
def _known_counts(distribution, num_sampled, tries, ids, out):
    probabilities(distribution, ids, out)


@fill.register(Replayed)
@jit
def _fill_replayed(distribution, cursor, out):
    for i in range(out.size):
        out[i] = distribution.candidates[i]


@probabilities.register(Replayed)
@jit
def _look_up_counts(distribution, ids, out):
    """Write counts in the place of probabilities, which nothing reads."""
    for i in range(ids.size):
        out[i] = distribution.counts[ids[i]]
