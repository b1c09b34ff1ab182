"""What sharded layers share: checked arguments, steps, exact losses and top k, rows by slices, checkpoints."""

import copy
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.loss.objectives import SoftmaxCrossEntropy
from sampledsoftmax.layers.layer_settings import LayerSettings
from sampledsoftmax.losses.arguments import checked_examples
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Selection, number_of_labels, without_padding
from sampledsoftmax.losses.full_softmax import BLOCK, losses_of, new_normalizer, of_batch, what_counts
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.compact_step import Examples
from sampledsoftmax.sharding.driver import Driver, Work
from sampledsoftmax.sharding.progress import bar
from sampledsoftmax.sharding.sampling import check_labels
from sampledsoftmax.types import RaggedLabels

Ids = NDArray[np.int64]
Floats = NDArray[Any]
_Layer = TypeVar("_Layer", bound="ShardedTables")


class RunSettings(NamedTuple):
    """The checked arguments of a sharded layer that say how it runs.

    Attributes
    ----------
    num_shards, parts, num_workers : int
    folder : Path or None
    overwrite : bool
    checkpoint_steps : int
    move : str
    """

    num_shards: int
    parts: int
    num_workers: int
    folder: Path | None
    overwrite: bool
    checkpoint_steps: int
    move: str = "rows"


def checked_run(
    num_classes: int,
    num_shards: Any,
    parts: Any,
    num_workers: Any,
    folder: Any,
    overwrite: Any,
    checkpoint_steps: Any,
) -> RunSettings:
    """Return the arguments that say how a layer runs; TypeError or ValueError names the wrong one."""
    shards = validation.whole_number("num_shards", num_shards, 1)
    if shards > num_classes:
        raise ValueError(f"num_shards must be at most num_classes = {num_classes}, a row for each, got {shards}")
    number = validation.whole_number("parts", parts, 1)
    workers = validation.whole_number("num_workers", num_workers, 0)
    if workers > number:
        raise ValueError(f"num_workers must be at most parts = {number}: a worker computes whole parts, got {workers}")
    if workers and number == 1:
        raise ValueError(f"num_workers = {workers} needs parts of at least 2: write parts=")
    path = None if folder is None else validation.path("folder", folder).absolute()
    replaced = validation.flag("overwrite", overwrite)
    if replaced and path is None:
        raise ValueError("overwrite=True needs folder=: it says to remove the checkpoints of a folder")
    steps = validation.whole_number("checkpoint_steps", checkpoint_steps, 1)
    return RunSettings(shards, number, workers, path, replaced, steps)


def with_move(run: RunSettings, move: Any, layer: LayerSettings) -> RunSettings:
    """Return the settings with what moves in a step; ValueError where inputs cannot be what moves."""
    if validation.choice("move", move, ("rows", "inputs", "auto")) == "rows":
        return run
    if run.parts > 1:
        raise ValueError(f"move={move!r} needs parts=1: the shards divide the work by classes, got parts={run.parts}")
    if not isinstance(layer.objective.compiled_loss(), SoftmaxCrossEntropy) or layer.correction.similarity.normalize:
        raise ValueError(f"move={move!r} needs objective='sampled_softmax' and normalize=False")
    return run._replace(move=move)


def seed_of(seed: Any) -> tuple[int, int]:
    """Return a seed as two numbers; fresh ones for None."""
    pair = validation.seeds(seed)
    return (secrets.randbits(63), secrets.randbits(63)) if pair is None else pair


class ShardedRows:
    """A table that is on shards: rows are read and written by slices.

    Attributes
    ----------
    shape : tuple
    dtype : numpy.dtype
    """

    def __init__(self, driver: Driver, name: str, shape: tuple[int, ...]) -> None:
        self.shape, self.dtype = shape, driver.layer.dtype
        self._driver, self._name = driver, name

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Floats:
        """Return a copy of consecutive rows."""
        first, end = self._bounds(rows)
        if first >= end:
            return np.empty((0, *self.shape[1:]), self.dtype)
        return self._driver.read(self._driver.layer.optimizer, self._name, first, end)

    def __setitem__(self, rows: slice, values: ArrayLike) -> None:
        """Write consecutive rows; a checkpoint follows, if the layer has a folder."""
        first, end = self._bounds(rows)
        array = validation.floats(self._name, values, (end - first, *self.shape[1:]), self.dtype)
        if not (np.isfinite(array) | ((array.ndim == 1) & np.isneginf(array))).all():
            raise ValueError(f"{self._name} must be finite: nothing was changed")
        if first < end:
            self._driver.assign(self._name, first, array)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Floats:
        """Return all rows, which this process must have the memory for."""
        del copy  # it is one
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def __repr__(self) -> str:
        return f"<{self._name} {list(self.shape)} {self.dtype} on {self._driver.transport.ranges.num_shards} shards>"

    def _bounds(self, rows: slice) -> tuple[int, int]:
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(
                f"{self._name} are read by slices of consecutive rows, as in {self._name}[10:20], got"
                f" {validation.shown(rows)}"
            )
        first, end, _ = rows.indices(self.shape[0])
        return first, max(first, end)


class ShardedTables:
    """Base class of sharded layers; the subclass starts the processes."""

    _driver: Driver
    _parts: int

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self._driver.layer.num_classes

    @property
    def dim(self) -> int:
        """Width of a row."""
        return self._driver.layer.dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the tables."""
        return self._driver.layer.dtype

    @property
    def num_sampled(self) -> int:
        """Candidates per step; the next step uses what is assigned."""
        return self._driver.layer.num_sampled

    @num_sampled.setter
    def num_sampled(self, value: int) -> None:
        size = validation.sample_size("num_sampled", value, True, "num_classes", self.num_classes)
        self._driver.layer = self._driver.layer._replace(num_sampled=size)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer, whose settings can be assigned between two steps."""
        return self._driver.layer.optimizer

    @property
    def sampler(self) -> CandidateSampler:
        """Where candidates come from."""
        return self._driver.layer.sampler

    @property
    def steps_taken(self) -> int:
        """Batches so far, those of earlier runs from the same folder included."""
        return self._driver.step

    @property
    def recoveries(self) -> int:
        """How often all shards went back to a checkpoint, since a process was lost."""
        return self._driver.losses_of_processes

    @property
    def traffic(self) -> dict[str, int]:
        """Bytes of arrays between this process and the shards so far.

        "ids", "pulled" (rows) and "pushed" (gradients) are those of steps, "evaluated" those of `full_loss` and
        `top_k`.
        """
        return dict(self._driver.traffic.bytes)

    @property
    def weights(self) -> ShardedRows:
        """Output weights [num_classes, dim], read and written by slices."""
        return ShardedRows(self._driver, "weights", (self.num_classes, self.dim))

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        self.weights[:] = values

    @property
    def biases(self) -> ShardedRows:
        """Output biases [num_classes], read and written by slices."""
        return ShardedRows(self._driver, "biases", (self.num_classes,))

    @biases.setter
    def biases(self, values: ArrayLike) -> None:
        self.biases[:] = values

    def full_loss(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> Floats:
        """Return the exact loss of each example over all classes: that of `SampledSoftmax.full_loss`, the same bits.

        The inputs go to the shards, which hand on three numbers of each example; no row of the weights moves, except
        for fewer than 4096 at each boundary of shards, where there are fewer classes than 4096 times the shards.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes, in [0, num_classes).
        sample_weight : float or bool [batch_size], optional
            Weight of each example, by which its loss is multiplied, or a mask.
        ignore_index : int, optional
            A label that says "no label"; an example without any other has loss 0.

        Returns
        -------
        float [batch_size]
            The losses.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer.
        """
        batch = self._batch(inputs, labels, Selection(sample_weight, ignore_index))
        part, rows = what_counts(batch)
        if part.inputs.shape[0] == 0:
            return of_batch(np.zeros(0, self.dtype), rows, batch)
        groups = []
        for places in np.array_split(np.arange(part.inputs.shape[0]), self._driver.transport.ranges.num_shards):
            if places.size > 0:
                labels_of = np.ascontiguousarray(part.labels[places])
                groups.append((part.inputs[places], new_normalizer(labels_of, self.dtype)))
        found = self._driver.relay("add_to_normalizer", self.optimizer, groups, self._borrowed())
        shards = self._driver.transport.ranges.num_shards
        self._driver.traffic.add("evaluated", shards * (part.inputs.nbytes + 20 * part.labels.size))
        losses = np.concatenate([losses_of(normalizer.labels, normalizer) for normalizer in found])
        return of_batch(losses, rows, batch)

    def _borrowed(self) -> list[tuple[Floats, Floats]]:
        """Return the rows that each shard needs of those after it, to complete its last block of classes."""
        ranges, borrowed = self._driver.transport.ranges, []
        for shard in range(ranges.num_shards):
            first, end = ranges.of(shard)
            needed = min(ceil_div(end, BLOCK) * BLOCK, self.num_classes)
            has_start = ceil_div(first, BLOCK) * BLOCK < end
            rows = slice(end, needed if has_start else end)
            borrowed.append((self.weights[rows], self.biases[rows]))
        return borrowed

    def top_k(self, inputs: ArrayLike, k: int) -> tuple[Ids, Floats]:
        """Return the k classes of the largest logits of each example: those of `SampledSoftmax.top_k`, the same bits.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        k : int
            1 to `num_classes`.

        Returns
        -------
        ids : int64 [batch_size, k]
            Ids of the classes, the largest logit first; of equal logits the smaller id first.
        logits : float [batch_size, k]
            Their logits.

        Raises
        ------
        TypeError, ValueError
            If `inputs` does not fit the layer, or `k` is of another type or out of range.
        FloatingPointError
            If a logit is NaN, which has no order.
        """
        k = validation.whole_number("k", k, 1, self.num_classes)
        batch = self._batch(inputs, np.zeros(np.shape(inputs)[:1], np.int64), Selection())
        found = self._driver.ask("top_k", self.optimizer, batch.inputs, k)
        shards = self._driver.transport.ranges.num_shards
        ids = np.concatenate([ids for ids, _ in found], axis=1)
        logits = np.concatenate([logits for _, logits in found], axis=1)
        self._driver.traffic.add("evaluated", shards * batch.inputs.nbytes + ids.nbytes + logits.nbytes)
        order = np.lexsort((ids, -logits), axis=1)[:, :k]
        return np.take_along_axis(ids, order, 1), np.take_along_axis(logits, order, 1)

    def checkpoint(self) -> None:
        """Write a checkpoint now; one is written every `checkpoint_steps` steps anyway.

        Raises
        ------
        ValueError
            If the layer has no folder.
        OSError
            If a file cannot be written; the checkpoint before stays the newest one, and training can go on.
        """
        if not self._has_folder:
            raise ValueError("folder must be given where the layer is made, for checkpoints")
        self._driver.checkpoint()

    _has_folder: bool

    def close(self) -> None:
        """End all processes of the layer; what was not written to a checkpoint is gone.

        It is also called at the end of a `with` block and when the program ends.
        """
        self._driver.close()

    def __enter__(self: _Layer) -> _Layer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batch(self, inputs: ArrayLike, labels: ArrayLike, selection: Selection) -> Batch:
        """Return checked inputs and labels; the tables, which are elsewhere, are those of one row."""
        labels = validation.as_ids("labels", labels)
        table = Shards((np.broadcast_to(np.zeros((), self.dtype), (self.num_classes, self.dim)),))
        ids, features, counted = checked_examples(
            labels, inputs, number_of_labels(labels), table, self.num_classes, selection
        )
        return Batch(table, None, ids, features, counted)

    def _work(self, examples: Examples) -> Work:
        """Return a batch with the present settings, in memory of its own, since it may be taken again."""
        self.optimizer.check_settings()
        kept = examples._replace(inputs=np.array(examples.inputs), labels=np.array(examples.labels))
        return Work(kept, copy.copy(self.optimizer), self.num_sampled)

    def _check_labels(self, examples: Examples) -> None:
        check_labels(self.sampler, examples, self._driver.layer.correction.subtract_log_q)


class ShardedOutput(ShardedTables):
    """A sharded output layer, on any transport."""

    def step(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> tuple[float, Floats]:
        """Train on one batch: as `SampledSoftmax.step`, with the same bits if `parts` is 1 and `move` is "rows".

        The shards may still be updating rows when it returns: the next call waits for them.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes.
        sample_weight : float or bool [batch_size], optional
            Weight of each example, finite and at least 0, or a mask.
        ignore_index : int, optional
            A label that says "no label", such as -1: padding.

        Returns
        -------
        loss : float
            Mean loss of the batch before the update.
        inputs_gradient : float [batch_size, dim]
            Gradient of that mean with respect to `inputs`, for the encoder.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer, or a label is never drawn by the sampler and its log Q is needed.
        FloatingPointError
            If the loss is NaN or infinite; no table was changed, and the batch takes its place in the random stream.
        OSError
            If a checkpoint was due and could not be written: the batch was not taken, and can be given again.
        LostError
            If a process was lost and the layer has no folder.
        """
        _refuse_ragged(labels)
        batch = self._batch(inputs, labels, Selection(sample_weight, ignore_index))
        examples = Examples(batch.inputs, batch.labels, batch.counted)
        self._check_labels(examples)
        loss, gradient = self._driver.take(self._work(examples))
        assert gradient is not None  # the inputs are no ids
        return loss, gradient


class ShardedPairs(ShardedTables):
    """A sharded skip-gram model, on any transport."""

    @property
    def embeddings(self) -> ShardedRows:
        """Embeddings [num_classes, dim], read and written by slices."""
        return ShardedRows(self._driver, "embeddings", (self.num_classes, self.dim))

    @embeddings.setter
    def embeddings(self, values: ArrayLike) -> None:
        self.embeddings[:] = values

    def step(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> float:
        """Train on one batch of pairs: as `SkipGram.step`, with the same bits if `parts` is 1.

        Parameters
        ----------
        inputs : int [batch_size]
            Ids whose embeddings predict the labels.
        labels : int [batch_size] or [batch_size, num_true]
            Ids that are predicted.
        sample_weight : float or bool [batch_size], optional
            Weight of each example, finite and at least 0, or a mask.
        ignore_index : int, optional
            A label that says "no label", such as -1: padding.

        Returns
        -------
        float
            Mean loss of the batch before the update.

        Raises
        ------
        TypeError, ValueError
            If an id is out of range, the shapes do not fit, or a label is never drawn and its log Q is needed.
        FloatingPointError
            If the loss is NaN or infinite; no table was changed, and the batch takes its place in the random stream.
        OSError
            If a checkpoint was due and could not be written: the batch was not taken, and can be given again.
        LostError
            If a process was lost and the layer has no folder.
        """
        _refuse_ragged(labels)
        examples = self._examples("batch_size", inputs, labels, Selection(sample_weight, ignore_index))
        return self._driver.take(self._work(examples))[0]

    def steps(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        batch_size: int,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
        progress: bool = False,
    ) -> NDArray[np.float64]:
        """Run `step` on consecutive batches of pairs: as `SkipGram.steps`, with the same bits if `parts` is 1.

        The rows of the next batch are pulled while a step is computed, those that the step changes right after it.

        Parameters
        ----------
        inputs : int [num_pairs]
            As for `step`.
        labels : int [num_pairs] or [num_pairs, num_true]
            As for `step`.
        batch_size : int
            Pairs per step, at least 1.
        sample_weight : float or bool [num_pairs], optional
            As for `step`.
        ignore_index : int, optional
            As for `step`.
        progress : bool
            Whether a bar on standard error shows pairs per second, the loss and the number of recoveries; it needs
            the extra `cli`.

        Returns
        -------
        float64 [number of batches]
            The loss of each step.

        Raises
        ------
        TypeError, ValueError
            As `step`, before the first one is run.
        FloatingPointError, OSError, LostError
            As `step`; the steps before have been taken.
        """
        _refuse_ragged(labels)
        size = validation.whole_number("batch_size", batch_size, 1)
        shown = validation.flag("progress", progress)
        examples = self._examples("num_pairs", inputs, labels, Selection(sample_weight, ignore_index))
        num_pairs = examples.labels.shape[0]
        works = [self._work(examples.between(top, top + size)) for top in range(0, num_pairs, size)]
        losses = np.zeros(ceil_div(num_pairs, size))
        with bar(num_pairs if shown else None) as update:
            for number, work in enumerate(works):
                following = works[number + 1] if number + 1 < len(works) else None
                losses[number] = self._driver.take(work, following)[0]
                update(work.examples.labels.shape[0], float(losses[number]), self.recoveries)
        return losses

    def _examples(self, size: str, inputs: ArrayLike, labels: ArrayLike, selection: Selection) -> Examples:
        ids = validation.ids("inputs", inputs, (size,), self.num_classes)
        labels = validation.as_ids("labels", labels)
        checked, counted = without_padding(labels, number_of_labels(labels), self.num_classes, selection, self.dtype)
        if checked.shape[0] != ids.size:
            raise ValueError(f"labels has {checked.shape[0]} rows and inputs has {ids.size}: they must be equal")
        examples = Examples(ids, checked, counted)
        self._check_labels(examples)
        return examples


def _refuse_ragged(labels: Any) -> None:
    if isinstance(labels, RaggedLabels):
        raise TypeError("labels must be an array: sharded layers do not take ss.RaggedLabels")
