"""Input and output: archives of arrays, atomic file replacement, compressed files, optional dependencies."""
