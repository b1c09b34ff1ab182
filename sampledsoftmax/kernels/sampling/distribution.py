"""What candidates are drawn from, as compiled code sees it: a class of bundle for each sampler, and what it can do."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.sampling.alias import draw_alias
from sampledsoftmax.kernels.sampling.log_uniform import draw_log_uniform, log_uniform_probabilities
from sampledsoftmax.kernels.sampling.prefix_sums import GROUP, add_to_counts, draw_counts
from sampledsoftmax.kernels.sampling.uniform import draw_uniform


class Support(NamedTuple):
    """What a distribution over [0, range_max) has of any kind.

    Attributes
    ----------
    range_max : int
        Number of classes.
    num_drawn : int
        Number of classes that are ever drawn.
    most_tries : int
        Number of draws after which a sample of different classes is given up.
    """

    range_max: int
    num_drawn: int
    most_tries: int


class LogUniform(NamedTuple):
    """See log_uniform.py."""

    support: Support


class Uniform(NamedTuple):
    """See uniform.py."""

    support: Support


class FixedUnigram(NamedTuple):
    """The chance of each class in one draw [range_max], and its packed table: see alias.py."""

    support: Support
    probability: NDArray[np.float32]
    table: NDArray[np.int64]


class LearnedUnigram(NamedTuple):
    """Counts, which `learn` changes in place: see prefix_sums.py."""

    support: Support
    tree: NDArray[np.int32]


class AllClasses(NamedTuple):
    """Every class, in order: nothing is drawn."""

    support: Support


Distribution: TypeAlias = LogUniform | Uniform | FixedUnigram | LearnedUnigram | AllClasses


@dispatch
def fill(distribution, cursor, out):
    """Write the next draws to int64 `out`, repeated classes included, and move the cursor on."""


@dispatch
def probabilities(distribution, ids, out):
    """Set float32 `out` to the chance of each id in one draw."""


@dispatch
def learn(distribution, labels):
    """Take what the distribution learns from the true classes of a batch, int64 of any shape."""


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
    draw_uniform(cursor, distribution.support.range_max, out)


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


@learn.register(LogUniform, Uniform, FixedUnigram, AllClasses)
@jit
def _learn_nothing(distribution, labels):
    pass


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
