"""Kernels of word training: tokenizing, subsampling, windows, the sharded training step."""
