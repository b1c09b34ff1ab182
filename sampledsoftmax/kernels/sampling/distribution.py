"""Distributions of the samplers in compiled code: a NamedTuple class for each, and kernels dispatched on the class.

A distribution is a NamedTuple whose field `support` is a `Support`; the other fields are numbers and arrays. For its
class, kernels are registered: `fill` and `probabilities`, and `learn` where it changes with the labels.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.sampling.alias import draw_alias
from sampledsoftmax.kernels.sampling.log_uniform import draw_log_uniform, log_uniform_probabilities
from sampledsoftmax.kernels.sampling.philox import LARGEST_64, least_fair, next_pairs
from sampledsoftmax.kernels.sampling.prefix_sums import GROUP, add_to_counts, draw_counts


class Support(NamedTuple):
    """What all distributions over [0, range_max) have.

    Attributes
    ----------
    range_max : int
        Number of classes.
    num_drawn : int
        Number of classes with a probability above 0.
    most_tries : int
        Number of draws after which a unique sample is abandoned.
    """

    range_max: int
    num_drawn: int
    most_tries: int


class Distribution(Protocol):
    """Anything that kernels are registered for."""

    @property
    def support(self) -> Support:
        """Range and number of drawable classes."""


class LogUniform(NamedTuple):
    """The Zipfian distribution: see log_uniform.py."""

    support: Support


class Uniform(NamedTuple):
    """All classes equally likely."""

    support: Support


class FixedUnigram(NamedTuple):
    """The probability of each class in one draw [range_max], and its alias table: see alias.py."""

    support: Support
    probability: NDArray[np.float32]
    table: NDArray[np.int64]


class LearnedUnigram(NamedTuple):
    """Counts, changed in place by `learn`: see prefix_sums.py."""

    support: Support
    tree: NDArray[np.int32]


class AllClasses(NamedTuple):
    """Every class, in order: nothing is drawn."""

    support: Support


@dispatch
def fill(distribution, cursor, out):
    """Write the next draws to int64 `out`, repeated ids included, and advance the cursor."""


@dispatch
def probabilities(distribution, ids, out):
    """Set float32 `out` to the probability of each id in one draw."""


@dispatch
def learn(distribution, labels):
    """Update the distribution with the true classes of a batch, int64 of any shape."""


@learn.default
@jit
def _learn_nothing(distribution, labels):
    pass


def learns(of_class: type) -> bool:
    """Return whether distributions of a class change with the labels."""
    return learn.implementation_for(of_class) is not _learn_nothing


@fill.register(LogUniform)
@jit
def _fill_log_uniform(distribution, cursor, out):
    draw_log_uniform(cursor, distribution.support.range_max, out)


@probabilities.register(LogUniform)
@jit
def _log_uniform_probabilities(distribution, ids, out):
    log_uniform_probabilities(distribution.support.range_max, ids, out)


@fill.register(Uniform)
@jit
def _fill_uniform(distribution, cursor, out):
    """Take pairs of words modulo range_max, except those that would make some ids more likely."""
    n = np.uint64(distribution.support.range_max)
    least = least_fair(LARGEST_64, n)
    filled = 0
    while filled < out.size:
        pairs = out[filled:].view(np.uint64)
        next_pairs(cursor, pairs)
        for pair in pairs:
            if pair >= least:
                out[filled] = np.int64(pair % n)
                filled += 1


@probabilities.register(Uniform)
@jit
def _uniform_probabilities(distribution, ids, out):
    for i in range(ids.size):
        out[i] = 1.0 / distribution.support.range_max


@fill.register(FixedUnigram)
@jit
def _fill_fixed_unigram(distribution, cursor, out):
    draw_alias(cursor, distribution.table, out)


@probabilities.register(FixedUnigram)
@jit
def _fixed_unigram_probabilities(distribution, ids, out):
    for i in range(ids.size):
        out[i] = distribution.probability[ids[i]]


@fill.register(LearnedUnigram)
@jit
def _fill_learned_unigram(distribution, cursor, out):
    draw_counts(cursor, distribution.tree, distribution.support.range_max, out)


@probabilities.register(LearnedUnigram)
@jit
def _learned_unigram_probabilities(distribution, ids, out):
    total = np.float32(distribution.tree[-1])
    for i in range(ids.size):
        k = ids[i]
        before = distribution.tree[k - 1] if k % GROUP > 0 else 0
        out[i] = np.float32(distribution.tree[k] - before) / total


@learn.register(LearnedUnigram)
@jit
def _add_labels(distribution, labels):
    add_to_counts(distribution.tree, distribution.support.range_max, labels)


@fill.register(AllClasses)
@jit
def _fill_all_classes(distribution, cursor, out):
    for i in range(out.size):
        out[i] = i


@probabilities.register(AllClasses)
@jit
def _all_classes_probabilities(distribution, ids, out):
    for i in range(ids.size):
        out[i] = 1
