"""Sampled softmax for PyTorch: loss functions on tensors, modules, and samplers. Needs the extra `torch`."""

from sampledsoftmax.io.extras import need

need("torch", "PyTorch", "torch")

from sampledsoftmax.torch.functional import nce_loss, sampled_softmax_loss  # noqa: E402 - first say what is missing
from sampledsoftmax.torch.fused import FusedSampledSoftmaxLoss  # noqa: E402
from sampledsoftmax.torch.modules import SampledSoftmaxLoss  # noqa: E402
from sampledsoftmax.torch.samplers import (  # noqa: E402
    all_candidate_sampler,
    fixed_unigram_candidate_sampler,
    learned_unigram_candidate_sampler,
    log_uniform_candidate_sampler,
    uniform_candidate_sampler,
)

__all__ = [
    "FusedSampledSoftmaxLoss",
    "SampledSoftmaxLoss",
    "all_candidate_sampler",
    "fixed_unigram_candidate_sampler",
    "learned_unigram_candidate_sampler",
    "log_uniform_candidate_sampler",
    "nce_loss",
    "sampled_softmax_loss",
    "uniform_candidate_sampler",
]
