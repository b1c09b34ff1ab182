"""Kernels of the optimizers: update rules for rows, summing duplicate rows."""
