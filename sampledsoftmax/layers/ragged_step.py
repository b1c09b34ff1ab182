"""Training steps over examples with ragged labels: the arguments of the compiled step, its memory, and its errors."""

import operator
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.kernel import for_types_of
from sampledsoftmax.kernels.ragged.structs import RaggedRules, RaggedSettings, RaggedTurns
from sampledsoftmax.kernels.ragged.train import run_ragged_steps
from sampledsoftmax.kernels.step.sampling_phase import SampleSource
from sampledsoftmax.kernels.step.train import NOT_FINITE, OUTCOME, STEPS_TAKEN, TOO_FEW_CLASSES
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE
from sampledsoftmax.layers.fused_step import not_finite
from sampledsoftmax.layers.ragged_memory import ragged_memory
from sampledsoftmax.layers.ragged_plain import plain_step
from sampledsoftmax.layers.table import Table, trained_tables
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import aligned, class_panels, panel_width
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import RaggedLabels, checked_ragged, checked_splits

Ids = NDArray[np.int64]

# Compiled code cannot be interrupted: many steps are split into calls of about this many seconds.
_CALL_SECONDS = 0.1
# With 64 columns and two slots, the rows of 64 labels take 48 KB: they stay in L2 from one pass over them to the next.
_LABELS_AT_ONCE = 64


class RaggedTables(NamedTuple):
    """The tables that a step trains, each with an optimizer of its own.

    Attributes
    ----------
    inputs, weights : Table
        [num_inputs, dim] and [num_classes, dim].
    biases : Table or None
        [num_classes].
    """

    inputs: Table
    weights: Table
    biases: Table | None = None


class _Plan(NamedTuple):
    """What calls with the same tables and sizes share: `identity` holds the objects that it was made for."""

    identity: tuple[Any, ...]
    sizes: tuple[int, int, int]  # examples and labels of the largest batch; threads
    memory: RaggedTurns
    settings: RaggedSettings
    code: Callable[..., None] | None


class _Batches(NamedTuple):
    """Consecutive batches of examples, all of which have labels."""

    ids: Ids
    labels: Ids
    label_starts: Ids
    starts: Ids
    rates: NDArray[np.float64]

    def part(self, first: int, end: int) -> "_Batches":
        """Return the batches first .. end; ids and labels are those of all."""
        return self._replace(starts=self.starts[first : end + 1], rates=self.rates[first:end])

    def largest(self) -> tuple[int, int]:
        """Return the numbers of examples and labels of the largest batch, at least 1."""
        if self.starts.size == 1:
            return 1, 1
        of_labels = np.diff(self.label_starts[self.starts])
        return max(1, int(np.diff(self.starts).max())), max(1, int(of_labels.max()))


class RaggedSteps:
    """Runs training steps over examples with ragged labels: every pair of an example and a label has a loss.

    Loss of a pair: -log(e_p w_p / (e_p w_p + sum of e_c w_c over the candidates c that are no label of the example)),
    with e = exp(logit), w = 1 / expected count, logit = (dot product, or cosine with `normalize`) / temperature + bias.
    The loss of a batch is the mean over its pairs.

    Parameters
    ----------
    num_sampled : int
        Candidates, shared by a batch.
    dim : int
    dtype : numpy.dtype
        float32 or float64.
    sampler : CandidateSampler
    temperature : float
        Above 0.
    normalize : bool
        Whether logits are cosines.
    subtract_log_q : bool
        False sets all w to 1.
    unique : bool
        Whether candidates are drawn without replacement.
    """

    def __init__(
        self,
        num_sampled: int,
        dim: int,
        dtype: Any,
        sampler: CandidateSampler,
        *,
        temperature: float = 1.0,
        normalize: bool = False,
        subtract_log_q: bool = True,
        unique: bool = True,
    ) -> None:
        self.num_sampled, self.dim, self.dtype, self.sampler = num_sampled, dim, np.dtype(dtype), sampler
        self.temperature = validation.number("temperature", temperature, above=0.0)
        self.normalize, self.subtract_log_q, self.unique = normalize, subtract_log_q, unique
        self._lock = ForkLock()
        self._plan: _Plan | None = None
        self._no_biases: Table | None = None
        self._paced_for, self._at_once = (0, 0), 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the settings only: memory and locks belong to one instance."""
        settings = (self.num_sampled, self.dim, self.dtype, self.sampler)
        options = (self.temperature, self.normalize, self.subtract_log_q, self.unique)
        return _remade, (settings, options)

    def supports(self, tables: RaggedTables) -> bool:
        """Return whether the sampler and all optimizers have compiled forms."""
        has_rules = all(table.has_rule for table in tables if table is not None)
        return has_rules and self.sampler.fused_distribution() is not None

    def steps(
        self,
        tables: RaggedTables,
        ids: ArrayLike,
        labels: RaggedLabels,
        batch_starts: ArrayLike,
        learning_rates: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """Take a step on each of consecutive batches of examples.

        Parameters
        ----------
        tables : RaggedTables
            Trained in place.
        ids : int [num_examples]
            Rows of the table of inputs.
        labels : RaggedLabels
            Of each example. An example without any contributes nothing, and a row that only such examples name keeps
            its bits.
        batch_starts : int [num_batches + 1]
            Batch i is the examples batch_starts[i] .. batch_starts[i + 1].
        learning_rates : float [num_batches, 2], optional
            Of the inputs, and of weights and biases, in each batch; default: those of the optimizers.

        Returns
        -------
        float64 [num_batches]
            Mean loss over the pairs of each batch before its update; 0.0 for a batch without labels, which changes no
            table, but takes its place in the random stream.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type or out of its range; no table is changed.
        FloatingPointError
            If a loss is NaN or infinite; that step changes no table.
        """
        batches = self._checked(tables, ids, labels, batch_starts, learning_rates)
        losses = np.zeros(batches.starts.size - 1)
        if not self.supports(tables):
            with self._lock:
                self._plain_steps(tables, batches, losses)
            return losses
        with self._lock:
            largest = batches.largest()
            if largest != self._paced_for:
                self._paced_for, self._at_once = largest, 1
            done = 0
            while done < losses.size:
                end = done + min(self._at_once, losses.size - done)
                start = time.perf_counter()
                with self.sampler.lock:
                    plan, source = self._plan_for(tables, largest, end - done)
                    self._call(plan, tables, source, batches.part(done, end), losses[done:end])
                self._at_once = _next_size(self._at_once, (time.perf_counter() - start) / (end - done))
                done = end
        return losses

    def step_inputs(
        self, tables: tuple[Table, Table | None], inputs: ArrayLike, labels: RaggedLabels
    ) -> tuple[float, NDArray[Any]]:
        """Take one step on inputs [batch_size, dim], which are given instead of a table.

        Parameters
        ----------
        tables : (Table, Table or None)
            Weights and biases.
        inputs : float [batch_size, dim]
            In the dtype of the tables.
        labels : RaggedLabels
            Of each example.

        Returns
        -------
        (float, float [batch_size, dim])
            The mean loss over the pairs, and its gradient with respect to the inputs.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As for `steps`.
        """
        weights, biases = tables
        features = validation.floats("inputs", inputs, ("batch_size", self.dim), self.dtype)
        given = RaggedTables(Table.of("inputs", features, {}, weights.optimizer), weights, biases)
        starts = np.array((0, features.shape[0]))
        batches = self._checked(given, np.arange(features.shape[0]), labels, starts, None)
        gradient, loss = np.zeros(features.shape, self.dtype), np.zeros(1)
        if not self.supports(RaggedTables(weights, weights, biases)):
            self._plain_steps(given, batches, loss, gradient)
            return float(loss[0]), gradient
        with self._lock, self.sampler.lock:
            plan, source = self._plan_for(RaggedTables(weights, weights, biases), batches.largest(), 1, False)
            plan.memory.first.tables.inputs[: batches.ids.size] = features[batches.ids]
            places = batches._replace(ids=np.arange(batches.ids.size))
            self._call(plan, given, source, places, loss)
            gradient[batches.ids] = plan.memory.first.scratch.input_grad[: batches.ids.size]
            return float(loss[0]), gradient

    def _checked(
        self, tables: RaggedTables, ids: ArrayLike, labels: Any, batch_starts: ArrayLike, learning_rates: Any
    ) -> _Batches:
        """Return checked arguments, without the examples that have no labels."""
        rows = validation.ids("ids", ids, ("num_examples",), tables.inputs.values.shape[0])
        values, splits = checked_ragged("labels", labels, rows.size, tables.weights.values.shape[0])
        starts = validation.as_ids("batch_starts", batch_starts)
        if starts.ndim != 1 or starts.size == 0:
            raise ValueError(f"batch_starts must have shape [num_batches + 1], got {list(starts.shape)}")
        starts = checked_splits("batch_starts", starts, rows.size, "examples")
        rates = self._rates(tables, learning_rates, starts.size - 1)
        if self.subtract_log_q and self.sampler.num_drawable < self.sampler.range_max:
            _refuse_labels(values, np.asarray(self.sampler.probability(values)) == 0)
        counted = np.diff(splits) > 0
        if not counted.all():
            before = np.concatenate(([0], np.cumsum(counted)))
            rows, splits, starts = rows[counted], np.append(splits[:-1][counted], splits[-1]), before[starts]
        return _Batches(*map(_writeable, (rows, values, splits, starts, rates)))

    def _rates(self, tables: RaggedTables, learning_rates: Any, num_batches: int) -> NDArray[np.float64]:
        """Return the learning rates of inputs, weights and biases in each batch."""
        own = [float((table or tables.weights).optimizer.learning_rate) for table in tables]
        if learning_rates is None:
            return np.tile(own, (num_batches, 1))
        rates = validation.as_array("learning_rates", learning_rates)
        if rates.dtype.kind not in "fiu" or rates.shape != (num_batches, 2):
            raise ValueError(
                f"learning_rates must be floats of shape [{num_batches}, 2]: of inputs and of classes in each batch,"
                f" got {rates.dtype.name} {list(rates.shape)}"
            )
        bad = ~(np.isfinite(rates) & (rates >= 0) & (rates <= validation.largest(self.dtype)))
        if bad.any():
            i, j = (int(k) for k in np.unravel_index(int(bad.argmax()), bad.shape))
            raise ValueError(f"learning_rates[{i}, {j}] = {rates[i, j]} must be finite and at least 0")
        return np.ascontiguousarray(rates[:, [0, 1, 1]], np.float64)

    def _call(
        self, plan: _Plan, tables: RaggedTables, source: SampleSource, batches: _Batches, losses: NDArray[np.float64]
    ) -> None:
        """Take losses.size steps; the caller holds the lock of the sampler."""
        status = np.zeros(2, np.int64)
        inputs, weights, biases = tables
        rules = RaggedRules(inputs.rule, weights.rule, weights.rule if biases is None else biases.rule)
        arguments = (plan.memory, rules, *batches, source, plan.settings, losses, status)
        if plan.code is None:
            code = for_types_of(run_ragged_steps, (0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments))
            self._plan = plan = plan._replace(code=code)
        thread_pool.run(plan.code or run_ragged_steps, plan.sizes[2], *arguments)
        outcome, taken = int(status[OUTCOME]), int(status[STEPS_TAKEN])
        self.sampler.advance(taken + (outcome == NOT_FINITE), self.num_sampled)
        if outcome == TOO_FEW_CLASSES:
            self.sampler.sample(
                batches.labels[:1, np.newaxis], self.num_sampled, self.unique
            )  # raises, with the reason
        if outcome == NOT_FINITE:
            first, end = (int(b) for b in batches.starts[taken : taken + 2])
            labels = batches.labels[batches.label_starts[first] : batches.label_starts[end]]
            if self.subtract_log_q:
                _refuse_labels(labels, np.asarray(self.sampler.probability(labels)) == 0)
            rows = plan.memory.first.tables.inputs[batches.ids[first:end]]
            raise FloatingPointError(not_finite(float(losses[taken]), float(batches.rates[taken, 1]), rows))

    def _plan_for(
        self, tables: RaggedTables, largest: tuple[int, int], steps: int, learn_inputs: bool = True
    ) -> tuple[_Plan, SampleSource]:
        """Return the plan of the last call, or a new one after a change, and where the candidates come from.

        Inputs that are given instead of a table are written to memory.tables.inputs.
        """
        source = SampleSource(self.sampler.fused_distribution(), *self.sampler.stream_position)
        threads = threads_for(largest[0] * self.num_sampled * self.dim, steps)
        if learn_inputs and np.may_share_memory(tables.inputs.values, tables.weights.values):
            threads = 1  # a row of two tables that are one would have two owners
        biases = self._dummy_biases(tables) if tables.biases is None else tables.biases
        rules = tuple(type(table.rule) for table in (tables.inputs, tables.weights, biases))
        identity = (source.distribution, learn_inputs, *rules, *(table.values for table in (*tables[:2], biases)))
        plan = self._plan
        same = plan is not None and all(map(operator.is_, identity, plan.identity))
        if plan is not None and same and plan.sizes[2] == threads and all(map(operator.le, largest, plan.sizes)):
            return plan, source
        trained = trained_tables(tables.inputs, tables.weights, biases)
        if not learn_inputs:
            trained = trained.replace(inputs=aligned((largest[0], self.dim), self.dtype))
        memory = ragged_memory(trained, *largest, self.num_sampled, self.dim, self.dtype, threads)
        width, real = panel_width(self.dtype), self.dtype.type
        settings = RaggedSettings(
            real(self.temperature), real(1 / self.temperature), self.normalize, self.subtract_log_q, self.unique,
            learn_inputs, tables.biases is not None, class_panels(self.num_sampled, width, threads),
            min(_LABELS_AT_ONCE, class_panels(_LABELS_AT_ONCE * width, width, 1) * width),
        )  # fmt: skip
        code = plan.code if plan is not None and same else None
        self._plan = _Plan(identity, (*largest, threads), memory, settings, code)
        return self._plan, source

    def _dummy_biases(self, tables: RaggedTables) -> Table:
        """Return a table of one bias that no step reads, in place of one that is absent."""
        if self._no_biases is None or self._no_biases.optimizer is not tables.weights.optimizer:
            values = np.zeros(1, self.dtype)
            slots = tables.weights.optimizer.init(values)
            self._no_biases = Table.of("biases", values, slots, tables.weights.optimizer)
        return self._no_biases

    def _plain_steps(
        self,
        tables: RaggedTables,
        batches: _Batches,
        losses: NDArray[np.float64],
        input_grad: NDArray[Any] | None = None,
    ) -> None:
        """Take the steps in NumPy, for optimizers and samplers without compiled forms."""
        options = (self.num_sampled, self.unique, self.temperature, self.normalize, self.subtract_log_q)
        for i in range(losses.size):
            first, end = (int(b) for b in batches.starts[i : i + 2])
            if first == end:
                self.sampler.advance(1, self.num_sampled)
                continue
            splits = batches.label_starts[first : end + 1]
            labels = RaggedLabels(batches.labels[splits[0] : splits[-1]], splits - splits[0])
            losses[i] = plain_step(
                tables, batches.ids[first:end], labels, batches.rates[i], self.sampler, options, input_grad
            )


def _remade(settings: tuple[Any, ...], options: tuple[Any, ...]) -> RaggedSteps:
    names = ("temperature", "normalize", "subtract_log_q", "unique")
    return RaggedSteps(*settings, **dict(zip(names, options, strict=True)))


def _refuse_labels(labels: Ids, never_drawn: NDArray[np.bool_]) -> None:
    """Raise ValueError for the first label that is never drawn, if there is one."""
    if never_drawn.any():
        i = int(never_drawn.argmax())
        raise ValueError(
            f"labels.values[{i}] = {labels[i]} has an expected count of 0, and its logarithm is taken: the sampler"
            " never draws this class"
        )


def _writeable(array: NDArray[Any]) -> NDArray[Any]:
    """Return a writeable array, copied if needed: one type of array, one compilation."""
    return array if array.flags.carray else np.array(array, order="C")


def _next_size(steps: int, seconds: float) -> int:
    """Return the number of steps of the next call, after one of at most `steps` that took `seconds` each."""
    return max(1, min(4 * steps, int(_CALL_SECONDS / max(seconds, 1e-9))))
