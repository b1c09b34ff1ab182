"""Sampling weights of the classes from the unigram counts of a vocabulary."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.alias import distort


def unigram_weights(
    unigrams: ArrayLike, distortion: float, num_reserved_ids: int, num_shards: int, shard: int
) -> NDArray[np.float32]:
    """Return the float32 weights of one shard: 0 for each reserved id, then unigrams ** distortion.

    The shard keeps the ids with id % num_shards == shard, in order. As in TensorFlow, ids of unigrams
    start at the number of *kept* reserved ids: FillReservedIds and LoadFromUnigrams in
    tensorflow/core/kernels/range_sampler.cc.
    """
    exponent = validation.number("distortion", distortion)
    if abs(exponent) > validation.largest(np.dtype(np.float32)):
        raise ValueError(f"distortion must be finite as float32, got {exponent:g}")
    power = np.float32(exponent)
    num_reserved_ids = validation.whole_number("num_reserved_ids", num_reserved_ids, 0, 2**31 - 1)
    num_shards = validation.whole_number("num_shards", num_shards, 1, 2**31 - 1)
    shard = validation.whole_number("shard", shard, 0)
    if shard >= num_shards:
        raise ValueError(f"shard must be below num_shards = {num_shards}, got {shard}")
    num_reserved = len(range(shard, num_reserved_ids, num_shards))
    weights = _checked_unigrams(unigrams, power)[(shard - num_reserved) % num_shards :: num_shards].copy()
    distort(weights, power)
    _check_total(weights)
    return np.concatenate([np.zeros(num_reserved, np.float32), weights])


def _checked_unigrams(unigrams: ArrayLike, distortion: np.float32) -> NDArray[np.float32]:
    """Return the unigrams as float32."""
    array = validation.as_array("unigrams", unigrams)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"unigrams must hold numbers, got dtype {validation.dtype_of(array)}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"unigrams must have shape [num_unigrams], at least one, got {list(array.shape)}")
    with np.errstate(over="ignore"):
        weights = array.astype(np.float32)
    bad = ~((weights >= 0) & np.isfinite(weights))
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(f"unigrams[{first}] = {array[first]} must be at least 0, and finite as float32")
    if distortion < 0 and (weights == 0).any():
        first = int((weights == 0).argmax())
        raise ValueError(f"unigrams[{first}] = 0 has no power {distortion:g}: distortion is below 0")
    return weights


def _check_total(weights: NDArray[np.float32]) -> None:
    total = weights.sum(dtype=np.float64)
    if not 0 < total <= np.finfo(np.float32).max:
        raise ValueError(
            f"unigrams ** distortion must add up to a finite float32 above 0, got {total:g} for"
            f" {weights.size} classes of the shard"
        )
