"""Diagnostics of samplers on counts of your own: how well a sampler fits, and the bias of the gradient."""

from sampledsoftmax.diagnostics.counts_file import Counts, read_counts
from sampledsoftmax.diagnostics.fitting import Distance, Fit, fit
from sampledsoftmax.diagnostics.gradient import GradientBias, Method, gradient_bias
from sampledsoftmax.diagnostics.problem import Problem, problem, zipf_counts

__all__ = [
    "Counts",
    "Distance",
    "Fit",
    "GradientBias",
    "Method",
    "Problem",
    "fit",
    "gradient_bias",
    "problem",
    "read_counts",
    "zipf_counts",
]
