"""Training steps in compiled code: what they need from a layer, their memory, and how they end."""

import operator
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.kernel import for_types_of
from sampledsoftmax.kernels.step.train import (
    NOT_FINITE,
    TOO_FEW_CLASSES,
    SampleSource,
    StepMemory,
    UpdateArguments,
    train,
)
from sampledsoftmax.kernels.structs import ForSampledSoftmax, Settings
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE
from sampledsoftmax.layers.table import Table, trained_tables
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, settings_for
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import Correction

Ids = NDArray[np.int64]
Arrays = tuple[NDArray[Any], ...]

# Compiled code cannot be interrupted: many steps are cut into calls of about so many seconds.
_CALL_SECONDS = 0.1


class FusedCallPlan(NamedTuple):
    """How calls are made that have the same tables, sizes and threads.

    Attributes
    ----------
    sizes : tuple
        Of a batch, and how many threads pay.
    held : tuple
        Whether the inputs are rows of a table; the class of the rule; the distribution; inputs, weights and biases,
        each with its slot, as matrices. They decide the types of the arguments.
    threads : int
    memory : StepMemory
    settings : Settings
    code : callable or None
        Machine code for arguments of these types, once there was a call.
    """

    sizes: tuple[tuple[int, int, int], int]
    held: tuple[Any, ...]
    threads: int
    memory: StepMemory
    settings: Settings
    code: Callable[..., None] | None


class FusedSteps:
    """Takes steps for one output layer; the memory is made for the largest batch seen."""

    def __init__(
        self, num_sampled: int, dim: int, dtype: np.dtype[Any], sampler: CandidateSampler, correction: Correction
    ) -> None:
        self.num_sampled, self.dim, self.dtype = num_sampled, dim, dtype
        self.sampler, self.correction = sampler, correction
        self._workspace = Workspace(1, 1, num_sampled, dim, dtype)
        self._lock = threading.Lock()
        self._plan: FusedCallPlan | None = None
        self._paced_for, self._at_once = 0, 1  # steps of the next call, for batches of this size

    def supports(self, weights: Table) -> bool:
        """Return whether sampler and optimizer are ones that compiled code knows."""
        return weights.has_rule and self.sampler._distribution() is not None

    def step_pairs(
        self, tables: tuple[Table, Table, Table], inputs: Ids, labels: Ids, batch_size: int
    ) -> NDArray[np.float64]:
        """Take a step on each batch of `inputs` [num_pairs] and `labels` [num_pairs, num_true].

        `tables` are embeddings, weights and biases. Returns the mean loss of each batch.
        """
        losses = np.zeros(max(1, ceil_div(inputs.size, batch_size)))
        done = 0
        with self._lock:
            embeddings, weights, biases = tables
            arrays = (*embeddings.matrices, *weights.matrices, *biases.matrices)
            learning = UpdateArguments(weights.rule, True)
            if batch_size != self._paced_for:
                self._paced_for, self._at_once = batch_size, 1
            while done < losses.size:
                at_once = min(self._at_once, losses.size - done)
                pairs = slice(done * batch_size, (done + at_once) * batch_size)
                start = time.perf_counter()
                self._call(arrays, learning, inputs[pairs], labels[pairs], batch_size, losses[done : done + at_once])
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
            arrays = (*weights.matrices, *weights.matrices, *biases.matrices)
            learning, ids = UpdateArguments(weights.rule, False), np.arange(labels.shape[0])
            self._call(arrays, learning, ids, labels, max(ids.size, 1), losses, (inputs, input_grad))
        return float(losses[0]), input_grad

    def _call(
        self,
        arrays: Arrays,
        learning: UpdateArguments,
        inputs: Ids,
        labels: Ids,
        batch_size: int,
        losses: NDArray[np.float64],
        given: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> None:
        """Take losses.size steps; with `given` inputs and the memory of their gradient, `inputs` are ids of these."""
        batch = (batch_size, labels.shape[1], self.num_sampled)
        pairs = (_writeable(inputs), _writeable(labels.reshape(-1)), batch_size)
        status = np.zeros(2, np.int64)
        with self.sampler._lock:
            draw = SampleSource(self.sampler._distribution(), *self.sampler._stream.position)
            plan = self._planned(arrays, batch, losses.size, learning, draw)
            if given is not None:
                plan = plan._replace(memory=_with_inputs(plan.memory, *given))
            arguments = (plan.memory, learning, *pairs, draw, plan.settings, losses, status)
            if given is None and plan.code is None:
                code = for_types_of(train, (0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments))
                self._plan = plan = plan._replace(code=code)
            thread_pool.run(plan.code or train, plan.threads, *arguments)
            outcome, taken = status.tolist()
            self.sampler._stream.skip(taken + (outcome == NOT_FINITE), self.num_sampled)
        if outcome == TOO_FEW_CLASSES:
            self.sampler.sample(labels[:batch_size], self.num_sampled)  # raises, with the reason
        if outcome == NOT_FINITE:
            raise FloatingPointError(not_finite(float(losses[taken]), float(learning.rule.learning_rate)))

    def _planned(
        self, arrays: Arrays, batch: tuple[int, int, int], steps: int, learning: UpdateArguments, draw: SampleSource
    ) -> FusedCallPlan:
        """Return how a call is made: the plan of the last one, where it is one of the same tables and sizes."""
        threads = threads_for(batch[0] * self.num_sampled * self.dim, steps)
        sizes, held = (batch, threads), (learning.learn_inputs, type(learning.rule), draw.distribution, *arrays)
        plan = self._plan
        same = plan is not None and all(map(operator.is_, held, plan.held))
        if plan is not None and same and plan.sizes == sizes:
            return plan
        if learning.learn_inputs and np.may_share_memory(arrays[0], arrays[2]):
            threads = 1  # of two tables that are one, a row would have two owners
        if not self._workspace.fits(*batch, self.dim, self.dtype):
            self._workspace = Workspace(*batch, self.dim, self.dtype)
        settings = settings_for(ForSampledSoftmax, True, self.correction, batch[1:], self.dtype, threads)
        if plan is not None and same:
            trained, code = plan.memory.trained, plan.code
        else:
            trained, code = trained_tables(*arrays), None
        memory = StepMemory(trained, self._workspace.scratch, self._workspace.buffers(threads))
        self._plan = FusedCallPlan(sizes, held, threads, memory, settings, code)
        return self._plan


def not_finite(loss: float, learning_rate: float) -> str:
    """Return the message for a loss that is NaN or infinite."""
    return f"the loss of the batch is {loss} at learning_rate = {learning_rate:g}: no table was changed"


def _with_inputs(memory: StepMemory, inputs: NDArray[Any], input_grad: NDArray[Any]) -> StepMemory:
    """Return the memory with inputs in place of an embedding table, and a place for their gradient."""
    trained = memory.trained.replace(inputs=inputs, inputs_slot=inputs[:0])
    return memory.replace(trained=trained, scratch=memory.scratch.replace(input_grad=input_grad))


def _writeable(ids: Ids) -> Ids:
    """Return ids that may be written, copied where they may not: one type of array, one compilation."""
    return ids if ids.flags.carray else np.array(ids, order="C")


def _next_size(steps: int, seconds: float) -> int:
    """Return how many steps the next call takes, after one of at most `steps` that took `seconds` each."""
    return max(1, min(4 * steps, int(_CALL_SECONDS / max(seconds, 1e-9))))
