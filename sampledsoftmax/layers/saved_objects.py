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
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

Arrays = dict[str, NDArray[Any]]

OPTIMIZERS: dict[str, Any] = {kind.__name__: kind for kind in (SGD, Momentum, Adagrad, RowwiseAdagrad, Adam)}
SAMPLERS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (LogUniformSampler, UniformSampler, FixedUnigramSampler, LearnedUnigramSampler, AllSampler)
}
_WEIGHTS, _COUNTS = "sampler.weights", "sampler.counts"
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
    return {"class": name, "range_max": sampler.range_max, "expected_count": sampler.expected_count, **own}


def state_of_sampler(sampler: CandidateSampler) -> tuple[dict[str, Any], Arrays]:
    """Return the position in the random stream as plain data, and the distribution as arrays."""
    if "own" in described_sampler(sampler):
        return _plain(sampler.state, f"{type(sampler).__name__}.state"), {}
    position = dict(zip(_POSITION, map(int, sampler.stream_position), strict=True))
    if isinstance(sampler, FixedUnigramSampler):
        return position, {_WEIGHTS: sampler.weights}
    return position, {_COUNTS: sampler.counts} if isinstance(sampler, LearnedUnigramSampler) else {}


def set_state(sampler: CandidateSampler, state: dict[str, Any], arrays: Arrays) -> None:
    """Put a sampler where another one was."""
    sampler.state = {**state, "counts": arrays[_COUNTS]} if isinstance(sampler, LearnedUnigramSampler) else state


def restored_sampler(saved: dict[str, Any], arrays: Arrays, given: Any, how: str) -> CandidateSampler:
    """Return the sampler that was saved, or the given one, if it has the same distribution; not yet its state."""
    if given is None:
        if "own" in saved:
            raise _must_be_given("sampler", saved["class"], how)
        first = arrays[_WEIGHTS] if saved["class"] == FixedUnigramSampler.__name__ else saved["range_max"]
        counts = saved["expected_count"]
        options = {} if counts == "tensorflow" else {"expected_count": counts}  # which AllSampler does not have
        sampler: CandidateSampler = SAMPLERS[saved["class"]](first, seed=0, **options)
        return sampler
    if not isinstance(given, CandidateSampler):
        raise TypeError(f"sampler must be a sampler object, got {validation.described(given)}")
    found = described_sampler(given)
    if found != saved:
        raise ValueError(f"sampler must be that of the layer, {short(saved)}, got {short(found)}")
    if isinstance(given, FixedUnigramSampler) and not np.array_equal(given.weights, arrays[_WEIGHTS]):
        raise ValueError("sampler must have the weights of the layer's FixedUnigramSampler, got others")
    return given


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
