"""Numba kernels on plain arrays, one package per stage of a step; README.md has the map and the rules.

Callers have validated shapes, dtypes and ranges: a kernel that is given a bad id reads outside of its array.
"""
