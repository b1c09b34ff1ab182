"""Tracing one batch of sampled softmax: the rows it reads, its logits and loss, and the rows that get a gradient."""

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.explanation import Explanation
from sampledsoftmax.explanation.in_batch import InBatchExplanation, explain_in_batch

__all__ = ["Explanation", "InBatchExplanation", "explain", "explain_in_batch"]
