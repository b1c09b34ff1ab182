"""Candidate samplers on tensors: TensorFlow's names, arguments and numbers."""

from collections.abc import Callable
from typing import Any

import torch

import sampledsoftmax as ss

_DOC = """Draw candidates for tensors, as `sampledsoftmax.{name}` does for arrays.

    Parameters
    ----------
    true_classes : int Tensor [batch_size, num_true]
        Labels of the batch.
    num_true, num_sampled, ... : int
        All other arguments are those of `sampledsoftmax.{name}`; with the same seed the numbers are equal.

    Returns
    -------
    SampledValues
        sampled_candidates int64 [num_sampled], true_expected_count float32 [batch_size, num_true] and
        sampled_expected_count float32 [num_sampled]: tensors on the device of `true_classes`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.
    """


def to_tensors(values: ss.SampledValues, device: Any = None) -> ss.SampledValues:
    """Return the same values as tensors; on the CPU they share the memory of the arrays."""
    return ss.SampledValues(*(torch.from_numpy(part).to(device) for part in values))


def _on_tensors(function: Callable[..., ss.SampledValues]) -> Callable[..., ss.SampledValues]:
    def sampler(true_classes: Any, *arguments: Any, **options: Any) -> ss.SampledValues:
        if not isinstance(true_classes, torch.Tensor):
            raise TypeError(f"true_classes must be a torch.Tensor, got {type(true_classes).__name__}")
        labels = true_classes.detach().cpu().numpy()
        return to_tensors(function(labels, *arguments, **options), true_classes.device)

    sampler.__name__ = sampler.__qualname__ = function.__name__
    sampler.__doc__ = _DOC.format(name=function.__name__)
    return sampler


log_uniform_candidate_sampler = _on_tensors(ss.log_uniform_candidate_sampler)
uniform_candidate_sampler = _on_tensors(ss.uniform_candidate_sampler)
learned_unigram_candidate_sampler = _on_tensors(ss.learned_unigram_candidate_sampler)
fixed_unigram_candidate_sampler = _on_tensors(ss.fixed_unigram_candidate_sampler)
all_candidate_sampler = _on_tensors(ss.all_candidate_sampler)
