"""Retrieval: users, items, and the losses of their models."""
