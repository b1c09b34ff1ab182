"""Proposals and samplers compared: distance from the softmax of trained models, and what models learn with each."""
