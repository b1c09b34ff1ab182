"""Bias of the gradient of any loss against the full softmax, in the inputs of a batch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax import reference
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.testing.chi_square import Floats
from sampledsoftmax.testing.probes import Batch, Loss, losses
from sampledsoftmax.testing.shared_checks import as_numpy
from sampledsoftmax.types import SampledValues

NUM_CLASSES, NUM_SAMPLED, BATCH_SIZE, DIM = 200, 40, 16, 3
STEP = 2.0**-6  # of numerical derivatives: float32 rounds a loss to about 1e-7, and the next term is about STEP**2 / 6

Gradient = Callable[[Batch], Floats]


@not_a_number(has_arrays=True)
class Setting(NamedTuple):
    """A batch, and how its logits are made.

    Attributes
    ----------
    batch : Batch
        Its values are those of the first sample.
    temperature : float
    normalize : bool
    """

    batch: Batch
    temperature: float
    normalize: bool


def setting(temperature: float, normalize: bool, dtype: Any) -> Setting:
    """Return a batch of random vectors, with logits of about 1 whatever the temperature unless they are cosines.

    One coordinate of the classes falls with their frequency, as in trained models: without log Q the frequent classes
    weigh too much, and the gradient of an input is off in that direction. Labels are log-uniform, as the candidates
    are: frequent classes are hit most often.
    """
    rng = np.random.default_rng(1)
    weights, inputs = (rng.standard_normal((size, DIM)) for size in (NUM_CLASSES, BATCH_SIZE))
    weights[:, 0] = np.linspace(2, -2, NUM_CLASSES)
    if normalize:
        weights, inputs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (weights, inputs))
    else:
        inputs *= temperature / DIM**0.5
    labels = reference.log_uniform_draws(2, 0, BATCH_SIZE, NUM_CLASSES)[:, np.newaxis]
    arrays = weights.astype(dtype), np.zeros(NUM_CLASSES, dtype), labels, inputs.astype(dtype)
    return Setting(Batch(*arrays, log_uniform(labels, 0, dtype)), temperature, normalize)


def log_uniform(labels: Any, call: int, dtype: Any = np.float32) -> SampledValues:
    """Return the candidates of a call, with their expected counts."""
    ids, tries = reference.log_uniform_sample(3, call, NUM_SAMPLED, NUM_CLASSES)
    counts = (
        reference.log_uniform_expected_count(of, NUM_SAMPLED, tries, NUM_CLASSES).astype(dtype) for of in (labels, ids)
    )
    return SampledValues(ids, *counts)


def numerical(loss: Loss) -> Gradient:
    """Return the function from a batch to the derivatives [batch_size, dim] of each loss in its own input."""

    def gradient(batch: Batch) -> Floats:
        found = np.zeros(batch.inputs.shape)
        for k in range(batch.inputs.shape[1]):
            ahead, behind = (batch.inputs + step * (np.arange(batch.inputs.shape[1]) == k) for step in (STEP, -STEP))
            moved = (batch._replace(inputs=inputs.astype(batch.inputs.dtype)) for inputs in (ahead, behind))
            high, low = (losses(loss, one) for one in moved)
            found[:, k] = (high - low) / (2 * STEP)
        return found

    return gradient


def of_reference(subtract_log_q: bool, temperature: float, normalize: bool) -> Gradient:
    """Return the gradient of the reference in the inputs."""

    def gradient(batch: Batch) -> Floats:
        found = reference.sampled_loss_and_grad(
            *batch, subtract_log_q, True, temperature=temperature, normalize=normalize
        )[4]
        return np.asarray(found, np.float64)

    return gradient


def given(gradient: Callable[..., Any]) -> Gradient:
    """Return a user's function of the arguments of a loss as one of a batch."""
    return lambda batch: as_numpy(gradient(*(array.copy() for array in batch[:4]), batch.values)).astype(np.float64)


def biases(
    gradients: dict[str, Gradient],
    of: Setting,
    num_samples: int,
    sample: Callable[[Any, int, Any], SampledValues] = log_uniform,
) -> dict[str, float]:
    """Return |mean gradient - exact gradient| / |exact gradient| of several gradients, on the same samples.

    The square is estimated from two halves, whose noise is independent, so that noise does not count as bias.
    `sample(labels, call, dtype)` draws the candidates.

    Examples
    --------
    >>> of = setting(1.0, False, np.float32)
    >>> found = biases({name: of_reference(name == "right", 1.0, False) for name in ("right", "no log Q")}, of, 40)
    >>> print(round(found["right"], 1), round(found["no log Q"], 1))
    0.1 0.3
    """
    batch = of.batch
    exact = reference.full_softmax_loss_and_grad(*batch[:4], of.temperature, of.normalize)[3].astype(np.float64)
    gaps = {name: np.zeros((2, *exact.shape)) for name in gradients}
    for call in range(num_samples):
        drawn = batch._replace(values=sample(batch.labels, call, batch.inputs.dtype))
        for name, gradient in gradients.items():
            gaps[name][call % 2] += (gradient(drawn) - exact) / ((num_samples + 1 - call % 2) // 2)
    return {name: float(max((a * b).sum(), 0.0) ** 0.5 / np.linalg.norm(exact)) for name, (a, b) in gaps.items()}
