"""Diagnostics of samplers: the fit to counts or to the softmax of a model, and the bias of the gradient."""

from sampledsoftmax.diagnostics.counts_file import Counts, read_counts
from sampledsoftmax.diagnostics.fitting import Distance, Fit, fit
from sampledsoftmax.diagnostics.gradient import GradientBias, gradient_bias
from sampledsoftmax.diagnostics.problem import Problem, problem, zipf_counts
from sampledsoftmax.diagnostics.proposals import SamplerDiagnosis, diagnose_sampler
from sampledsoftmax.types import Correction

__all__ = [
    "Correction",
    "Counts",
    "Distance",
    "Fit",
    "GradientBias",
    "Problem",
    "SamplerDiagnosis",
    "diagnose_sampler",
    "fit",
    "gradient_bias",
    "problem",
    "read_counts",
    "zipf_counts",
]
