"""SIMD building blocks: packing, micro-kernels, matrix products, reductions, exponentials."""
