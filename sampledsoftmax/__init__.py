"""Sampled softmax in NumPy and Numba: TensorFlow's numbers, sparse updates, word vectors."""

from sampledsoftmax.full_softmax import full_softmax_loss, full_softmax_loss_and_grad
from sampledsoftmax.layer import SampledSoftmax
from sampledsoftmax.losses import (
    compute_sampled_logits,
    sampled_softmax_loss,
    sampled_softmax_loss_and_grad,
)
from sampledsoftmax.optimizers import SGD, Adagrad
from sampledsoftmax.samplers.log_uniform import LogUniformSampler, log_uniform_candidate_sampler
from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.types import Gradients, IndexedSlices, SampledValues

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adagrad",
    "Gradients",
    "IndexedSlices",
    "LogUniformSampler",
    "SampledSoftmax",
    "SampledValues",
    "SkipGram",
    "compute_sampled_logits",
    "full_softmax_loss",
    "full_softmax_loss_and_grad",
    "log_uniform_candidate_sampler",
    "sampled_softmax_loss",
    "sampled_softmax_loss_and_grad",
]
