"""Sampled losses in JAX's own operations: no callbacks, so they trace, differentiate and run on any device."""

from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.io.extras import need
from sampledsoftmax.jax.rows_as_pytree import refuse_rounding
from sampledsoftmax.layers.pulled_rows import PulledRows
from sampledsoftmax.losses.arguments import checked_similarity
from sampledsoftmax.losses.objectives import BUILT_IN
from sampledsoftmax.types import DOT_PRODUCT, Similarity

jax = need("jax", "jax", "jax")
jnp = need("jax.numpy", "jax", "jax")

_MIN_NORM = 1e-12  # that of the compiled code: a shorter row counts as zeros


def sampled_softmax_loss(
    inputs: Any,
    rows: PulledRows,
    *,
    subtract_log_q: bool | None = None,
    remove_accidental_hits: bool | None = None,
    temperature: float | None = None,
    normalize: bool | None = None,
) -> Any:
    """Return the sampled softmax loss of each example, over rows that a layer handed out.

    That is `ss.sampled_softmax_loss` of the layer's tables with the candidates in `rows`. `jit`, `grad`, `vmap` and
    higher derivatives work; the gradient with respect to `rows` is a `PulledRows`, which `push` of the layer takes.

    Parameters
    ----------
    inputs : float [..., dim]
        Output of the encoder, for each example of `rows`. Half precision is computed in the precision of the rows.
    rows : PulledRows
        What `pull` of a `SampledSoftmax` or a `SkipGram` returned.
    subtract_log_q : bool, optional
        Whether log(expected count) is subtracted from the logits. By default as the layer does, or, for a layer
        with the objective of another loss, as `ss.sampled_softmax_loss` does by default: True.
    remove_accidental_hits : bool, optional
        Whether a candidate that is a label of an example is left out of that example's sum. By default as the layer
        does, or, for a layer with the objective of another loss, True.
    temperature : float, optional
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
        By default as in the layer.
    normalize : bool, optional
        Whether inputs and rows are divided by their lengths, so that dot products are cosines. A row shorter than 1e-12
        counts as zeros: its cosines and its gradient are 0. By default as in the layer.

    Returns
    -------
    float [...]
        The losses, one per example.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or shape.

    Examples
    --------
    >>> import jax
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.jax as ssj
    >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=5, seed=1)
    >>> inputs, rows = np.ones((2, 8), np.float32), layer.pull([3, 5])
    >>> def mean_loss(inputs, rows):
    ...     return ssj.sampled_softmax_loss(inputs, rows).mean()
    >>> loss, (inputs_gradient, row_gradients) = jax.value_and_grad(mean_loss, argnums=(0, 1))(inputs, rows)
    >>> layer.push(rows, row_gradients)
    >>> inputs_gradient.shape, row_gradients.sampled_weights.shape
    ((2, 8), (5, 8))
    """
    true, sampled = _logits(
        "sampled_softmax", inputs, rows, subtract_log_q, remove_accidental_hits, temperature, normalize
    )
    logits = jnp.concatenate([true, sampled], axis=-1)
    # Relative to the largest: with large logits, the difference of two sums would lose the digits of the loss.
    largest = jax.lax.stop_gradient(logits.max(axis=-1, keepdims=True))
    return jnp.log(jnp.exp(logits - largest).sum(axis=-1)) - (true - largest).mean(axis=-1)


def nce_loss(
    inputs: Any,
    rows: PulledRows,
    *,
    subtract_log_q: bool | None = None,
    remove_accidental_hits: bool | None = None,
    temperature: float | None = None,
    normalize: bool | None = None,
) -> Any:
    """Return the noise-contrastive loss of each example, over rows that a layer handed out.

    That is `ss.nce_loss` of the layer's tables with the candidates in `rows`.

    Parameters
    ----------
    inputs : float [..., dim]
        As for `sampled_softmax_loss`.
    rows : PulledRows
        As for `sampled_softmax_loss`.
    subtract_log_q : bool, optional
        By default as the layer does, or, for a layer with the objective of another loss, True.
    remove_accidental_hits : bool, optional
        By default as the layer does, or, for a layer with the objective of another loss, False, as in TensorFlow.
    temperature : float, optional
        As for `sampled_softmax_loss`: by default as in the layer.
    normalize : bool, optional
        As for `sampled_softmax_loss`: by default as in the layer.

    Returns
    -------
    float [...]
        The losses, one per example.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or shape.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.jax as ssj
    >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=5, seed=1, objective="nce")
    >>> ssj.nce_loss(np.ones((2, 8), np.float32), layer.pull([3, 5])).shape
    (2,)
    """
    return _sigmoid_loss("nce", inputs, rows, subtract_log_q, remove_accidental_hits, temperature, normalize)


def negative_sampling_loss(
    inputs: Any,
    rows: PulledRows,
    *,
    subtract_log_q: bool | None = None,
    remove_accidental_hits: bool | None = None,
    temperature: float | None = None,
    normalize: bool | None = None,
) -> Any:
    """Return the negative-sampling loss of each example: `nce_loss` without log Q.

    Parameters
    ----------
    inputs : float [..., dim]
        As for `sampled_softmax_loss`.
    rows : PulledRows
        As for `sampled_softmax_loss`.
    subtract_log_q : bool, optional
        By default as the layer does, or, for a layer with the objective of another loss, False.
    remove_accidental_hits : bool, optional
        By default as the layer does, or, for a layer with the objective of another loss, True.
    temperature : float, optional
        As for `sampled_softmax_loss`: by default as in the layer.
    normalize : bool, optional
        As for `sampled_softmax_loss`: by default as in the layer.

    Returns
    -------
    float [...]
        The losses, one per example.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or shape.

    Examples
    --------
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.jax as ssj
    >>> model = ss.SkipGram(num_classes=100, dim=8, num_sampled=5, seed=1, objective="negative_sampling")
    >>> rows = model.pull([1, 2], [2, 3])
    >>> ssj.negative_sampling_loss(rows.inputs, rows).shape
    (2,)
    """
    options = (subtract_log_q, remove_accidental_hits, temperature, normalize)
    return _sigmoid_loss("negative_sampling", inputs, rows, *options)


def _sigmoid_loss(name: str, inputs: Any, rows: PulledRows, *options: Any) -> Any:
    """Return the sum over the columns of log(1 + exp(logit)), minus the mean of the true logits."""
    true, sampled = _logits(name, inputs, rows, *options)
    # For one label that is certain, both linear terms are the logit, which would swamp the rest.
    of_labels = (jnp.maximum(true, 0) - true / true.shape[-1]) + _rest_of_softplus(true)
    return of_labels.sum(axis=-1) + (jnp.maximum(sampled, 0) + _rest_of_softplus(sampled)).sum(axis=-1)


def _rest_of_softplus(logits: Any) -> Any:
    """Return log(1 + exp(logits)) - max(logits, 0)."""
    return jnp.log1p(jnp.exp(-jnp.abs(logits)))


def _logits(
    name: str,
    inputs: Any,
    rows: PulledRows,
    subtract_log_q: bool | None,
    remove_accidental_hits: bool | None,
    temperature: float | None,
    normalize: bool | None,
) -> tuple[Any, Any]:
    """Return corrected logits of labels [..., num_true] and candidates [..., num_sampled]; a hit is -inf."""
    inputs = _checked_inputs(inputs, rows)
    subtract, remove = _flags(name, rows, subtract_log_q, remove_accidental_hits)
    similarity = checked_similarity(
        rows.temperature if temperature is None else temperature, rows.normalize if normalize is None else normalize
    )
    label_weights, sampled_weights = rows.label_weights, rows.sampled_weights
    if similarity.normalize:
        label_weights, sampled_weights = _unit(label_weights), _unit(sampled_weights)
    inputs = _scaled(inputs.astype(jnp.result_type(label_weights)), similarity) if similarity != DOT_PRODUCT else inputs
    true = jnp.einsum("...d,...td->...t", inputs, label_weights) + rows.label_biases
    sampled = jnp.einsum("...d,sd->...s", inputs, sampled_weights) + rows.sampled_biases
    if subtract:  # as constants, so that a norm of the gradient is that of the rows alone
        true = true - jax.lax.stop_gradient(rows.label_log_q)
        sampled = sampled - jax.lax.stop_gradient(rows.sampled_log_q)
    if remove:
        sampled = jnp.where(jnp.asarray(rows.hits) != 0, -jnp.inf, sampled)
    return true, sampled


def _scaled(inputs: Any, similarity: Similarity) -> Any:
    """Return inputs / temperature, of unit length before that if asked for."""
    return (_unit(inputs) if similarity.normalize else inputs) / similarity.temperature


def _unit(rows: Any) -> Any:
    """Return rows divided by their lengths; one shorter than 1e-12 becomes zeros, whose gradient is 0.

    The square of an entry may be infinite in float32, that of an entry / the largest one is at most 1.
    """
    largest = jax.lax.stop_gradient(jnp.abs(jnp.asarray(rows)).max(axis=-1, keepdims=True))
    largest = jnp.where(largest > 0, largest, 1)
    part = rows / largest
    squared = (part * part).sum(axis=-1, keepdims=True)
    is_zeros = jax.lax.stop_gradient(jnp.sqrt(squared) * largest) < _MIN_NORM
    return jnp.where(is_zeros, 0, part / jnp.sqrt(jnp.where(is_zeros, 1, squared)))


def _checked_inputs(inputs: Any, rows: PulledRows) -> Any:
    """Return the inputs as an array of JAX, after checking that they fit the rows."""
    if not isinstance(rows, PulledRows):
        raise TypeError(f"rows must be the PulledRows that pull of a layer returned, got {type(rows).__name__}")
    refuse_rounding(rows.label_weights)
    try:
        array = jnp.asarray(inputs)
    except Exception:  # JAX converts each type in its own way, with errors of its own
        raise TypeError(
            f"inputs must be an array of floating-point numbers, got {validation.described(inputs)}"
        ) from None
    of_rows = jnp.result_type(rows.label_weights)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"inputs must be floating-point numbers, got {array.dtype}")
    if jnp.promote_types(array.dtype, of_rows) != of_rows:
        raise TypeError(f"inputs must be {of_rows} as the rows, or narrower, got {array.dtype}")
    *batch, _, dim = jnp.shape(rows.label_weights)
    if array.shape != (*batch, dim):
        raise ValueError(f"inputs must have shape {[*batch, dim]} as the labels of the rows, got {list(array.shape)}")
    return array


def _flags(
    name: str, rows: PulledRows, subtract_log_q: bool | None, remove_accidental_hits: bool | None
) -> tuple[bool, bool]:
    """Return what is done to the logits: what the caller says, else what the layer does, else what the loss does."""
    default = BUILT_IN[name] if rows.objective not in ("", name) else rows
    subtract = default.subtract_log_q if subtract_log_q is None else subtract_log_q
    remove = default.remove_accidental_hits if remove_accidental_hits is None else remove_accidental_hits
    return validation.flag("subtract_log_q", subtract), validation.flag("remove_accidental_hits", remove)
