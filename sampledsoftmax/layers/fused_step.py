"""Fused training steps: the arguments of the compiled step, its memory, and its errors."""

import operator
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
from sampledsoftmax.losses.counted import Counted
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, aligned, settings_for
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
    every : int64 [batch_size]
        0, 1, 2, ...: the places of inputs that are given.
    code : callable or None
        Machine code for arguments of these types, after the first call.
    """

    sizes: tuple[tuple[int, int, int], int]
    identity: tuple[Any, ...]
    threads: int
    memory: StepMemory
    settings: StepSettings
    every: Ids
    code: Callable[..., None] | None


class Pairs(NamedTuple):
    """Consecutive batches of examples: batch i is starts[i] .. starts[i + 1].

    Attributes
    ----------
    inputs : int64 [num_pairs]
        Ids of rows of the table of inputs.
    labels : int64 [num_pairs, num_true]
    weights : float64 [num_pairs] or [0]
        Above 0; none for equal ones.
    starts : int64 [num_batches + 1]
    largest : int
        Examples of the largest batch, at least 1.
    """

    inputs: Ids
    labels: Ids
    weights: NDArray[np.float64]
    starts: Ids
    largest: int

    def batches(self, first: int, end: int) -> "Pairs":
        """Return the batches first .. end."""
        if end - first == self.starts.size - 1:
            return self
        top, last = int(self.starts[first]), int(self.starts[end])
        pairs = self.inputs[top:last], self.labels[top:last], self.weights[top:last], self.starts[first : end + 1] - top
        return Pairs(*pairs, self.largest)


NO_WEIGHTS = np.zeros(0)


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
        self._lock = ForkLock()
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

    def check_labels(self, labels: Ids, counted: Counted | None) -> None:
        """Refuse labels [batch_size, num_true] that the sampler never draws, where log(expected count) is needed."""
        if self.correction.subtract_log_q and self.sampler.num_drawable < self.sampler.range_max:
            never = np.asarray(self.sampler.probability(labels)) == 0
            refuse_labels(labels, never if counted is None else never & counted.labels)

    def step_pairs(self, tables: Tables, pairs: Pairs) -> NDArray[np.float64]:
        """Take a step on each batch; return the mean loss of each.

        `tables` are embeddings, weights and biases.
        """
        losses, largest = np.zeros(pairs.starts.size - 1), pairs.largest
        done = 0
        with self._lock:
            update = UpdateArguments(tables[1].rule, True)
            if largest != self._paced_for:
                self._paced_for, self._at_once = largest, 1
            while done < losses.size:
                end = done + min(self._at_once, losses.size - done)
                start = time.perf_counter()
                part, sizes = pairs.batches(done, end), (largest, pairs.labels.shape[1], self.num_sampled)
                with self.sampler.lock:
                    plan, source = self._plan_for(tables, sizes, end - done, update)
                    self._call(plan, tables, update, source, part, losses[done:end])
                self._at_once = _next_size(self._at_once, (time.perf_counter() - start) / (end - done))
                done = end
        return losses

    def step_inputs(
        self, tables: tuple[Table, Table], inputs: NDArray[Any], labels: Ids, weights: NDArray[np.float64]
    ) -> tuple[float, NDArray[Any]]:
        """Take one step on inputs [batch_size, dim]; return the mean loss and its gradient with respect to them."""
        size, loss = inputs.shape[0], np.zeros(1)
        if size == 0:
            with self.sampler.lock:
                self.sampler.advance(1, self.num_sampled)
            return 0.0, np.zeros(inputs.shape, inputs.dtype)
        with self._lock, self.sampler.lock:
            update = UpdateArguments(tables[0].rule, False)
            sizes = (size, labels.shape[1], self.num_sampled)
            plan, source = self._plan_for((tables[0], *tables), sizes, 1, update)
            memory = plan.memory
            memory.tables.inputs[:size] = inputs
            pairs = Pairs(plan.every[:size], labels, weights, np.array((0, size)), size)
            self._call(plan, (tables[0], *tables), update, source, pairs, loss)
            return float(loss[0]), memory.scratch.input_grad[:size].copy()

    def _call(
        self,
        plan: FusedCallPlan,
        tables: Tables,
        update: UpdateArguments,
        source: SampleSource,
        pairs: Pairs,
        losses: NDArray[np.float64],
    ) -> None:
        """Take losses.size steps; the caller holds the lock of the sampler."""
        status = np.zeros(2, np.int64)
        flat = tuple(map(_writeable, (pairs.inputs, pairs.labels.reshape(-1), pairs.weights, pairs.starts)))
        arguments = (plan.memory, update, *flat, source, plan.settings, losses, status)
        if plan.code is None:
            code = for_types_of(run_steps, (0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments))
            self._plan = plan = plan._replace(code=code)
        thread_pool.run(plan.code or run_steps, plan.threads, *arguments)
        outcome, taken = int(status[OUTCOME]), int(status[STEPS_TAKEN])
        self.sampler.advance(taken + (outcome == NOT_FINITE), self.num_sampled)
        if outcome == TOO_FEW_CLASSES:
            self.sampler.sample(pairs.labels[:1], self.num_sampled)  # raises, with the reason
        if outcome == NOT_FINITE:
            batch = slice(int(pairs.starts[taken]), int(pairs.starts[taken + 1]))
            if self.correction.subtract_log_q:  # the chance of a class that can be drawn may round to 0
                refuse_labels(pairs.labels[batch], self.sampler.probability(pairs.labels[batch]) == 0)
            inputs = tables[0].values if plan.identity[0] else plan.memory.tables.inputs
            loss, rate = float(losses[taken]), tables[1].optimizer.learning_rate
            raise FloatingPointError(not_finite(loss, rate, inputs[pairs.inputs[batch]]))

    def _plan_for(
        self, tables: Tables, batch: tuple[int, int, int], steps: int, update: UpdateArguments
    ) -> tuple[FusedCallPlan, SampleSource]:
        """Return where the candidates come from, and the plan of the last call, or a new one after a change."""
        source = SampleSource(self.sampler.fused_distribution(), *self.sampler.stream_position)
        threads = threads_for(batch[0] * self.num_sampled * self.dim, steps)
        inputs, weights, biases = tables
        sizes, values = (batch, threads), (inputs.values, weights.values, biases.values)
        identity = (update.learn_inputs, type(update.rule), source.distribution, self._current_loss(), *values)
        plan = self._plan
        same = plan is not None and all(map(operator.is_, identity, plan.identity))
        if plan is not None and same and plan.sizes == sizes:
            return plan, source
        if update.learn_inputs and np.may_share_memory(inputs.values, weights.values):
            threads = 1  # a row of two tables that are one would have two owners
        fits = self._workspace.fits(*batch, self.dim, self.dtype)
        if not fits:
            self._workspace = Workspace(*batch, self.dim, self.dtype)
        settings = settings_for(self._loss, True, self.correction, batch[1:], self.dtype, threads)
        if plan is not None and same and (fits or update.learn_inputs):
            trained, code, every = plan.memory.tables, plan.code, plan.every
        else:
            trained, code, every = trained_tables(*tables), None, np.arange(0)
            if not update.learn_inputs:
                rows = self._workspace.batch_size
                trained, every = trained.replace(inputs=aligned((rows, self.dim), self.dtype)), np.arange(rows)
        memory = StepMemory(trained, self._workspace.scratch, self._workspace.buffers(threads))
        self._plan = FusedCallPlan(sizes, identity, threads, memory, settings, every, code)
        return self._plan, source


def refuse_labels(labels: Ids, never_drawn: NDArray[np.bool_]) -> None:
    """Raise ValueError for the first label that is never drawn, if there is one."""
    if never_drawn.any():
        place = tuple(int(i) for i in np.unravel_index(int(never_drawn.argmax()), labels.shape))
        raise ValueError(
            f"labels[{', '.join(map(str, place))}] = {labels[place]} has an expected count of 0, and its logarithm is"
            " taken: the sampler never draws this class"
        )


def not_finite(loss: float, learning_rate: float, inputs: NDArray[Any]) -> str:
    """Return the message for a loss that is NaN or infinite, for a batch with these inputs [batch_size, dim]."""
    bad = inputs[~np.isfinite(inputs)]
    where = f" (its inputs hold {bad[0]})" if bad.size > 0 else ""
    return f"the loss of the batch is {loss} at learning_rate = {learning_rate:g}: no table was changed{where}"


def _writeable(array: NDArray[Any]) -> NDArray[Any]:
    """Return a writeable array, copied if needed: one type of array, one compilation."""
    return array if array.flags.carray else np.array(array, order="C")


def _next_size(steps: int, seconds: float) -> int:
    """Return the number of steps of the next call, after one of at most `steps` that took `seconds` each."""
    return max(1, min(4 * steps, int(_CALL_SECONDS / max(seconds, 1e-9))))
