"""One batch of sampled softmax, traced: which rows are read, what becomes of them, which rows get a gradient."""

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.types import Explanation

__all__ = ["Explanation", "explain"]
