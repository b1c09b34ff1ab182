"""Candidate samplers: class ids for a batch, and how often each class is expected among them."""

from collections.abc import Callable
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.hooks import check_definition
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

BY_NAME: dict[str, Callable[[int, Any], CandidateSampler]] = {
    "log_uniform": LogUniformSampler,
    "uniform": UniformSampler,
}


__all__ = ["CandidateSampler", "LogUniformSampler", "UniformSampler", "sampler_for"]


def sampler_for(sampler: str | CandidateSampler, num_classes: int, seed: Any) -> CandidateSampler:
    """Return the sampler of a layer, checked: the object given, or a new one by its name.

    Raises
    ------
    TypeError, ValueError
        If it is neither a name nor a sampler object, if its class lacks a hook, if its compiled distribution cannot
        be used, or if it samples from another number of classes.
    """
    if isinstance(sampler, str):
        return BY_NAME[validation.choice("sampler", sampler, tuple(BY_NAME))](num_classes, seed)
    if isinstance(sampler, type) and issubclass(sampler, CandidateSampler):
        raise TypeError(f"sampler must be a name or a sampler object, got the class {sampler.__name__}: call it first")
    if not isinstance(sampler, CandidateSampler):
        raise TypeError(f"sampler must be a name or a sampler object, got {type(sampler).__name__}")
    check_definition(sampler, CandidateSampler)
    if sampler.range_max != num_classes:
        raise ValueError(f"sampler has range_max = {sampler.range_max}, but num_classes = {num_classes}")
    sampler.fused_distribution()
    return sampler
