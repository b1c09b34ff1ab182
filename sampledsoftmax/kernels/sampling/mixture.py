"""Candidates from several distributions: each has its share of them, and one expected count covers all.

A mixture is a list: a distribution and the mixture of the others, down to one of none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sampling.candidates import draw, expected_counts
from sampledsoftmax.kernels.sampling.distribution import Support, fill, learn, probabilities
from sampledsoftmax.kernels.sampling.philox import next_double


class NoParts(NamedTuple):
    """The end of a mixture."""

    support: Support


class Mixture(NamedTuple):
    """The first `num_sampled` candidates are of `part`, the others of `rest`.

    Attributes
    ----------
    support : Support
    part : Distribution
    rest : Mixture or NoParts
    num_sampled : int
        Number of candidates of `part`.
    share : float
        Its share of those of `part` and `rest`.
    unique : bool
        Whether candidates of `part` differ.
    tries : int64 [1]
        Draws that the last sample of `part` took: `draw` writes them, `expected_counts` reads them.
    """

    support: Support
    part: Any
    rest: Any
    num_sampled: int
    share: float
    unique: bool
    tries: NDArray[np.int64]


@draw.register(NoParts)
@jit
def _draw_nothing(distribution, cursor, unique, slots, out):
    return 0 if out.size == 0 else -1


@draw.register(Mixture)
@jit
def _draw_parts(distribution, cursor, unique, slots, out):
    """Draw the candidates of each part, whatever `unique` is: the parts know it."""
    n = distribution.num_sampled
    if out.size < n:
        out[:] = -1
        return -1
    distribution.tries[0] = draw(distribution.part, cursor, distribution.unique, slots, out[:n])
    tries = draw(distribution.rest, cursor, distribution.unique, slots, out[n:])
    return -1 if distribution.tries[0] < 0 or tries < 0 else distribution.tries[0] + tries


@expected_counts.register(NoParts)
@jit
def _count_nothing(distribution, num_sampled, tries, ids, out):
    out[:] = 0


@expected_counts.register(Mixture)
@jit
def _count_parts(distribution, num_sampled, tries, ids, out):
    """Add the counts of all parts up, id by id: `out` itself is the memory of a part."""
    n, own_tries = distribution.num_sampled, distribution.tries[0]
    for i in range(ids.size):
        one, count = ids[i : i + 1], out[i : i + 1]
        expected_counts(distribution.part, n, own_tries, one, count)
        total = np.float64(count[0])
        expected_counts(distribution.rest, num_sampled - n, tries - own_tries, one, count)
        count[0] = np.float32(total + count[0])


@probabilities.register(NoParts)
@jit
def _chance_of_nothing(distribution, ids, out):
    out[:] = 0


@probabilities.register(Mixture)
@jit
def _chances_of_parts(distribution, ids, out):
    """Mean of the probabilities, weighted with the numbers of candidates."""
    for i in range(ids.size):
        one, chance = ids[i : i + 1], out[i : i + 1]
        probabilities(distribution.part, one, chance)
        total = distribution.share * chance[0]
        probabilities(distribution.rest, one, chance)
        chance[0] = np.float32(total + (1.0 - distribution.share) * chance[0])


@fill.register(NoParts)
@jit
def _fill_nothing(distribution, cursor, out):
    pass


@fill.register(Mixture)
@jit
def _fill_from_parts(distribution, cursor, out):
    """Draw each id from `part` with the chance `share`, else from `rest`."""
    for i in range(out.size):
        if next_double(cursor) < distribution.share:
            fill(distribution.part, cursor, out[i : i + 1])
        else:
            fill(distribution.rest, cursor, out[i : i + 1])


@learn.register(NoParts)
@jit
def _learn_nothing(distribution, labels):
    pass


@learn.register(Mixture)
@jit
def _learn_in_parts(distribution, labels):
    learn(distribution.part, labels)
    learn(distribution.rest, labels)
