"""Optimizers, samplers and objectives as plain data, and back.

Those of this package are saved with their settings. Those of a user's own class are saved by the name of the class: no
code is ever read from a file, so an object of that class must be given again.
"""

import dataclasses
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.objectives import BUILT_IN, Objective, checked_objective
from sampledsoftmax.optimizers import SGD, Adagrad, Adam, Momentum, Optimizer, RowwiseAdagrad, checked_optimizer
from sampledsoftmax.samplers.all_candidates import AllSampler
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.in_batch import InBatchSampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.mixed import MixedSampler
from sampledsoftmax.samplers.streaming_frequency import StreamingFrequency
from sampledsoftmax.samplers.uniform import UniformSampler

Arrays = dict[str, NDArray[Any]]

OPTIMIZERS: dict[str, Any] = {kind.__name__: kind for kind in (SGD, Momentum, Adagrad, RowwiseAdagrad, Adam)}
SAMPLERS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        LogUniformSampler,
        UniformSampler,
        FixedUnigramSampler,
        LearnedUnigramSampler,
        AllSampler,
        MixedSampler,
        InBatchSampler,
    )
}
_OF_FREQUENCY = ("num_buckets", "num_hashes", "rate", "initial", "seed")
_POSITION = ("seed", "seed2", "block")


def described_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """Return class and settings; of an optimizer of another package the class only."""
    kind = type(optimizer)
    if OPTIMIZERS.get(kind.__name__) is kind:
        return {"class": kind.__name__, "settings": dataclasses.asdict(optimizer)}  # type: ignore[call-overload]
    return {"class": kind.__qualname__}


def restored_optimizer(saved: dict[str, Any], given: Any, how: str) -> Optimizer:
    """Return the optimizer that was saved, or the given one, if it is the same, except for its learning rate."""
    if given is None:
        if "settings" not in saved:
            raise _must_be_given("optimizer", saved["class"], how)
        optimizer: Optimizer = OPTIMIZERS[saved["class"]](**saved["settings"])
        return optimizer
    found = described_optimizer(checked_optimizer(given))
    if without_rate(found) != without_rate(saved):
        raise ValueError(f"optimizer must be that of the layer, {short(saved)}, got {short(found)}")
    return checked_optimizer(given)


def described_sampler(sampler: CandidateSampler) -> dict[str, Any]:
    """Return class and settings, without the position in the random stream."""
    kind = type(sampler)
    name = kind.__name__ if SAMPLERS.get(kind.__name__) is kind else kind.__qualname__
    own = {} if SAMPLERS.get(kind.__name__) is kind else {"own": True}
    described = {"class": name, "range_max": sampler.range_max, "expected_count": sampler.expected_count, **own}
    if isinstance(sampler, MixedSampler):
        parts = [[described_sampler(part.sampler), part.num_sampled] for part in sampler.parts]
        return described | {"unique": sampler.unique, "parts": parts}
    if isinstance(sampler, InBatchSampler):
        frequency = sampler.frequency
        return described | {"frequency": frequency and {name: getattr(frequency, name) for name in _OF_FREQUENCY}}
    return described


def state_of_sampler(sampler: CandidateSampler, prefix: str = "sampler") -> tuple[Any, Arrays]:
    """Return the position in the random stream as plain data, and the distribution as arrays."""
    if "own" in described_sampler(sampler):
        return _plain(sampler.state, f"{type(sampler).__name__}.state"), {}
    position: dict[str, Any] = dict(zip(_POSITION, map(int, sampler.stream_position), strict=True))
    if isinstance(sampler, MixedSampler):
        states = [state_of_sampler(part.sampler, _part(prefix, k)) for k, part in enumerate(sampler.parts)]
        arrays = {name: array for _, of_part in states for name, array in of_part.items()}
        return position | {"parts": [state for state, _ in states]}, arrays
    if isinstance(sampler, InBatchSampler) and sampler.frequency is not None:
        state = sampler.frequency.state
        arrays = {f"{prefix}.frequency.{name}": array for name, array in state.items() if isinstance(array, np.ndarray)}
        numbers = {name: number for name, number in state.items() if not isinstance(number, np.ndarray)}
        return position | {"frequency": numbers}, arrays
    if isinstance(sampler, (FixedUnigramSampler, InBatchSampler)):
        return position, {f"{prefix}.weights": np.asarray(sampler.weights)}
    return position, {f"{prefix}.counts": sampler.counts} if isinstance(sampler, LearnedUnigramSampler) else {}


def set_state(sampler: CandidateSampler, state: dict[str, Any], arrays: Arrays) -> None:
    """Put a sampler where another one was."""
    sampler.state = _whole_state(sampler, state, arrays, "sampler")


def _whole_state(sampler: CandidateSampler, state: dict[str, Any], arrays: Arrays, prefix: str) -> dict[str, Any]:
    """Return the state of a sampler with the arrays that were saved beside it."""
    if isinstance(sampler, LearnedUnigramSampler):
        return {**state, "counts": arrays[f"{prefix}.counts"]}
    if isinstance(sampler, InBatchSampler) and sampler.frequency is not None:
        start = f"{prefix}.frequency."
        found = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        return {**state, "frequency": {**state["frequency"], **found}}
    if isinstance(sampler, MixedSampler):
        parts = [
            _whole_state(part.sampler, saved, arrays, _part(prefix, k))
            for k, (part, saved) in enumerate(zip(sampler.parts, state["parts"], strict=True))
        ]
        return {**state, "parts": parts}
    return state


def restored_sampler(
    saved: dict[str, Any], arrays: Arrays, given: Any, how: str, prefix: str = "sampler"
) -> CandidateSampler:
    """Return the sampler that was saved, or the given one, if it has the same distribution; not yet its state."""
    if given is None:
        own = _own_class(saved)
        if own:
            raise _must_be_given("sampler", own, how)
        return _new_sampler(saved, arrays, prefix)
    if not isinstance(given, CandidateSampler):
        raise TypeError(f"sampler must be a sampler object, got {validation.described(given)}")
    found = described_sampler(given)
    if found != saved:
        raise ValueError(f"sampler must be that of the layer, {short(saved)}, got {short(found)}")
    _check_weights(given, arrays, prefix)
    return given


def _own_class(saved: dict[str, Any]) -> str:
    """Return the class of a sampler that cannot be made from its description, or of one that has such a part."""
    if any(_own_class(part) for part, _ in saved.get("parts", ())):
        return str(saved["class"])
    return str(saved["class"]) if "own" in saved else ""


def _new_sampler(saved: dict[str, Any], arrays: Arrays, prefix: str) -> CandidateSampler:
    kind, counts = saved["class"], saved["expected_count"]
    if kind == MixedSampler.__name__:
        parts = [(_new_sampler(part, arrays, _part(prefix, k)), size) for k, (part, size) in enumerate(saved["parts"])]
        return MixedSampler(parts, seed=0, unique=saved["unique"])
    if kind == InBatchSampler.__name__:
        if saved["frequency"] is None:
            return InBatchSampler(saved["range_max"], arrays[f"{prefix}.weights"], seed=0)
        return InBatchSampler(saved["range_max"], frequency=StreamingFrequency(**saved["frequency"]), seed=0)
    first = arrays[f"{prefix}.weights"] if kind == FixedUnigramSampler.__name__ else saved["range_max"]
    options = {} if counts == "tensorflow" else {"expected_count": counts}  # which AllSampler does not have
    sampler: CandidateSampler = SAMPLERS[kind](first, seed=0, **options)
    return sampler


def _check_weights(given: CandidateSampler, arrays: Arrays, prefix: str) -> None:
    """Refuse a sampler of other weights than were saved, or with a part of others."""
    if isinstance(given, MixedSampler):
        for k, part in enumerate(given.parts):
            _check_weights(part.sampler, arrays, _part(prefix, k))
    weights = given.weights if isinstance(given, (FixedUnigramSampler, InBatchSampler)) else None
    if weights is not None and not np.array_equal(weights, arrays[f"{prefix}.weights"]):
        raise ValueError(f"sampler must have the weights of the layer's {type(given).__name__}, got others")


def _part(prefix: str, k: int) -> str:
    """Return the first part of the names of arrays of a part of a mixture."""
    return f"{prefix}.parts.{k}"


def described_objective(objective: Objective) -> str:
    """Return the name of a built-in objective, or the class and the compiled parameters of another."""
    if any(objective is built_in for built_in in BUILT_IN.values()):
        return next(name for name, built_in in BUILT_IN.items() if built_in is objective)
    parameters = objective.compiled_loss()
    return type(objective).__qualname__ + ("" if parameters is None else f": {parameters!r}")


def restored_objective(saved: str, given: Any, how: str) -> str | Objective:
    """Return the objective that was saved, or the given one, if it is the same."""
    if given is None:
        if saved not in BUILT_IN:
            raise _must_be_given("objective", saved.partition(":")[0], how)
        return saved
    objective = checked_objective(given)
    found = described_objective(objective)
    if found != saved:
        raise ValueError(f"objective must be that of the layer, {short(saved)}, got {short(found)}")
    return objective


def without_rate(description: Any) -> Any:
    """Return a description of an optimizer without the learning rate; anything else as it is."""
    if not isinstance(description, dict) or not isinstance(description.get("settings"), dict):
        return description
    settings = {name: value for name, value in description["settings"].items() if name != "learning_rate"}
    return {**description, "settings": settings}


def short(description: Any) -> str:
    """Return a description in few characters: "Adam(learning_rate=0.1, mode='exact')"."""
    if not isinstance(description, dict):
        return validation.shown(description)
    settings = {**description, **description.get("settings", {})}
    arguments = ", ".join(
        f"{name}={value!r}" for name, value in settings.items() if name not in ("class", "settings", "own")
    )
    text = f"{description.get('class')}({arguments})"
    return text if len(text) <= 2 * validation.MAX_SHOWN else f"{text[: 2 * validation.MAX_SHOWN]}..."


def _plain(state: Any, name: str) -> Any:
    try:
        same = json.loads(json.dumps(state, allow_nan=False)) == state
    except (TypeError, ValueError):
        same = False
    if not same:
        raise TypeError(f"{name} must be plain data that JSON can hold, to be saved: got {validation.shown(state)}")
    return state


def _must_be_given(name: str, kind: str, how: str) -> ValueError:
    return ValueError(
        f"{name}: the layer has a {kind}, whose code is not in the file: write {how}, {name}={kind}(...))"
    )
