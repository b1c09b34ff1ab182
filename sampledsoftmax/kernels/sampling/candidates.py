"""Candidates of one batch and their expected counts."""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit, jit_with_memory
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.linalg import expm1_log1p
from sampledsoftmax.kernels.linalg.expm1_log1p import RELATIVE_ERROR
from sampledsoftmax.kernels.sampling.distribution import (
    AllClasses,
    Uniform,
    fill,
    learn,
    probabilities,
)
from sampledsoftmax.kernels.sampling.philox import seek
from sampledsoftmax.kernels.sampling.unique import keep_new

__all__ = ["BLOCKS_PER_CANDIDATE", "draw", "expected_counts", "learn", "sample", "seek", "to_expected_counts"]

# TensorFlow reserves 2048 words per candidate, 4 words per block, whatever the call uses:
# tensorflow/core/kernels/candidate_sampler_ops.cc.
BLOCKS_PER_CANDIDATE = 2048 // 4


@dispatch
def draw(distribution, cursor, unique, slots, out):
    """Fill int64 `out` with candidates and return the number of draws examined, or -1 if the sample is impossible.

    With `unique`, ids drawn before are dropped; `slots` is the hash table for that, cleared first: see `empty_table`.
    A sample is impossible if it is a part of all classes, if it has more different classes than the distribution
    draws, or if `most_tries` draws do not complete it; entries without a class are then -1.
    """


@draw.default
@jit
def _draw(distribution, cursor, unique, slots, out):
    if not unique:
        fill(distribution, cursor, out)
        return out.size
    slots[:] = -1
    filled = tries = 0
    possible = out.size <= distribution.support.num_drawn
    while possible and filled < out.size and tries < distribution.support.most_tries:
        # Draws are written where candidates are missing, so that every draw made is examined.
        draws = out[filled:]
        fill(distribution, cursor, draws)
        tries += draws.size
        filled, _ = keep_new(draws, slots, out, filled)
    out[filled:] = -1
    return tries if filled == out.size else -1


@draw.register(AllClasses)
@jit
def _take_all(distribution, cursor, unique, slots, out):
    if out.size != distribution.support.range_max:
        out[:] = -1
        return -1
    fill(distribution, cursor, out)
    return out.size


@dispatch
def expected_counts(distribution, num_sampled, tries, ids, out):
    """Set float32 `out` to the expected count of each of `ids` in a sample that took `tries` draws."""


@expected_counts.default
@jit
def _expected_counts(distribution, num_sampled, tries, ids, out):
    probabilities(distribution, ids, out)
    to_expected_counts(num_sampled, tries, out)


@expected_counts.register(Uniform)
@jit
def _equal_counts(distribution, num_sampled, tries, ids, out):
    probabilities(distribution, ids, out)
    to_expected_counts(num_sampled, tries, out[:1])
    for i in range(1, out.size):
        out[i] = out[0]


@expected_counts.register(AllClasses)
@jit
def _one_of_each(distribution, num_sampled, tries, ids, out):
    probabilities(distribution, ids, out)


@jit
def to_expected_counts(num_sampled, tries, counts):
    """Turn one-draw probabilities into TensorFlow's expected counts, in place (float32).

    Without rejected draws (tries == num_sampled) the count is p * num_sampled. Otherwise it is
    -expm1(tries * log1p(-p)): the chance to be in a set that took `tries` draws, if every set took that
    many. TensorFlow calls it an approximation itself: the number of tries is a result of the draws.
    ExpectedCountHelper in tensorflow/core/kernels/range_sampler.cc.
    """
    if tries == num_sampled:
        counts *= np.float32(num_sampled)
        return
    # Counts whose rounding to float32 is not certain are left as -p, and computed with the C library below.
    num_unsure = 0
    for i in range(counts.size):
        p = counts[i]
        count = -expm1_log1p.expm1(tries * expm1_log1p.log1p(-np.float64(p)))
        low, high = np.float32(count - count * RELATIVE_ERROR), np.float32(count + count * RELATIVE_ERROR)
        num_unsure += low != high
        counts[i] = low if low == high else -p
    for i in range(counts.size if num_unsure > 0 else 0):
        if counts[i] < 0.0:
            counts[i] = -math.expm1(tries * math.log1p(np.float64(counts[i])))


@jit_with_memory
def sample(distribution, seed, stream, block, unique, slots, labels, ids, true_count, sampled_count):
    """Draw `ids` from `block` on, count them and `labels`, then learn; return the tries, or -1 if there is no sample.

    seed, stream and block are uint64; labels int64 and true_count float32 are 1-D.
    """
    cursor = np.empty(8, np.uint64)
    seek(cursor, seed, stream, block)
    tries = draw(distribution, cursor, unique, slots, ids)
    if tries >= 0:
        expected_counts(distribution, ids.size, tries, ids, sampled_count)
        expected_counts(distribution, ids.size, tries, labels, true_count)
        learn(distribution, labels)
    return tries
