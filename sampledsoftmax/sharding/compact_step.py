"""The step of one batch on a copy of its rows: losses and gradients with the bits of a step on the whole tables.

The copy has the rows in the order of their ids, so that equal ids stay equal and nothing else about them matters. The
compiled step runs on it with candidates that were drawn before, and with a rule that records gradients.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.replayed import Replayed
from sampledsoftmax.kernels.update.recorded import Recorded, RecordedGradient
from sampledsoftmax.layers.fused_step import NO_WEIGHTS, FusedSteps, Pairs
from sampledsoftmax.layers.table import Table
from sampledsoftmax.losses.arguments import Call, checked_values
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Counted
from sampledsoftmax.losses.evaluate import mean_loss_and_grad
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.optimizers.base import Slots, as_rows
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.rows import NO_IDS, RowIds, RowValues
from sampledsoftmax.types import Correction, IndexedSlices, SampledValues, coalesced

Ids = NDArray[np.int64]
Floats = NDArray[Any]


class Examples(NamedTuple):
    """The checked examples of a batch, or of a part of it.

    Attributes
    ----------
    inputs : float [batch_size, dim] or int64 [batch_size]
        Output of an encoder, or ids of embeddings.
    labels : int64 [batch_size, num_true]
    counted : Counted or None
        What counts; None where all counts alike.
    """

    inputs: Any
    labels: Ids
    counted: Counted | None

    @property
    def has_ids(self) -> bool:
        """Whether the inputs are ids of embeddings."""
        return bool(self.inputs.ndim == 1)

    @property
    def rows(self) -> Ids:
        """The examples that count."""
        return np.arange(self.labels.shape[0]) if self.counted is None else self.counted.rows

    @property
    def counted_labels(self) -> Ids:
        """The labels that count, one after the other."""
        return self.labels.ravel() if self.counted is None else self.labels[self.counted.labels]

    def between(self, first: int, end: int) -> "Examples":
        """Return the examples first .. end."""
        counted = None if self.counted is None else self.counted.between(first, end)
        return Examples(self.inputs[first:end], self.labels[first:end], counted)

    def row_ids(self, candidates: Ids) -> RowIds:
        """Return the rows that a step with these candidates reads and changes."""
        classes = np.unique(np.concatenate((self.counted_labels, candidates)))
        return RowIds(classes, np.unique(self.inputs[self.rows]) if self.has_ids else NO_IDS)


class Sample(NamedTuple):
    """Candidates, and the expected counts of the classes of a batch.

    Attributes
    ----------
    candidates : int64 [num_sampled]
    counts : float32 [num_classes_used]
        In the order of `RowIds.classes`.
    """

    candidates: Ids
    counts: NDArray[np.float32]


class Computed(NamedTuple):
    """The result of a step on a copy of its rows.

    Attributes
    ----------
    loss : float
        Mean loss of the examples.
    inputs_gradient : float [batch_size, dim] or None
        Gradient of the mean with respect to inputs that are no ids.
    gradients : RowValues
        Of the rows, each summed over all its occurrences.
    """

    loss: float
    inputs_gradient: Floats | None
    gradients: RowValues


class CompactStep:
    """Computes steps of one layer on copies of rows; memory is allocated for the largest batch seen.

    Parameters
    ----------
    dim : int
    dtype : numpy.dtype
    objective : Objective
    correction : Correction
    is_fused : bool
        Whether the layer that has the whole tables would take compiled steps: optimizer, sampler and objective have
        compiled forms.
    """

    def __init__(
        self, dim: int, dtype: np.dtype[Any], objective: Objective, correction: Correction, is_fused: bool
    ) -> None:
        self.dim, self.dtype, self.objective, self.correction = dim, dtype, objective, correction
        self.is_fused = is_fused
        self._memory: _Memory | None = None

    def compute(
        self, examples: Examples, ids: RowIds, rows: RowValues, sample: Sample, learning_rate: float
    ) -> Computed:
        """Return loss and gradients of a batch of at least one example that counts.

        Raises
        ------
        FloatingPointError
            If the loss is NaN or infinite.
        """
        labels = np.searchsorted(ids.classes, examples.labels)
        if examples.counted is not None:
            labels = np.where(examples.counted.labels, labels, 0)
        counted = examples.counted
        if self.is_fused and (counted is None or counted.num_labels is not None):
            return self._fused(examples._replace(labels=labels), ids, rows, sample, learning_rate)
        return self._by_stages(examples._replace(labels=labels), ids, rows, sample)

    def _fused(
        self, examples: Examples, ids: RowIds, rows: RowValues, sample: Sample, learning_rate: float
    ) -> Computed:
        counted, labels, weights, places = examples.counted, examples.labels, NO_WEIGHTS, examples.rows
        inputs = examples.inputs
        if counted is not None:
            labels, weights, inputs = counted.of(labels, places), counted.shares()[places], inputs[places]
        memory = self._memory_for(labels.size, inputs.shape[0] if examples.has_ids else 1, sample.candidates.size)
        memory.write(ids, rows, sample, learning_rate)
        if examples.has_ids:
            size, inputs = inputs.size, np.searchsorted(ids.inputs, inputs)
            pairs = Pairs(inputs, labels, weights, np.array((0, size)), size)
            loss = float(memory.steps.step_pairs((memory.embeddings, memory.weights, memory.biases), pairs)[0])
            return Computed(loss, None, memory.gradients(ids))
        loss, gradient = memory.steps.step_inputs((memory.weights, memory.biases), inputs, labels, weights)
        if counted is not None:
            inputs_gradient = np.zeros_like(examples.inputs)
            inputs_gradient[places] = gradient
            gradient = inputs_gradient
        return Computed(loss, gradient, memory.gradients(ids))

    def _by_stages(self, examples: Examples, ids: RowIds, rows: RowValues, sample: Sample) -> Computed:
        """Compute by the loss functions, as a layer does where something has no compiled form."""
        inputs, labels, num_classes = examples.inputs, examples.labels, ids.classes.size
        if examples.has_ids:
            inputs = rows.embeddings[np.minimum(np.searchsorted(ids.inputs, inputs), ids.inputs.size - 1)]
        batch = Batch(Shards((rows.weights,)), Shards((rows.biases,)), labels, inputs, examples.counted)
        candidates = np.searchsorted(ids.classes, sample.candidates)
        values = SampledValues(candidates, sample.counts[labels], sample.counts[candidates])
        checked = checked_values(values, batch, candidates.size, num_classes, self.correction.subtract_log_q)
        loss, gradients = mean_loss_and_grad(Call(batch, checked, self.correction), self.objective)
        if not all(np.isfinite(part).all() for part in (loss, gradients.weights.values, gradients.biases.values)):
            raise FloatingPointError(f"the loss of the batch is {loss}, or its gradient is not finite")
        weights, biases = (coalesced(gradient).values for gradient in (gradients.weights, gradients.biases))
        if not examples.has_ids:
            return Computed(loss, gradients.inputs, RowValues(weights, biases, rows.embeddings))
        places = np.searchsorted(ids.inputs, examples.inputs[examples.rows])
        of_inputs = coalesced(IndexedSlices(gradients.inputs[examples.rows], places, rows.embeddings.shape))
        return Computed(loss, None, RowValues(weights, biases, of_inputs.values))

    def _memory_for(self, num_labels: int, num_inputs: int, num_sampled: int) -> "_Memory":
        sizes = (num_labels + num_sampled, num_inputs, num_sampled)
        if self._memory is None or not self._memory.fits(sizes):
            self._memory = None  # lets go of the old arrays first
            self._memory = _Memory(sizes, self.dim, self.dtype, self.objective, self.correction)
        return self._memory


class _Replay(CandidateSampler):
    """Candidates that were drawn before."""

    def __init__(self, candidates: Ids, counts: NDArray[np.float32]) -> None:
        super().__init__(counts.size, 0)
        self.candidates, self.counts = candidates, counts

    def compiled_distribution(self) -> Replayed:
        """Return the sample, whose arrays are written before each step."""
        return Replayed(self.support, self.candidates, self.counts)


class _Recorder(Optimizer):
    """Records gradients; the learning rate is named in messages."""

    learning_rate = 0.0

    def init(self, table: NDArray[Any]) -> Slots:
        """Return memory for the gradients."""
        return {"gradient": aligned(table.shape, table.dtype)}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Recorded:
        """Return the rule, whose number is not used."""
        return Recorded(dtype.type(0))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> RecordedGradient:
        """Return the memory for the gradients."""
        return RecordedGradient(as_rows(slots["gradient"]))


class _Memory:
    """Copies of rows, their gradients and a replayed sample, for up to (classes, inputs, exactly candidates)."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        dim: int,
        dtype: np.dtype[Any],
        objective: Objective,
        correction: Correction,
    ) -> None:
        self._sizes, self._recorder = sizes, _Recorder()
        num_classes, num_inputs, num_sampled = sizes
        self.weights = self._table("weights", (num_classes, dim), dtype)
        self.biases = self._table("biases", (num_classes,), dtype)
        self.embeddings = self._table("embeddings", (num_inputs, dim), dtype)
        self._replay = _Replay(np.zeros(num_sampled, np.int64), np.ones(num_classes, np.float32))
        self.steps = FusedSteps(num_sampled, dim, dtype, self._replay, objective, correction)

    def _table(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Table:
        return Table(name, shape, lambda rows: np.zeros(rows, dtype), self._recorder)

    def fits(self, sizes: tuple[int, int, int]) -> bool:
        """Return whether a batch of these sizes fits."""
        return sizes[0] <= self._sizes[0] and sizes[1] <= self._sizes[1] and sizes[2] == self._sizes[2]

    def write(self, ids: RowIds, rows: RowValues, sample: Sample, learning_rate: float) -> None:
        """Copy the rows and the sample of a batch."""
        self._recorder.learning_rate = learning_rate
        for table, values in zip((self.weights, self.biases, self.embeddings), rows, strict=True):
            table.values[: len(values)] = values
        self._replay.candidates[:] = np.searchsorted(ids.classes, sample.candidates)
        self._replay.counts[: sample.counts.size] = sample.counts

    def gradients(self, ids: RowIds) -> RowValues:
        """Return copies of the gradients of the rows."""
        tables = (self.weights, self.biases, self.embeddings)
        sizes = (ids.classes.size, ids.classes.size, ids.inputs.size)
        pairs = zip(tables, sizes, strict=True)
        return RowValues(*(table.slots["gradient"][:size].copy() for table, size in pairs))
