"""Candidate samplers: ids, and how often each class is expected among them."""

from collections.abc import Callable
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

BY_NAME: dict[str, Callable[[int, Any], CandidateSampler]] = {
    "log_uniform": LogUniformSampler,
    "uniform": UniformSampler,
}


__all__ = ["CandidateSampler", "LogUniformSampler", "UniformSampler", "sampler_for"]


def sampler_for(sampler: str | CandidateSampler, num_classes: int, seed: Any) -> CandidateSampler:
    """Return the sampler object of a layer: the one given, or the one of that name."""
    if isinstance(sampler, str):
        return BY_NAME[validation.choice("sampler", sampler, tuple(BY_NAME))](num_classes, seed)
    if not isinstance(sampler, CandidateSampler):
        raise TypeError(f"sampler must be a name or a sampler object, got {type(sampler).__name__}")
    if sampler.range_max != num_classes:
        raise ValueError(f"sampler has range_max = {sampler.range_max}, but num_classes = {num_classes}")
    return sampler
