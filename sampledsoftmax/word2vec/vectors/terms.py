"""The words and vectors of a query, each with its weight: what `positive` and `negative` may hold."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation


class Term(NamedTuple):
    """A word or a vector of a query, and its weight.

    Examples
    --------
    >>> [term.weight for term in terms("positive", ["to", ("be", 0.5)], 1.0)]
    [1.0, 0.5]
    """

    what: Any
    weight: float

    @property
    def is_vector(self) -> bool:
        """Return whether it is a vector, not a word."""
        return isinstance(self.what, np.ndarray)


def terms(name: str, given: Any, weight: float) -> list[Term]:
    """Return the terms of an argument: a word, a vector, or a sequence of words, vectors and (word, weight) pairs.

    Parameters
    ----------
    name : str
        The argument, for messages.
    given : object
        What the caller gave; None is nothing.
    weight : float
        The weight of what comes without one: 1 or -1. The weight of a pair is taken as it is, as in gensim.

    Raises
    ------
    TypeError, ValueError
        It is something else, or a weight or a vector is not finite.
    """
    if given is None:
        return []
    if isinstance(given, np.ndarray) and given.ndim == 0:
        given = given.item()
    if isinstance(given, (str, int, np.integer)) or _is_vector(given):
        given = [given]
    if isinstance(given, (set, frozenset)):
        raise TypeError(f"{name} must be a sequence: the order of a {type(given).__name__} is not repeatable")
    if isinstance(given, tuple) and len(given) == 2 and _is_weight(given[1]) and not _is_weight(given[0]):
        raise TypeError(f"{name} is the pair {validation.shown(given)}: write it in a list, {name}=[(word, weight)]")
    if isinstance(given, (bytes, dict)) or not hasattr(given, "__iter__"):
        raise TypeError(f"{name} must hold words, got {validation.described(given)}")
    return [_term(f"{name}[{i}]", item, weight) for i, item in enumerate(given)]


def _term(name: str, item: Any, weight: float) -> Term:
    if isinstance(item, tuple) and len(item) == 2:
        item, weight = item[0], validation.number(f"the weight of {name}", item[1])
    if isinstance(item, (list, tuple)) and item and all(map(_is_weight, item)):
        item = np.array(item, np.float64)
    if not isinstance(item, np.ndarray):
        return Term(item, weight)
    if item.ndim != 1 or item.dtype.kind not in "fiu":
        got = f"an array of {validation.dtype_of(item)} with shape {list(item.shape)}"
        raise TypeError(f"{name} must be a word or a vector, got {got}")
    return Term(finite(name, item.astype(np.float64)), weight)


def finite(name: str, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector of finite numbers; another one raises ValueError.

    Examples
    --------
    >>> finite("vector", np.array([1.0, np.nan]))
    Traceback (most recent call last):
    ValueError: vector must be finite, number 1 is nan
    """
    if not np.isfinite(vector).all():
        place = int(np.isfinite(vector).argmin())
        raise ValueError(f"{name} must be finite, number {place} is {vector[place]}")
    return vector


def _is_vector(given: Any) -> bool:
    return isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind == "f"


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
