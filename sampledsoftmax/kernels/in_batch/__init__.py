"""Kernels of the in-batch softmax: every row of the batch is a candidate of every other."""
