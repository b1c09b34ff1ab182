"""How often a class of probability p is expected in a sample, as TensorFlow computes it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def tensorflow_expected_count(
    probability: NDArray[np.float32], num_sampled: int, num_tries: int
) -> NDArray[np.float32]:
    """Return TensorFlow's expected counts.

    Without rejected draws (num_tries == num_sampled) the count is p * num_sampled. Otherwise it is
    -expm1(num_tries * log1p(-p)): the chance to be in a set that took `num_tries` draws, if every set
    took as many. It is an approximation, and TensorFlow says so itself: the number of tries is a result
    of the draws. ExpectedCountHelper in tensorflow/core/kernels/range_sampler.cc.
    """
    if num_tries == num_sampled:
        return np.asarray(probability * np.float32(num_sampled))
    p: NDArray[Any] = probability.astype(np.float64)
    with np.errstate(divide="ignore"):  # p = 1, a range of one class: log(0) = -inf gives the count 1
        return np.asarray(-np.expm1(num_tries * np.log1p(-p)), np.float32)
