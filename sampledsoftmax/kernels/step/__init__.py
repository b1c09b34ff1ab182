"""Kernels of a training step, from ids to updated rows."""
