"""Kernels over all classes: exact losses, their gradients, the k largest logits."""
