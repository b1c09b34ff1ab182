"""`PulledRows` as a pytree: JAX traces, transfers, maps and differentiates it like a tuple of arrays.

Its leaves are floating-point arrays, since `jax.grad` refuses others: hits become 0 or 1 in the dtype of the rows.
Ids are not among the leaves: a loss needs none, and without 64-bit types JAX would cut them to 32 bits.
"""

from typing import Any

import numpy as np

from sampledsoftmax.io.extras import need
from sampledsoftmax.layers.pulled_rows import TRAINED, PulledRows

jax = need("jax", "jax", "jax")

LEAVES = (*TRAINED, "inputs", "label_log_q", "sampled_log_q", "hits")
_STATIC = ("objective", "subtract_log_q", "remove_accidental_hits", "temperature", "normalize")
_PER_EXAMPLE = ("label_weights", "label_biases", "inputs", "label_log_q", "hits")


def example_axes(rows: PulledRows) -> PulledRows:
    """Return `in_axes` of `jax.vmap` for a function of one example and the rows of its batch.

    Parameters
    ----------
    rows : PulledRows
        Rows of a batch.

    Returns
    -------
    PulledRows
        0 for what each example has, None for the candidates, which all examples share.

    Raises
    ------
    TypeError
        If `rows` is something else.

    Examples
    --------
    The norm of each example's gradient:

    >>> import jax
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.jax as ssj
    >>> rows = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=5, seed=1).pull([[3], [5]])
    >>> of_one = jax.grad(ssj.sampled_softmax_loss)
    >>> gradients = jax.vmap(of_one, in_axes=(0, ssj.example_axes(rows)))(np.ones((2, 8), np.float32), rows)
    >>> gradients.shape
    (2, 8)
    """
    if not isinstance(rows, PulledRows):
        raise TypeError(f"rows must be the PulledRows that pull of a layer returned, got {type(rows).__name__}")
    per_example = [0 if name in _PER_EXAMPLE and getattr(rows, name) is not None else None for name in LEAVES]
    return _unflatten(_static(rows), per_example)


def _flatten(rows: PulledRows) -> tuple[list[Any], tuple[Any, ...]]:
    """Return the arrays, and what is compiled into a function of them."""
    refuse_rounding(rows.label_weights)
    leaves = [getattr(rows, name) for name in LEAVES]
    if getattr(rows.hits, "dtype", None) == np.bool_:
        leaves[-1] = rows.hits.astype(rows.label_weights.dtype)
    return leaves, _static(rows)


def _flatten_with_keys(rows: PulledRows) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
    leaves, static = _flatten(rows)
    return [(jax.tree_util.GetAttrKey(name), leaf) for name, leaf in zip(LEAVES, leaves, strict=True)], static


def _unflatten(static: tuple[Any, ...], leaves: Any) -> PulledRows:
    """Return rows without ids: those of another call must not be pushed with them."""
    named = dict(zip(LEAVES, leaves, strict=True)) | dict(zip(_STATIC, static, strict=True))
    return PulledRows(**named, labels=None, sampled_candidates=None)


def _static(rows: PulledRows) -> tuple[Any, ...]:
    return tuple(getattr(rows, name) for name in _STATIC)


def refuse_rounding(array: Any) -> None:
    """Refuse an array of rows that JAX would round when it takes it over."""
    if isinstance(array, np.ndarray) and array.dtype == np.float64 and not jax.config.jax_enable_x64:
        raise TypeError(
            "rows are float64, which JAX would round to float32: make the layer with dtype=np.float32, or call"
            " jax.config.update('jax_enable_x64', True) first"
        )


jax.tree_util.register_pytree_with_keys(PulledRows, _flatten_with_keys, _unflatten, _flatten)
