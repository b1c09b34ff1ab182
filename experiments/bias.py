"""Experiment: bias and noise of the gradient by sampler and by number of candidates."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sampledsoftmax.diagnostics.gradient import CORRECT, GradientBias, gradient_bias
from sampledsoftmax.diagnostics.problem import problem
from sampledsoftmax.diagnostics.samplers import SAMPLERS, sampler_of
from sampledsoftmax.samplers.all_candidates import AllSampler


@dataclass(frozen=True)
class BiasSettings:
    """What is measured: every sampler with every number of candidates, with log Q and without.

    Attributes
    ----------
    samplers : tuple of str
        Names in `samplers.SAMPLERS`.
    num_sampled : tuple of int
        Candidates per sample.
    num_samples : int
        Number of gradients that are averaged.
    batch_size, dim, seed : int
        As for `problem`; the samplers use the same seed.
    """

    samplers: tuple[str, ...] = tuple(SAMPLERS)
    num_sampled: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512)
    num_samples: int = 600
    batch_size: int = 32
    dim: int = 16
    seed: int = 1


class BiasPoint(NamedTuple):
    """Bias and noise with one sampler, one number of candidates, with or without log Q."""

    sampler: str
    num_sampled: int
    subtract_log_q: bool
    found: GradientBias


def bias_by_sampler(counts: ArrayLike, settings: BiasSettings | None = None) -> list[BiasPoint]:
    """Return bias and noise of the sampled softmax gradient for classes of these counts.

    The first point is a check: with all classes as candidates the gradient is exact.

    Parameters
    ----------
    counts : int or float [num_classes]
        How often each class is a label. The ids are not sorted for log-uniform sampling.
    settings : BiasSettings, optional

    Returns
    -------
    list of BiasPoint

    Examples
    --------
    >>> from sampledsoftmax.diagnostics.problem import zipf_counts
    >>> small = BiasSettings(("counts",), num_sampled=(4, 16), num_samples=200)
    >>> check, few, few_raw, many, many_raw = bias_by_sampler(zipf_counts(50), small)
    >>> check.found.bias < 1e-6
    True
    >>> bool(few.found.bias > 2 * many.found.bias), bool(many_raw.found.bias > 2 * many.found.bias)
    (True, True)
    """
    settings = settings or BiasSettings()
    counts = np.asarray(counts, np.float64)
    batch = problem(counts, settings.batch_size, settings.dim, settings.seed)
    exact = gradient_bias(batch, AllSampler(counts.size), counts.size, 2)
    points = [BiasPoint("all", counts.size, True, exact)]
    for name in settings.samplers:
        for num_sampled in settings.num_sampled:
            for log_q in (True, False):
                correction = CORRECT._replace(subtract_log_q=log_q)
                sampler = sampler_of(name, counts, settings.seed)
                found = gradient_bias(batch, sampler, num_sampled, settings.num_samples, correction)
                points.append(BiasPoint(name, num_sampled, log_q, found))
    return points
