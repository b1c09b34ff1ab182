"""What a candidate is drawn from, as compiled code sees it: one type for all samplers, so one compilation."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.alias import draw_alias
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.log_uniform import draw_log_uniform, log_uniform_probabilities
from sampledsoftmax.kernels.prefix_sums import GROUP, draw_counts
from sampledsoftmax.kernels.uniform import draw_uniform

LOG_UNIFORM, UNIFORM, FIXED_UNIGRAM, LEARNED_UNIGRAM, ALL = range(5)


class Distribution(NamedTuple):
    """A distribution over [0, range_max); the arrays that its kind does not need are empty.

    Attributes
    ----------
    kind : int
        LOG_UNIFORM, UNIFORM, FIXED_UNIGRAM, LEARNED_UNIGRAM or ALL.
    range_max : int
        Number of classes.
    num_drawn : int
        Number of classes that are ever drawn.
    most_tries : int
        Number of draws after which a sample of different classes is given up.
    probability, table : float32 and int64 [range_max]
        Of a fixed unigram distribution: the chance of each class in one draw, and its packed alias table.
    tree : int32 [tree_size(range_max)]
        Of a learned unigram distribution: its counts, which `learn` changes in place.
    """

    kind: int
    range_max: int
    num_drawn: int
    most_tries: int
    probability: NDArray[np.float32] = np.empty(0, np.float32)
    table: NDArray[np.int64] = np.empty(0, np.int64)
    tree: NDArray[np.int32] = np.empty(0, np.int32)


@jit
def fill(distribution, cursor, out):
    """Write the next draws to int64 `out`, repeated classes included, and move the cursor on."""
    if distribution.kind == LOG_UNIFORM:
        draw_log_uniform(cursor, distribution.range_max, out)
    elif distribution.kind == UNIFORM:
        draw_uniform(cursor, distribution.range_max, out)
    elif distribution.kind == FIXED_UNIGRAM:
        draw_alias(cursor, distribution.table, out)
    elif distribution.kind == LEARNED_UNIGRAM:
        draw_counts(cursor, distribution.tree, distribution.range_max, out)
    else:
        for i in range(out.size):
            out[i] = i


@jit
def probabilities(distribution, ids, out):
    """Set float32 `out` to the chance of each id in one draw."""
    if distribution.kind == LOG_UNIFORM:
        log_uniform_probabilities(distribution.range_max, ids, out)
    elif distribution.kind == UNIFORM:
        out[:] = np.float32(1.0 / distribution.range_max)
    elif distribution.kind == FIXED_UNIGRAM:
        for i in range(ids.size):
            out[i] = distribution.probability[ids[i]]
    elif distribution.kind == LEARNED_UNIGRAM:
        total = np.float32(distribution.tree[-1])
        for i in range(ids.size):
            k = ids[i]
            before = distribution.tree[k - 1] if k % GROUP > 0 else 0
            out[i] = np.float32(distribution.tree[k] - before) / total
    else:
        out[:] = np.float32(1.0)
