"""How often a class of probability p is expected in a sample, as TensorFlow computes it."""

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.candidates import to_expected_counts


def tensorflow_expected_count(
    probability: NDArray[np.float32], num_sampled: int, num_tries: int
) -> NDArray[np.float32]:
    """Return TensorFlow's expected counts, float32 in the shape of `probability`: see `to_expected_counts`."""
    counts = np.array(probability, np.float32)
    to_expected_counts(num_sampled, num_tries, counts.reshape(-1))
    return counts
