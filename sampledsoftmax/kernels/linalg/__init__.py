"""Vectorized building blocks: micro-kernels, packing, matrix products, exponentials."""
