"""Layers that own their tables and train them: an output layer, skip-gram."""
