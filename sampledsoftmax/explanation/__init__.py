"""Tracing one batch of sampled softmax: the rows it reads, its logits and loss, and the rows that get a gradient."""

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.explanation import Explanation

__all__ = ["Explanation", "explain"]
