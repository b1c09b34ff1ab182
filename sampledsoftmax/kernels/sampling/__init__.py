"""Kernels of the candidate samplers: random numbers, distributions, unique draws, expected counts."""
