"""Candidates of a module: a function of its seed and its step, so that a forward pass can be repeated."""

import copy
from typing import Any

import torch
from torch._C import _current_graph_task_id

import sampledsoftmax as ss
from sampledsoftmax import validation

_SAMPLERS = {"log_uniform": ss.LogUniformSampler, "uniform": ss.UniformSampler}


class Candidates:
    """A sampler and the number of the step for which it draws.

    The step is finished when a gradient has been taken of a loss that used its candidates. The next forward pass then
    begins the next one. Passes of the same step have the same candidates: a second call, and the recomputation of
    `torch.utils.checkpoint`, which runs within the backward pass.

    Attributes
    ----------
    sampler : CandidateSampler
        A copy of what was given.
    num_sampled : int
    """

    def __init__(self, sampler: Any, n_classes: int, num_sampled: Any, seed: Any) -> None:
        self.sampler = _checked_sampler(sampler, n_classes, seed)
        self.name = sampler if isinstance(sampler, str) else type(sampler).__name__
        everything = "n_classes"
        self.num_sampled = validation.sample_size("num_sampled", num_sampled, True, everything, n_classes)
        self._start = self.sampler.state
        self._step, self._finished = 0, False

    def draw(self, labels: Any) -> tuple[ss.SampledValues, int]:
        """Return the candidates for labels [n, num_true], and the step that they belong to."""
        with self.sampler.lock:
            if self._finished and _current_graph_task_id() == -1:
                self._step, self._finished = self._step + 1, False
            self.sampler.state = self._start
            self.sampler.advance(self._step, self.num_sampled)
            return self.sampler.sample(labels, self.num_sampled), self._step

    def finish(self, step: int) -> None:
        """Say that a gradient has been taken of a loss with the candidates of `step`."""
        with self.sampler.lock:
            self._finished |= step == self._step

    @property
    def state(self) -> dict[str, Any]:
        """Seed, first position and number of finished steps, as plain data."""
        with self.sampler.lock:
            return {"sampler": dict(self._start), "step": self._step + self._finished}

    @state.setter
    def state(self, state: Any) -> None:
        if not isinstance(state, dict) or state.keys() != {"sampler", "step"}:
            raise ValueError(f"the position of the sampler must hold sampler and step, got {validation.shown(state)}")
        step = validation.whole_number("step", state["step"], 0)
        with self.sampler.lock:
            self.sampler.state = state["sampler"]  # which checks it
            self._start, self._step, self._finished = self.sampler.state, step, False


def _checked_sampler(sampler: Any, n_classes: int, seed: Any) -> ss.CandidateSampler:
    if seed is None and isinstance(sampler, str):
        seed = int(torch.randint(2**31 - 1, ()))  # so that torch.manual_seed decides, as it does for the tables
    if isinstance(sampler, str):
        return _SAMPLERS[validation.choice("sampler", sampler, tuple(_SAMPLERS))](n_classes, seed)
    if not isinstance(sampler, ss.CandidateSampler):
        raise TypeError(f"sampler must be a name or a sampler object, got {validation.described(sampler)}")
    if seed is not None:
        raise ValueError("seed is for a sampler by name: the sampler object has its own")
    if sampler.range_max != n_classes:
        raise ValueError(f"sampler has range_max = {sampler.range_max}, but n_classes = {n_classes}")
    if sampler.learns:
        raise ValueError(
            f"a {type(sampler).__name__} learns from the labels of each call, so a forward pass could not be repeated: "
            "call its sample and pass the result as sampled_values"
        )
    return copy.deepcopy(sampler)
