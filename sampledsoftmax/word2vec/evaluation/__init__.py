"""Evaluation: analogies, word similarity, and the exact loss on held-out text."""
