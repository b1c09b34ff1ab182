"""Retrieval and recommendation: interactions of users with items, matrix factorization, ranking metrics."""
