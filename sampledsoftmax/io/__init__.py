"""Archives of arrays, atomic file replacement, and optional dependencies."""
