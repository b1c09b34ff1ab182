"""Training steps in two calls, losses first and the update later, for callers that get the scale of it in between."""

import operator
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.kernel import for_types_of
from sampledsoftmax.kernels.step.train import StepMemory, run_forward, run_update
from sampledsoftmax.kernels.structs import Operands, Scratch, StepSettings, ThreadBuffers
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE
from sampledsoftmax.layers.table import Table, trained_tables
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, aligned, settings_for
from sampledsoftmax.types import Correction, SampledValues

Ids = NDArray[np.int64]
Tables = tuple[Table, Table]  # of the weights and of the biases
Code = Callable[..., None]

_NO_SCALE: dict[np.dtype[Any], NDArray[Any]] = {np.dtype(name): np.zeros(0, name) for name in ("float32", "float64")}


class _BatchMemory:
    """Arrays for batches of up to `sizes` examples, labels per example and, exactly, candidates."""

    def __init__(self, sizes: tuple[int, int, int], dim: int, dtype: np.dtype[Any]) -> None:
        num_examples, num_true, num_sampled = sizes
        self._workspace = Workspace(*sizes, dim, dtype)
        self.scratch: Scratch = self._workspace.scratch
        if dtype != np.float32:  # counts that are given have the precision of the logits
            counts = aligned((num_examples * num_true,), dtype), aligned((num_sampled,), dtype)
            self.scratch = self.scratch.replace(true_counts=counts[0], sampled_counts=counts[1])
        self.inputs = aligned((num_examples, dim), dtype)
        self.places, self.labels = np.arange(num_examples), np.zeros(num_examples * num_true, np.int64)

    def fits(self, num_examples: int, num_true: int, num_sampled: int) -> bool:
        """Return whether a batch of these sizes fits."""
        in_rows = self._workspace.fits(num_examples, num_true, num_sampled, self.inputs.shape[1], self.inputs.dtype)
        return in_rows and num_sampled == self.scratch.candidates.size

    def buffers(self, threads: int) -> ThreadBuffers:
        """Return the buffers of `threads` threads."""
        return self._workspace.buffers(threads)

    def write(self, inputs: NDArray[Any], labels: Ids, values: SampledValues, log_q: bool) -> None:
        """Copy a batch: its arrays may change before the update."""
        self.inputs[: inputs.shape[0]] = inputs
        self.labels[: labels.size] = labels.reshape(-1)
        self.scratch.candidates[:] = values.sampled_candidates
        if log_q:
            self.scratch.true_counts[: labels.size] = values.true_expected_count.reshape(-1)
            self.scratch.sampled_counts[:] = values.sampled_expected_count


class _Plan(NamedTuple):
    """The arguments that both calls of a step share.

    Attributes
    ----------
    sizes : tuple
        Examples, labels per example, candidates and threads.
    identity : tuple
        The arrays of the tables, the class of the rule, the parameters of the loss, and the memory: they decide the
        types of the arguments, and a plan holds while they are the same objects.
    step : StepMemory
    operands : Operands
    settings : StepSettings
    """

    sizes: tuple[int, int, int, int]
    identity: tuple[Any, ...]
    step: StepMemory
    operands: Operands
    settings: StepSettings


class Forward:
    """Losses and gradients of one batch, which are in the memory of `SplitSteps` until `update` or `release`.

    Attributes
    ----------
    losses : float [batch_size]
        A copy.
    holds_memory : bool
        Whether the gradients are still there.
    """

    def __init__(self, steps: "SplitSteps", memory: _BatchMemory, batch_size: int, num_labels: int) -> None:
        self._steps, self._memory, self._num_labels = steps, memory, num_labels
        self._plan: _Plan | None = None
        self.holds_memory = True
        self.losses = np.zeros(batch_size, steps.dtype)

    def compute(self, plan: _Plan) -> None:
        """Make the first call, of a plan for these sizes."""
        self._plan = plan
        self._steps.run(run_forward, plan, plan.operands, plan.settings, plan.step.scratch, plan.step.buffers)
        self.losses[:] = plan.step.scratch.losses[: self.losses.size]

    def inputs_gradient(self, scale: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the gradient with respect to the inputs [batch_size, dim], times scale[b]: new memory."""
        found: NDArray[Any] = self._memory.scratch.input_grad[: self.losses.size]
        scaled: NDArray[Any] = found.copy() if scale is None else found * scale[:, np.newaxis]
        return scaled

    def classes(self) -> Ids:
        """Return the labels and the candidates, a copy: the rows that the update changes."""
        return np.concatenate((self._memory.labels[: self._num_labels], self._memory.scratch.candidates))

    def update(self, tables: Tables, scale: NDArray[Any] | None = None) -> None:
        """Take one optimizer step with the gradients of the batch, that of example b times scale[b]; once only.

        The tables may have been updated since: the gradients are those of the tables as they were.
        """
        if not self.holds_memory or self._plan is None:
            raise RuntimeError("a step can be taken once, while its memory is held")
        rule, used = tables[0].rule, self._plan
        plan = self._steps.plan_for(tables, rule, used.sizes, self._memory, used.settings)
        above = _NO_SCALE[self.losses.dtype] if scale is None else np.array(scale, self.losses.dtype)
        self._steps.run(run_update, plan, plan.step, rule, plan.operands, plan.settings, above)
        self.release()

    def release(self) -> None:
        """Let another batch use the memory."""
        self.holds_memory = False


class SplitSteps:
    """Runs steps of one output layer in two calls; memory is allocated for the largest batch seen.

    There is memory for one batch at a time: between its two calls no other one can begin.
    """

    def __init__(self, dim: int, dtype: np.dtype[Any], objective: Objective, correction: Correction) -> None:
        self.dim, self.dtype, self.objective, self.correction = dim, dtype, objective, correction
        self._memory: _BatchMemory | None = None
        self._plan: _Plan | None = None
        self._codes: dict[Any, Code] = {}
        self._holder: Callable[[], Forward | None] | None = None
        self._lock = ForkLock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the settings only: memory, plans and locks belong to one instance."""
        return type(self), (self.dim, self.dtype, self.objective, self.correction)

    def forward(
        self,
        tables: Tables,
        inputs: NDArray[Any],
        labels: Ids,
        values: SampledValues,
        loss_grad: NDArray[Any] | float,
        are_distinct: bool = False,
    ) -> Forward | None:
        """Compute the losses of inputs [batch_size, dim], and the gradients of sum(loss_grad * loss).

        None where the step must be composed of the public functions: another batch holds the memory, optimizer or
        objective have no compiled form, the batch is empty, or the candidates are not distinct or not counted. Pass
        `are_distinct` for candidates that need no check.
        """
        sizes = (*labels.shape, values.sampled_candidates.size)
        if min(sizes) == 0 or not tables[0].has_rule or self.objective.compiled_loss() is None:
            return None
        if not ((are_distinct or _are_distinct(values.sampled_candidates)) and self._are_counted(values)):
            return None
        with self._lock:
            holder = self._holder and self._holder()
            if holder is not None and holder.holds_memory:
                return None
            if self._memory is None or not self._memory.fits(*sizes):
                self._memory = self._plan = None  # lets go of the old arrays first
                self._memory = _BatchMemory(sizes, self.dim, self.dtype)
            memory = self._memory
            forward = Forward(self, memory, labels.shape[0], labels.size)
            self._holder = weakref.ref(forward)
        memory.write(inputs, labels, values, self.correction.subtract_log_q)
        memory.scratch.loss_grad[: labels.shape[0]] = loss_grad
        if tables[0].lags:
            ids = np.concatenate((labels.reshape(-1), values.sampled_candidates))
            for table in tables:
                table.catch_up(ids)
        threads = threads_for(sizes[0] * sizes[2] * self.dim)
        forward.compute(self.plan_for(tables, tables[0].rule, (*sizes, threads), memory))
        return forward

    def plan_for(
        self,
        tables: Tables,
        rule: Any,
        sizes: tuple[int, int, int, int],
        memory: _BatchMemory,
        settings: StepSettings | None = None,
    ) -> _Plan:
        """Return the plan of the last call, or a new one after a change; the settings of a forward call stay."""
        loss = self.objective.compiled_loss() if settings is None else settings.objective
        identity = (tables[0].values, tables[1].values, type(rule), loss, memory)
        plan = self._plan
        if plan is not None and plan.sizes == sizes and all(map(operator.is_, identity, plan.identity)):
            return plan
        batch_size, num_true, num_sampled, threads = sizes
        trained = trained_tables(tables[0], *tables).replace(inputs=memory.inputs)
        of_classes, labels = (trained.weights, trained.bias_entries), memory.labels[: batch_size * num_true]
        operands = Operands(
            memory.inputs, memory.places[:batch_size], *of_classes, labels, *of_classes, memory.scratch.candidates
        )
        step = StepMemory(trained, memory.scratch, memory.buffers(threads))
        if settings is None:
            settings = settings_for(loss, True, self.correction, (num_true, num_sampled), self.dtype, threads)
        self._plan = plan = _Plan(sizes, identity, step, operands, settings)
        return plan

    def run(self, kernel: Code, plan: _Plan, *arguments: Any) -> None:
        """Run a kernel on the threads of a plan; its machine code is looked up once for arguments of these types."""
        types = getattr(plan.step, "numba_type", None)  # of all arrays
        key = (kernel, types, plan.identity[2], type(plan.settings.objective))
        code = self._codes.get(key)
        if code is None:
            code = for_types_of(kernel, (0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments))
            self._codes[key] = code
        thread_pool.run(code, plan.sizes[3], *arguments)

    def _are_counted(self, values: SampledValues) -> bool:
        """Return whether all logarithms of expected counts that are needed exist."""
        _, of_labels, of_candidates = values
        return not self.correction.subtract_log_q or bool(of_labels.min() > 0 and of_candidates.min() > 0)


def _are_distinct(ids: Ids) -> bool:
    return np.unique(ids).size == ids.size
