"""Checks of a subclass of `CandidateSampler`: which hooks it defines, and what they return."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import Distribution, Support, fill, probabilities
from sampledsoftmax.samplers.inclusion import Groups

Ids = NDArray[np.int64]
FILE = "sampledsoftmax.kernels.sampling.distribution"


def defining_class(kind: type, *hooks: str) -> type:
    """Return the most derived class of `kind` that defines one of `hooks`."""
    return next(base for base in kind.__mro__ if any(hook in vars(base) for hook in hooks))


def is_compiled_last(kind: type) -> bool:
    """Return whether compiled code replaces the Python hooks of a class.

    It does unless a class overrides a hook below the one that defines `compiled_distribution`. A class that defines
    both asserts that they are the same distribution.
    """
    hooks = ("sample", "draw_sample", "draw", "probability", "learn")
    return "compiled_distribution" in vars(defining_class(kind, "compiled_distribution", *hooks))


def check_definition(sampler: Any, base: type) -> None:
    """Raise TypeError unless the class of `sampler` defines the hooks that have no default."""
    kind = type(sampler)
    if "lock" not in vars(sampler):
        raise TypeError(f"{kind.__name__}.__init__ must call super().__init__(range_max, seed)")
    if any(defining_class(kind, hook) is not base for hook in ("sample", "compiled_distribution")):
        return
    missing = [hook for hook in ("draw", "probability") if defining_class(kind, hook) is base]
    if missing:
        raise TypeError(
            f"{kind.__name__} must define {' and '.join(missing)}, or compiled_distribution: see ss.CandidateSampler"
        )


def checked_num_drawable(sampler: Any) -> int:
    """Return the number of classes that a subclass says can be drawn."""
    return validation.whole_number(f"{type(sampler).__name__}.num_drawable", sampler.num_drawable, 1, sampler.range_max)


def checked_distribution(sampler: Any) -> Distribution | None:
    """Return what `compiled_distribution` returns, if compiled code can use it."""
    distribution: Any = sampler.compiled_distribution()
    if distribution is None:
        return None
    name = f"{type(sampler).__name__}.compiled_distribution"
    support = getattr(distribution, "support", None)
    if not isinstance(distribution, tuple) or not isinstance(support, Support):
        raise TypeError(
            f"{name} must return None or a NamedTuple whose field support is self.support, got"
            f" {validation.described(distribution)}"
        )
    if support.range_max != sampler.range_max:
        raise ValueError(
            f"{name} returned support.range_max = {support.range_max}, but range_max = {sampler.range_max}"
        )
    _check_registered(name, type(distribution))
    return distribution  # type: ignore[return-value]


def _check_registered(name: str, of_class: type) -> None:
    for kernel in (fill, probabilities):
        if not kernel.has(of_class):
            short = kernel.name.rpartition(".")[2]
            raise TypeError(
                f"{name} returned {of_class.__name__}, for which no kernel {short} is registered: decorate one with"
                f" @{short}.register({of_class.__name__}), {short} from {FILE}"
            )


def checked_draws(name: str, value: Any, size: int, range_max: int) -> Ids:
    """Return the draws of a Python hook as int64 [size]."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}.draw must return int64 ids [size], got {_described(value, array)}")
    if array.shape != (size,):
        raise ValueError(f"{name}.draw must return int64 ids [size] with size = {size}, got shape {list(array.shape)}")
    bad = (array < 0) | (array >= range_max)
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(f"{name}.draw must return ids in [0, {range_max}), got {array[first]} at position {first}")
    return np.ascontiguousarray(array, np.int64)


def checked_probabilities(name: str, value: Any, ids: Ids, zero_allowed: bool) -> NDArray[np.float32]:
    """Return the probabilities of a Python hook as float32 in the shape of `ids`."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise TypeError(f"{name}.probability must return floats in the shape of ids, got {_described(value, array)}")
    if array.shape != ids.shape:
        raise ValueError(
            f"{name}.probability must return floats in the shape of ids, {list(ids.shape)}, got shape"
            f" {list(array.shape)}"
        )
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float32)
    bad = ~((rounded >= 0 if zero_allowed else rounded > 0) & (rounded <= 1))
    if bad.any():
        first = np.unravel_index(int(bad.argmax()), bad.shape)
        interval = "[0, 1]" if zero_allowed else "(0, 1]"
        raise ValueError(
            f"{name}.probability must return float32 probabilities in {interval}, got {array[first]} for id"
            f" {ids[first]}"
        )
    return np.ascontiguousarray(rounded)


def checked_groups(name: str, value: Any) -> Groups:
    """Return what `probability_groups` returns."""
    is_pair = isinstance(value, tuple) and len(value) == 2
    probability, multiplicity = map(np.asarray, value if is_pair else (None, None))
    fits = probability.ndim == 1 and probability.size > 0 and probability.shape == multiplicity.shape
    if not fits or probability.dtype != np.float64 or multiplicity.dtype != np.float64:
        raise TypeError(
            f"{name}.probability_groups must return Groups of two float64 arrays [num_groups], got"
            f" {validation.described(value)}"
        )
    if probability[0] <= 0 or (np.diff(probability) < 0).any():
        raise ValueError(f"{name}.probability_groups must return Groups of increasing probabilities above 0")
    return Groups(probability, multiplicity)


def _described(value: Any, array: NDArray[Any]) -> str:
    return f"dtype {validation.dtype_of(array)}" if isinstance(value, np.ndarray) else validation.described(value)
