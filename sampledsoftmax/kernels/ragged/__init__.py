"""Kernels of a training step over examples with ragged labels: each example has any number of them."""
