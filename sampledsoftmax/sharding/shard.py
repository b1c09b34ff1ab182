"""A shard: rows of all tables with their slots, changed by messages that carry the number of their step.

A step has two phases. Gradients are delivered part by part, in any order; then one message ends the step: the parts are
summed in their order and applied. Until then rows have the values before the step, so that a part can be computed
again. A message of another step or run, or one that was received before, changes nothing.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.full.log_sum_exp import Normalizer
from sampledsoftmax.kernels.update.rules import update_rows
from sampledsoftmax.layers.table import Table
from sampledsoftmax.layers.top_k import top_k
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.full_softmax import BLOCK, NO_CLASS, add_classes
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.sharding.checkpoint import ShardFile, read_rows, write_shard
from sampledsoftmax.sharding.pushed import Forward, Normalizers, Partial, Question, backward, forward
from sampledsoftmax.sharding.rows import RowIds, RowValues
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.types import IndexedSlices

Ids = NDArray[np.int64]
Floats = NDArray[Any]


class Stamp(NamedTuple):
    """When a message belongs: after `step` steps, since the `rewind`-th start from a checkpoint or from the seed."""

    rewind: int
    step: int


class OutOfStep(RuntimeError):
    """A message is of another step or of before a rewind; nothing was changed."""


class Delivery(NamedTuple):
    """Gradients of the rows of a shard, from one part of a batch; ids count from its first row."""

    ids: RowIds
    gradients: RowValues


class Shard:
    """Rows first .. end of all tables of a layer; without rows until `start`.

    Parameters
    ----------
    settings : ShardSettings
    first, end : int
        The rows that the shard has.

    Attributes
    ----------
    first, end : int
        As given.
    """

    def __init__(self, settings: ShardSettings, first: int, end: int) -> None:
        self.first, self.end = first, end
        self._settings = settings
        self._stamp: Stamp | None = None
        self._tables: dict[str, Table] = {}
        self._parts: dict[int, Delivery] = {}
        self._forward: Forward | None = None

    def start(self, stamp: Stamp, files: list[ShardFile] | None = None) -> None:
        """Take the rows of a checkpoint, or those of a new layer.

        Raises
        ------
        FileNotFoundError, ValueError
            If a file is missing, is damaged, or the files lack rows; the message names them.
        """
        self._stamp, self._parts, self._forward, optimizer = None, {}, None, self._settings.optimizer
        new = self._settings.tables(self.first, self.end)
        if files is None:
            self._tables = {}  # lets go of the old arrays first
            self._tables = {table.name: Table(*table[:2], table.first_values, optimizer) for table in new}
        else:
            self._tables = read_rows(files, new, optimizer, self.first, self.end)
        self._stamp = stamp

    def pull(self, stamp: Stamp, optimizer: Optimizer, ids: RowIds) -> RowValues:
        """Return copies of rows, as they are after the steps of the stamp."""
        self._check(stamp)
        self._use(optimizer)
        local = self._local(ids)
        for name, table in self._tables.items():
            table.catch_up(local.inputs if name == "embeddings" else local.classes)
        return self._values(local)

    def deliver(self, stamp: Stamp, part: int, delivery: Delivery) -> bool:
        """Keep the gradients of one part until the end of the step; False if the part is there already."""
        self._check(stamp)
        if part in self._parts:
            return False
        self._parts[part] = delivery
        return True

    def finish(self, stamp: Stamp, optimizer: Optimizer, num_parts: int, wanted: RowIds | None) -> RowValues | None:
        """End a step: apply the gradients of all parts, summed in their order; none for `num_parts` = 0.

        Returns the rows `wanted` after the step.
        """
        self._check(stamp)
        if num_parts > 0 and sorted(self._parts) != list(range(num_parts)):
            raise OutOfStep(f"step {stamp.step} has parts {sorted(self._parts)}, {num_parts} are expected")
        self._use(optimizer)
        if num_parts > 0:
            self._apply(merged([self._parts[part] for part in range(num_parts)]))
        self._parts, self._forward, self._stamp = {}, None, stamp._replace(step=stamp.step + 1)
        return None if wanted is None else self._values(self._local(wanted))

    def apply(
        self, stamp: Stamp, optimizer: Optimizer, delivery: Delivery, wanted: RowIds | None = None
    ) -> RowValues | None:
        """Take a step with the gradients of a batch that was not divided."""
        self.deliver(stamp, 0, delivery)
        return self.finish(stamp, optimizer, 1, wanted)

    def rows(self, stamp: Stamp, optimizer: Optimizer, name: str, first: int, end: int) -> Floats:
        """Return a copy of consecutive rows of a table."""
        self._check(stamp)
        self._use(optimizer)
        table = self._tables[name]
        table.catch_up(np.arange(first - self.first, end - self.first))
        return np.array(table.values[first - self.first : end - self.first])

    def assign(self, stamp: Stamp, name: str, first: int, values: Floats) -> None:
        """Write consecutive rows of a table; its slots stay as they are."""
        self._check(stamp)
        self._tables[name].values[first - self.first : first - self.first + len(values)] = values

    def logits(self, stamp: Stamp, optimizer: Optimizer, question: Question) -> Partial:
        """Compute the logits of a batch whose inputs were sent, and keep them for `gradients`."""
        rows = self.pull(stamp, optimizer, RowIds(question.ids))
        own = question._replace(inputs=_writeable(question.inputs))
        self._forward, partial = forward(own, rows, self._settings.correction)
        return partial

    def gradients(self, stamp: Stamp, normalizers: Normalizers) -> Floats:
        """Return this shard's part of the gradient of the inputs, and deliver the gradients of its rows to itself."""
        self._check(stamp)
        if self._forward is None:
            raise OutOfStep(f"step {stamp.step} has no logits")
        of_inputs, ids, gradients = backward(self._forward, normalizers, self._settings.correction)
        self._forward = None
        self.deliver(stamp, 0, Delivery(ids, gradients))
        return of_inputs

    def add_to_normalizer(
        self,
        stamp: Stamp,
        optimizer: Optimizer,
        inputs: Floats,
        normalizer: Normalizer,
        borrowed: tuple[Floats, Floats],
    ) -> Normalizer:
        """Add the blocks that begin in this shard to the log-sum-exp of examples, which shards do in their order.

        The last block may need rows of the shards after this one, which are `borrowed`.
        """
        self._check(stamp)
        self._use(optimizer)
        result = normalizer._replace(**{name: np.array(getattr(normalizer, name)) for name in _OF_EXAMPLES})
        start, whole = ceil_div(self.first, BLOCK) * BLOCK, self.end // BLOCK * BLOCK
        if start < self.end:
            for table in self._tables.values():
                table.catch_up(None)
            own = [self._tables[name].values for name in ("weights", "biases")]
            blocks = [array[start - self.first : whole - self.first] for array in own]
            rests = [array[whole - self.first :] for array in own]
            self._add(start, blocks, inputs, result)
            self._add(whole, [np.concatenate(pair) for pair in zip(rests, borrowed, strict=True)], inputs, result)
        return result

    def _add(self, first: int, tables: list[Floats], inputs: Floats, normalizer: Normalizer) -> None:
        """Add the classes from `first` on, whose weights and biases are given."""
        weights, biases = tables
        if len(weights) > 0:
            labels = np.where(normalizer.labels >= first, normalizer.labels - first, NO_CLASS)
            batch = Batch(Shards((weights,)), Shards((biases,)), labels, _writeable(inputs))
            add_classes(batch, self._settings.correction.similarity, normalizer._replace(labels=labels))

    def top_k(self, stamp: Stamp, optimizer: Optimizer, inputs: Floats, k: int) -> tuple[Ids, Floats]:
        """Return ids and logits of the k best classes of this shard, or of all that it has."""
        self._check(stamp)
        self._use(optimizer)
        for table in self._tables.values():
            table.catch_up(None)
        weights, biases = (Shards((self._tables[name].values,)) for name in ("weights", "biases"))
        batch = Batch(weights, biases, np.zeros((len(inputs), 1), np.int64), _writeable(inputs))
        ids, logits = top_k(batch, min(k, self.end - self.first), self._settings.correction.similarity)
        return ids + self.first, logits

    def write(self, stamp: Stamp, path: str | Path) -> ShardFile:
        """Write rows and slots to a file, beside its place first, and return which rows it has.

        Raises
        ------
        OSError
            If the file cannot be written, for example since the disk is full; the shard goes on as it is.
        """
        self._check(stamp)
        return write_shard(path, stamp.step, self.first, self.end, self._tables)

    def _check(self, stamp: Stamp) -> None:
        if stamp != self._stamp:
            raise OutOfStep(f"a message is of {stamp}, the shard is at {self._stamp}")

    def _use(self, optimizer: Optimizer) -> None:
        """Take the settings of the optimizer as they are in this step."""
        for table in self._tables.values():
            table.optimizer = optimizer

    def _local(self, ids: RowIds) -> RowIds:
        return RowIds(ids.classes - self.first, ids.inputs - self.first)

    def _values(self, local: RowIds) -> RowValues:
        weights, biases = (self._tables[name].values[local.classes] for name in ("weights", "biases"))
        if "embeddings" in self._tables:
            return RowValues(weights, biases, self._tables["embeddings"].values[local.inputs])
        return RowValues(weights, biases, np.empty((0, weights.shape[1]), weights.dtype))

    def _apply(self, delivery: Delivery) -> None:
        local, gradients = self._local(delivery.ids), delivery.gradients
        _update(self._tables["weights"], local.classes, gradients.weights)
        _update(self._tables["biases"], local.classes, gradients.biases)
        if "embeddings" in self._tables:
            _update(self._tables["embeddings"], local.inputs, gradients.embeddings)


_OF_EXAMPLES = ("true_logits", "largest", "sum_exp")


def merged(parts: list[Delivery]) -> Delivery:
    """Return the sum of the gradients of parts, added in their order."""
    if len(parts) == 1:
        return parts[0]
    ids = RowIds(*(np.unique(np.concatenate(of_parts)) for of_parts in zip(*(part.ids for part in parts), strict=True)))
    of_first = parts[0].gradients
    sums = RowValues(
        np.zeros((ids.classes.size, *of_first.weights.shape[1:]), of_first.weights.dtype),
        np.zeros(ids.classes.size, of_first.biases.dtype),
        np.zeros((ids.inputs.size, *of_first.embeddings.shape[1:]), of_first.embeddings.dtype),
    )
    for part in parts:
        classes, inputs = (np.searchsorted(*pair) for pair in zip(ids, part.ids, strict=True))
        sums.weights[classes] += part.gradients.weights
        sums.biases[classes] += part.gradients.biases
        sums.embeddings[inputs] += part.gradients.embeddings
    return Delivery(ids, sums)


def _update(table: Table, ids: Ids, gradient: Floats) -> None:
    """Take a step of the optimizer on distinct rows; a step without rows counts too."""
    if not table.has_rule:
        table.update(IndexedSlices(gradient, ids, table.values.shape))
        return
    matrix, slots = table.structs
    rows = gradient if gradient.ndim == 2 else gradient[:, np.newaxis]
    update_rows(table.rule, matrix, slots, ids, _writeable(rows))


def _writeable(array: Floats) -> Floats:
    """Return an array that can be written, as those of messages cannot: one type of array, one compilation."""
    return array if array.flags.carray else np.array(array, order="C")
