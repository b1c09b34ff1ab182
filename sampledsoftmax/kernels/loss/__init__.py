"""Kernels of the losses: from logits to losses and gradients of the logits.

Each objective is a NamedTuple of its parameters (objectives.py); its class selects the kernels. Importing this package
registers those of all built-in objectives.
"""

from sampledsoftmax.kernels.loss import by_row, per_label, retrieval, sigmoid, softmax

__all__ = ["by_row", "per_label", "retrieval", "sigmoid", "softmax"]
