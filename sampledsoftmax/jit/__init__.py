"""Compiler plumbing: how kernels are compiled, linked into one another, dispatched and cached."""
