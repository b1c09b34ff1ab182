"""Frequencies of ids in a stream of batches: the mean gap between the batches that hold an id, and copies in them."""

from typing import Any

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit


class Gaps(ArrayStruct):
    """What is known of each bucket; a row for each hash function.

    Attributes
    ----------
    last_step : int64 [num_rows, num_buckets]
        The last batch that held an id of the bucket, the first is 1; 0 before that.
    gap : float64 [num_rows, num_buckets]
        Mean number of batches from one such batch to the next.
    copies : float64 [num_rows, num_buckets]
        Mean number of ids of the bucket in such a batch, copies counted.
    seen : int32 [num_rows, num_buckets]
        Number of such batches, up to the largest that matters.
    """

    last_step: Any
    gap: Any
    copies: Any
    seen: Any


@jit
def count_batch(gaps, buckets, step, rate, most_seen):
    """Add the ids of one batch, as their buckets int64 [num_rows, num_ids].

    The k-th term of a mean has weight max(rate, 1 / k). A bucket takes one gap a batch, however many ids it has there;
    their number is added one by one, each with the same weight, so that their order cannot matter.
    """
    for j in range(buckets.shape[0]):
        for i in range(buckets.shape[1]):
            bucket = buckets[j, i]
            if gaps.last_step[j, bucket] != step:
                gaps.seen[j, bucket] = min(gaps.seen[j, bucket] + 1, most_seen)
                weight = max(rate, 1.0 / gaps.seen[j, bucket])
                gap = float(step - gaps.last_step[j, bucket])
                gaps.gap[j, bucket] += weight * (gap - gaps.gap[j, bucket])
                gaps.copies[j, bucket] -= weight * gaps.copies[j, bucket]
                gaps.last_step[j, bucket] = step
            gaps.copies[j, bucket] += max(rate, 1.0 / gaps.seen[j, bucket])
