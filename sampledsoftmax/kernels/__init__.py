"""The loops: Numba kernels on plain arrays, with no checks, no allocation that grows, no Python objects.

Callers have checked shapes, dtypes and ranges; a kernel that is handed a bad id reads past the end of
its array. Every file holds the kernels of one stage, and all are compiled by `jit.py`.
"""
