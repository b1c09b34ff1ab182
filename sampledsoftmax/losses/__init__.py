"""Losses with TensorFlow's names and arguments, and the array passes that compute them."""
