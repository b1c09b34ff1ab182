"""Kernels over all classes: exact losses, their gradients, top k."""
