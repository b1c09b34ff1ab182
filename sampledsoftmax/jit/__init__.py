"""The JIT: how kernels are compiled, linked into one another, dispatched and kept on disk; see README.md."""
