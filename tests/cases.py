"""Random batches on which implementations are compared."""

from typing import NamedTuple

import numpy as np

import sampledsoftmax as ss


class Case(NamedTuple):
    weights: np.ndarray
    biases: np.ndarray
    labels: np.ndarray
    inputs: np.ndarray
    values: ss.SampledValues

    @property
    def num_true(self):
        return self.labels.shape[1]

    @property
    def arguments(self):
        """Positional arguments of the losses, `num_true` included."""
        sizes = (self.values[0].size, self.weights.shape[0], self.num_true)
        return (self.weights, self.biases, self.labels, self.inputs, *sizes)


def make_case(num_classes, dim, batch_size, num_sampled, num_true=1, dtype=np.float32, seed=0, unique=True):
    """Labels follow the sampler's own distribution, so that duplicates and accidental hits are common."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(num_classes, dim)).astype(dtype)
    biases = rng.normal(size=num_classes).astype(dtype)
    inputs = rng.normal(size=(batch_size, dim)).astype(dtype)
    draws = np.exp(rng.random((batch_size, num_true)) * np.log1p(num_classes)).astype(np.int64) - 1
    labels = draws % num_classes
    values = ss.log_uniform_candidate_sampler(labels, num_true, num_sampled, unique, num_classes, seed=seed)
    return Case(weights, biases, labels, inputs, values)


def with_double_counts(values):
    """Return the same sampled values, counts cast to float64: for float64 comparisons with TensorFlow."""
    return ss.SampledValues(values[0], values[1].astype(np.float64), values[2].astype(np.float64))
