"""Fused training steps: the arguments of the compiled step, its memory, and its errors."""

import operator
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.kernel import for_types_of
from sampledsoftmax.kernels.step.sampling_phase import SampleSource
from sampledsoftmax.kernels.step.train import (
    NOT_FINITE,
    OUTCOME,
    STEPS_TAKEN,
    TOO_FEW_CLASSES,
    StepMemory,
    UpdateArguments,
    run_steps,
)
from sampledsoftmax.kernels.structs import StepSettings
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE
from sampledsoftmax.layers.table import Table, trained_tables
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, settings_for
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import Correction

Ids = NDArray[np.int64]
Tables = tuple[Table, Table, Table]  # of the inputs (of the weights again, where inputs are given), weights, biases

# Compiled code cannot be interrupted: many steps are split into calls of about this many seconds.
_CALL_SECONDS = 0.1


class FusedCallPlan(NamedTuple):
    """The arguments that calls with the same tables, sizes and threads share.

    Attributes
    ----------
    sizes : tuple
        Of a batch, and the number of threads that pays.
    identity : tuple
        Whether the inputs are rows of a table; the class of the rule; the distribution; the parameters of the loss; the
        values of the tables. They decide the types of the arguments; a plan holds while they are the same objects.
    threads : int
    memory : StepMemory
    settings : StepSettings
    code : callable or None
        Machine code for arguments of these types, after the first call.
    """

    sizes: tuple[tuple[int, int, int], int]
    identity: tuple[Any, ...]
    threads: int
    memory: StepMemory
    settings: StepSettings
    code: Callable[..., None] | None


class FusedSteps:
    """Runs fused steps for one output layer; memory is allocated for the largest batch seen."""

    def __init__(
        self,
        num_sampled: int,
        dim: int,
        dtype: np.dtype[Any],
        sampler: CandidateSampler,
        objective: Objective,
        correction: Correction,
    ) -> None:
        self.num_sampled, self.dim, self.dtype = num_sampled, dim, dtype
        self.sampler, self.objective, self.correction = sampler, objective, correction
        self._loss = objective.compiled_loss()
        self._workspace = Workspace(1, 1, num_sampled, dim, dtype)
        self._lock = threading.Lock()
        self._plan: FusedCallPlan | None = None
        self._paced_for, self._at_once = 0, 1  # steps of the next call, for batches of this size

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the settings only: memory, plans and locks belong to one instance."""
        settings = (self.num_sampled, self.dim, self.dtype, self.sampler, self.objective, self.correction)
        return type(self), settings

    def _current_loss(self) -> Any:
        """Return the parameters of the loss as they are now: the same object while they are equal."""
        loss = self.objective.compiled_loss()
        if loss is not self._loss and (type(loss) is not type(self._loss) or loss != self._loss):
            self._loss = loss
        return self._loss

    def supports(self, weights: Table) -> bool:
        """Return whether sampler, objective and optimizer have compiled forms."""
        return weights.has_rule and self._loss is not None and self.sampler.fused_distribution() is not None

    def step_pairs(self, tables: Tables, inputs: Ids, labels: Ids, batch_size: int) -> NDArray[np.float64]:
        """Take a step on each batch of `inputs` [num_pairs] and `labels` [num_pairs, num_true].

        `tables` are embeddings, weights and biases. Returns the mean loss of each batch.
        """
        losses = np.zeros(max(1, ceil_div(inputs.size, batch_size)))
        done = 0
        with self._lock:
            update = UpdateArguments(tables[1].rule, True)
            if batch_size != self._paced_for:
                self._paced_for, self._at_once = batch_size, 1
            while done < losses.size:
                at_once = min(self._at_once, losses.size - done)
                pairs = slice(done * batch_size, (done + at_once) * batch_size)
                start = time.perf_counter()
                self._call(tables, update, inputs[pairs], labels[pairs], batch_size, losses[done : done + at_once])
                done += at_once
                self._at_once = _next_size(self._at_once, (time.perf_counter() - start) / at_once)
        return losses

    def step_inputs(self, tables: tuple[Table, Table], inputs: NDArray[Any], labels: Ids) -> tuple[float, NDArray[Any]]:
        """Take one step on inputs [batch_size, dim]; return the mean loss and its gradient with respect to them."""
        if not inputs.flags.writeable:
            inputs = inputs.copy()  # one type of array, one compilation
        losses, input_grad = np.zeros(1), np.zeros(inputs.shape, inputs.dtype)
        with self._lock:
            weights, biases = tables
            update, ids = UpdateArguments(weights.rule, False), np.arange(labels.shape[0])
            given = (inputs, input_grad)
            self._call((weights, weights, biases), update, ids, labels, max(ids.size, 1), losses, given)
        return float(losses[0]), input_grad

    def _call(
        self,
        tables: Tables,
        update: UpdateArguments,
        inputs: Ids,
        labels: Ids,
        batch_size: int,
        losses: NDArray[np.float64],
        given: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> None:
        """Take losses.size steps; with `given` inputs and memory for their gradient, `inputs` are ids of these."""
        batch = (batch_size, labels.shape[1], self.num_sampled)
        pairs = (_writeable(inputs), _writeable(labels.reshape(-1)), batch_size)
        status = np.zeros(2, np.int64)
        with self.sampler.lock:
            source = SampleSource(self.sampler.fused_distribution(), *self.sampler.stream_position)
            plan = self._plan_for(tables, batch, losses.size, update, source)
            if given is not None:
                plan = plan._replace(memory=_with_inputs(plan.memory, *given))
            arguments = (plan.memory, update, *pairs, source, plan.settings, losses, status)
            if given is None and plan.code is None:
                code = for_types_of(run_steps, (0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments))
                self._plan = plan = plan._replace(code=code)
            thread_pool.run(plan.code or run_steps, plan.threads, *arguments)
            outcome, taken = int(status[OUTCOME]), int(status[STEPS_TAKEN])
            self.sampler.advance(taken + (outcome == NOT_FINITE), self.num_sampled)
        if outcome == TOO_FEW_CLASSES:
            self.sampler.sample(labels[:batch_size], self.num_sampled)  # raises, with the reason
        if outcome == NOT_FINITE:
            raise FloatingPointError(not_finite(float(losses[taken]), tables[1].optimizer.learning_rate))

    def _plan_for(
        self, tables: Tables, batch: tuple[int, int, int], steps: int, update: UpdateArguments, source: SampleSource
    ) -> FusedCallPlan:
        """Return the plan of the last call, or a new one where tables or sizes have changed."""
        threads = threads_for(batch[0] * self.num_sampled * self.dim, steps)
        inputs, weights, biases = tables
        sizes, values = (batch, threads), (inputs.values, weights.values, biases.values)
        identity = (update.learn_inputs, type(update.rule), source.distribution, self._current_loss(), *values)
        plan = self._plan
        same = plan is not None and all(map(operator.is_, identity, plan.identity))
        if plan is not None and same and plan.sizes == sizes:
            return plan
        if update.learn_inputs and np.may_share_memory(inputs.values, weights.values):
            threads = 1  # a row of two tables that are one would have two owners
        if not self._workspace.fits(*batch, self.dim, self.dtype):
            self._workspace = Workspace(*batch, self.dim, self.dtype)
        settings = settings_for(self._loss, True, self.correction, batch[1:], self.dtype, threads)
        if plan is not None and same:
            trained, code = plan.memory.tables, plan.code
        else:
            trained, code = trained_tables(*tables), None
        memory = StepMemory(trained, self._workspace.scratch, self._workspace.buffers(threads))
        self._plan = FusedCallPlan(sizes, identity, threads, memory, settings, code)
        return self._plan


def not_finite(loss: float, learning_rate: float) -> str:
    """Return the message for a loss that is NaN or infinite."""
    return f"the loss of the batch is {loss} at learning_rate = {learning_rate:g}: no table was changed"


def _with_inputs(memory: StepMemory, inputs: NDArray[Any], input_grad: NDArray[Any]) -> StepMemory:
    """Return the memory with given inputs instead of an embedding table, and memory for their gradient."""
    tables, scratch = memory.tables.replace(inputs=inputs), memory.scratch.replace(input_grad=input_grad)
    return memory.replace(tables=tables, scratch=scratch)


def _writeable(ids: Ids) -> Ids:
    """Return ids in a writeable array, copied if needed: one type of array, one compilation."""
    return ids if ids.flags.carray else np.array(ids, order="C")


def _next_size(steps: int, seconds: float) -> int:
    """Return the number of steps of the next call, after one of at most `steps` that took `seconds` each."""
    return max(1, min(4 * steps, int(_CALL_SECONDS / max(seconds, 1e-9))))
