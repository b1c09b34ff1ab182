"""Bias and noise of the gradient of a sampled loss compared to the exact one, with standard errors."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.problem import Floats, Problem, add_gradient, exact_gradient, gradient_size
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.losses.sampled_softmax import sampled_softmax_loss_and_grad
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.types import Correction, SampledValues

NUM_GROUPS = 20
CORRECT = Correction(subtract_log_q=True, remove_accidental_hits=True)


class Sampler(Protocol):
    """Anything that draws candidates."""

    def sample(self, true_classes: ArrayLike, num_sampled: int) -> SampledValues:
        """Draw the candidates of one batch."""


@not_a_number()
class GradientBias(NamedTuple):
    """Bias and noise of a gradient, relative to the norm of the exact gradient.

    Attributes
    ----------
    bias : float
        |mean gradient - exact gradient| / |exact gradient|: the root of `squared_bias`, 0 if that is negative.
    bias_error : float
        Its Monte Carlo standard error, by the derivative of the square root.
    noise : float
        Root mean square of |gradient - mean gradient| / |exact gradient|: the noise of one sample.
    squared_bias : float
        An unbiased estimate of the squared bias: if the gradient has no bias, it is negative about half of the time.
    squared_bias_error : float
        Its standard error; if the gradient has no bias, `squared_bias` is within a few standard errors of 0.
    num_samples : int
        Number of gradients that were averaged.
    """

    bias: float
    bias_error: float
    noise: float
    squared_bias: float
    squared_bias_error: float
    num_samples: int


def gradient_bias(
    batch: Problem, sampler: Sampler, num_sampled: int, num_samples: int = 1000, correction: Correction = CORRECT
) -> GradientBias:
    """Return bias and noise of the sampled softmax gradient of a batch.

    The gradient is that of the mean loss with respect to weights, biases and inputs, as one vector.

    Parameters
    ----------
    batch : Problem
        Arguments of the loss: `problem(counts)`, or your own arrays.
    sampler : object with sample(true_classes, num_sampled)
        Such as `LogUniformSampler`.
    num_sampled : int
        Candidates per sample.
    num_samples : int
        Gradients to average, at least 2; rounded up to a multiple of 20, the number of groups from which standard
        errors are computed.
    correction : Correction
        Whether log Q is subtracted and accidental hits are removed, by default both; temperature and normalization,
        which the exact gradient has too.

    Returns
    -------
    GradientBias

    Raises
    ------
    TypeError, ValueError
        If the arrays, the sampler and the sizes do not match.

    Notes
    -----
    Let d_k be the mean of group k minus the exact gradient. The products d_k . d_l of different groups estimate
    |bias|**2 without bias, since their noise is independent; their mean is the estimate, and leaving out one group
    at a time gives its standard error (the jackknife: Efron and Stein, Annals of Statistics 9, 1981).

    Examples
    --------
    >>> from sampledsoftmax import AllSampler, LogUniformSampler
    >>> from sampledsoftmax.diagnostics.problem import problem
    >>> batch = problem([40, 20, 10, 5, 5], batch_size=8, dim=4)
    >>> gradient_bias(batch, AllSampler(5), 5, num_samples=20).bias < 1e-6
    True
    >>> found = gradient_bias(batch, LogUniformSampler(5, seed=1), 2, num_samples=400)
    >>> bool(found.bias > 4 * found.bias_error)
    True
    """
    if not isinstance(batch, Problem):
        raise TypeError(f"batch must be a Problem, such as problem(counts), got {validation.described(batch)}")
    if not callable(getattr(sampler, "sample", None)):
        raise TypeError(
            f"sampler must be a sampler object, such as LogUniformSampler, got {validation.described(sampler)}"
        )
    num_samples = validation.whole_number("num_samples", num_samples, 2)
    in_group = ceil_div(num_samples, NUM_GROUPS)
    exact = exact_gradient(batch, correction.similarity)
    means = np.zeros((NUM_GROUPS, gradient_size(batch)))
    for mean in means:
        for _ in range(in_group):
            _add_sample(mean, batch, sampler.sample(batch.labels, num_sampled), correction)
        mean /= in_group
    return bias_of_groups(means, exact, in_group)


def bias_of_groups(means: Floats, exact: Floats, in_group: int) -> GradientBias:
    """Return bias and noise from mean gradients of independent groups, compared to the exact one.

    Parameters
    ----------
    means : float64 [num_groups, size]
        Mean gradient of each group, overwritten.
    exact : float64 [size]
        The exact gradient.
    in_group : int
        Number of gradients in each group.

    Examples
    --------
    >>> round(bias_of_groups(np.array([[1.1], [1.3], [1.2]]), np.array([1.0]), in_group=1).bias, 2)
    0.19
    """
    means -= exact
    products = means @ means.T / (exact @ exact)
    squared_bias, error = _between_groups(products)
    squared_noise = in_group * (np.trace(products) / len(means) - squared_bias)
    return _found(squared_bias, error, float(squared_noise), in_group * len(means))


def _found(squared_bias: float, error: float, squared_noise: float, num_samples: int) -> GradientBias:
    bias = max(squared_bias, 0.0) ** 0.5
    slope = 2 * max(bias, error**0.5)
    noise = max(squared_noise, 0.0) ** 0.5
    return GradientBias(bias, error / slope if slope else 0.0, noise, squared_bias, error, num_samples)


def _add_sample(total: Floats, batch: Problem, values: SampledValues, correction: Correction) -> None:
    """Add the gradient of the mean loss with these candidates to a vector."""
    num_classes, batch_size = batch.biases.size, batch.labels.shape[0]
    _, gradients = sampled_softmax_loss_and_grad(
        *batch[:4], values.sampled_candidates.size, num_classes, 1, values, **correction._asdict(),
        loss_grad=np.full(batch_size, 1 / batch_size),
    )  # fmt: skip
    add_gradient(total, batch, gradients)


def _between_groups(products: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean product of two different groups and its jackknife standard error."""
    num = products.shape[0]
    between = products.sum() - np.trace(products)
    without_one = between - 2 * (products.sum(axis=1) - np.diag(products))
    left_out = without_one / ((num - 1) * (num - 2))
    error = np.sqrt((num - 1) / num * ((left_out - left_out.mean()) ** 2).sum())
    return float(between / (num * (num - 1))), float(error)
