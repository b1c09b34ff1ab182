"""Samplers that experiments compare, by their names in figures."""

from collections.abc import Callable

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

SAMPLERS: dict[str, Callable[[Floats, int], CandidateSampler]] = {
    "log-uniform": lambda counts, seed: LogUniformSampler(counts.size, seed),
    "uniform": lambda counts, seed: UniformSampler(counts.size, seed),
    "counts": lambda counts, seed: FixedUnigramSampler(counts, seed=seed),
    "counts^0.75": lambda counts, seed: FixedUnigramSampler(counts, 0.75, seed=seed),
    "counts^0.5": lambda counts, seed: FixedUnigramSampler(counts, 0.5, seed=seed),
}


def sampler_of(name: str, counts: Floats, seed: int) -> CandidateSampler:
    """Return a new sampler for counts [num_classes] by its name in `SAMPLERS`.

    Examples
    --------
    >>> import numpy as np
    >>> sampler_of("counts^0.5", np.array([4.0, 1.0]), seed=0).probability([0, 1]).round(2)
    array([0.67, 0.33], dtype=float32)
    """
    return SAMPLERS[validation.choice("sampler", name, tuple(SAMPLERS))](counts, seed)
