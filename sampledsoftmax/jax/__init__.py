"""Losses for JAX models: pure functions over the rows that `pull` of a layer returns. Needs the extra `jax`."""

from sampledsoftmax.jax.losses import nce_loss, negative_sampling_loss, sampled_softmax_loss
from sampledsoftmax.jax.rows_as_pytree import example_axes

__all__ = ["example_axes", "nce_loss", "negative_sampling_loss", "sampled_softmax_loss"]
