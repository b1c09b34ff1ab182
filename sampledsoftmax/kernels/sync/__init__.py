"""Synchronization of threads inside kernels: atomics, barrier, scheduling."""
