"""Skip-gram: an embedding table and a `SampledSoftmax` layer, trained on pairs of ids."""

import itertools
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.layers.fused_step import NO_WEIGHTS, Pairs, Tables
from sampledsoftmax.layers.layer_folder import LayerFolder
from sampledsoftmax.layers.layer_settings import LayerSettings, checked_settings
from sampledsoftmax.layers.pulled_rows import PulledRows, RowGradients, pull_rows, push_rows
from sampledsoftmax.layers.ragged_layers import check_ragged
from sampledsoftmax.layers.ragged_step import RaggedTables
from sampledsoftmax.layers.sampled_softmax import SampledSoftmax, output_state, output_tables, settings_of
from sampledsoftmax.layers.stored_layer import FIXED, StoredLayer
from sampledsoftmax.layers.table import NewTable, Table, initial_rng
from sampledsoftmax.losses.counted import Counted, Selection, number_of_labels, without_padding
from sampledsoftmax.losses.gather import gather
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import IndexedSlices, RaggedLabels, Similarity

Ids = NDArray[np.int64]
_PADDING = -1  # no id of a class


_OF_OUTPUT = ("num_sampled", "sampler")
_FIXED = {name: hint.replace("layer.", "model.output.") for name, hint in FIXED.items()} | {
    **{name: f"assign model.output.{name}" for name in _OF_OUTPUT},
    "output": "make a new layer, and assign its tables",
    "embedding_table": "assign model.embeddings, or change model.embedding_table.slots in place",
}


class SkipGram(StoredLayer):
    """Embeddings that learn to predict which ids occur near an id.

    One `step` is: look up the rows of `inputs`, sample, gather, logits, correction, loss, gradients,
    sparse update of the three tables. It equals the same done with the functions of this package.

    Parameters
    ----------
    num_classes : int
        Number of ids; the same for inputs and labels.
    dim : int
        Width of an embedding.
    num_sampled : int
        Candidates per step, shared by the batch; at most `num_classes`, since they are unique.
    optimizer : Optimizer, optional
        How rows are updated: SGD, Momentum, Adagrad, RowwiseAdagrad, Adam, or your own; default `Adagrad(0.05)`.
    sampler : str or sampler object
        "log_uniform" (ids sorted by falling frequency), "uniform", or an object such as `LogUniformSampler`.
    subtract_log_q : bool, optional
        Whether log(expected count) is subtracted from the logits; default: yes, except for "negative_sampling".
    remove_accidental_hits : bool, optional
        Whether a candidate that is a label of an example is left out of that example's sum; default: yes, except for
        "nce", as in TensorFlow.
    dtype : float32 or float64
        Of the tables and all arithmetic.
    seed : None, int or (int, int)
        Seed of the initial tables and of the candidates (TensorFlow's op seed).
    objective : str or Objective
        "sampled_softmax", "nce" (noise-contrastive estimation), "negative_sampling" (NCE without log Q), or an
        objective of your own.
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether embeddings and rows of the weights are divided by their lengths, so that dot products are cosines. The
        tables hold the rows as they are. A row shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.
    folder : path, optional
        Keeps tables and slots in memory-mapped .npy files of this folder, for more classes than memory holds: a step
        reads and writes the pages of its rows only. A folder that has a model is continued, as for `SampledSoftmax`.
    overwrite : bool
        Whether a model that the folder has is removed and a new one is started.

    Attributes
    ----------
    embeddings : float [num_classes, dim]
        Initially uniform in [-0.5 / dim, 0.5 / dim), as in word2vec. Readable, assignable.
    weights, biases : float [num_classes, dim], [num_classes]
        Those of the output layer. Readable, assignable.
    output : SampledSoftmax
        The output layer.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or the folder has a model with other settings or files
        of something else; nothing is changed.
    BlockingIOError
        If another model uses the folder, in this process or another one.
    OSError
        If the folder cannot be written, or the disk is too small for the tables.

    Notes
    -----
    Assigned tables, copies, and tables in a folder are as for `SampledSoftmax`. One array may be both embeddings and
    weights, except with `Adam(mode="exact")`; it then gets the updates of both, each with slots of its own.

    Mikolov et al., "Efficient estimation of word representations in vector space", 2013, with the loss
    of the word2vec tutorial of TensorFlow.

    Examples
    --------
    >>> import numpy as np
    >>> model = SkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1)
    >>> loss = model.step(np.array([1, 2, 3]), np.array([2, 3, 4]))
    >>> losses = model.steps(np.arange(8), np.arange(8) + 1, batch_size=3)
    >>> losses.shape, model.embeddings.shape
    ((3,), (1000, 16))
    """

    _KIND = "SkipGram"
    _FIXED = _FIXED
    output: SampledSoftmax
    embedding_table: Table

    def __init__(
        self,
        num_classes: int,
        dim: int,
        num_sampled: int,
        optimizer: Optimizer | None = None,
        sampler: str | CandidateSampler = "log_uniform",
        subtract_log_q: bool | None = None,
        remove_accidental_hits: bool | None = None,
        dtype: Any = np.float32,
        seed: Any = None,
        *,
        objective: str | Objective = "sampled_softmax",
        temperature: float = 1.0,
        normalize: bool = False,
        folder: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> None:
        sizes, flags = (num_classes, dim, num_sampled), (subtract_log_q, remove_accidental_hits)
        similarity = Similarity(temperature, normalize)
        settings = checked_settings(*sizes, optimizer, sampler, *flags, dtype, seed, objective, similarity)
        self._start(settings, seed, folder, overwrite)

    @classmethod
    def _new_tables(cls, settings: LayerSettings, seed: Any) -> list[NewTable]:
        return pair_tables(settings, seed)

    @classmethod
    def _state(cls, settings: LayerSettings, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
        output = SampledSoftmax.__new__(SampledSoftmax)
        output.__setstate__(output_state(settings, tables, folder))
        return {"output": output, "embedding_table": tables["embeddings"], "_folder": folder}

    def _settings(self) -> LayerSettings:
        return settings_of(self.output)

    def _tables(self) -> tuple[Table, ...]:
        return self.embedding_table, self.output.weight_table, self.output.bias_table

    @property
    def embeddings(self) -> NDArray[Any]:
        """Embeddings [num_classes, dim]; an array that is assigned is trained in place."""
        return self.embedding_table.caught_up()

    @embeddings.setter
    def embeddings(self, values: ArrayLike) -> None:
        _refuse_shared("embeddings", values, "weights", self.output.weight_table)
        self.embedding_table.assign(values)

    @property
    def weights(self) -> NDArray[Any]:
        """Output weights [num_classes, dim]; an array that is assigned is trained in place."""
        return self.output.weights

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        _refuse_shared("weights", values, "embeddings", self.embedding_table)
        self.output.weights = values

    @property
    def biases(self) -> NDArray[Any]:
        """Output biases [num_classes]; an array that is assigned is trained in place."""
        return self.output.biases

    @biases.setter
    def biases(self, values: ArrayLike) -> None:
        self.output.biases = values

    def step(
        self,
        inputs: ArrayLike,
        labels: ArrayLike | RaggedLabels,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> float:
        """Train on one batch of pairs and return its mean loss before the update.

        Parameters
        ----------
        inputs : int [batch_size]
            Ids whose embeddings predict the labels.
        labels : int [batch_size] or [batch_size, num_true], or RaggedLabels
            Ids that are predicted. With `RaggedLabels` each label has a loss of its own, as for `SampledSoftmax.step`.
        sample_weight : float or bool [batch_size], optional
            Weight of each example, finite and at least 0, or a mask: the loss is the weighted mean sum(w * l) / sum(w).
            An example of weight 0 contributes nothing: a row that only such examples name keeps its bits.
        ignore_index : int, optional
            A label that says "no label", such as -1: padding. The target is uniform over the other labels of the
            example; one without any has weight 0.

        Returns
        -------
        float
            Mean loss; 0.0 for a batch in which no example counts, which changes no table, but takes its place in the
            random stream.

        Raises
        ------
        TypeError, ValueError
            If an id is out of range, the shapes do not fit, or a label is never drawn by the sampler and its log Q is
            needed; no table is changed.
        FloatingPointError
            If the loss is NaN or infinite; no table is changed, and the batch takes its place in the random stream.
        """
        if isinstance(labels, RaggedLabels):
            output = self.output
            check_ragged(settings_of(output), sample_weight, ignore_index)
            ids = validation.ids("inputs", inputs, ("batch_size",), output.num_classes)
            return float(output.ragged_steps.steps(RaggedTables(*self._tables()), ids, labels, [0, ids.size])[0])
        examples = self._checked_pairs("batch_size", inputs, labels, Selection(sample_weight, ignore_index))
        return float(self._losses(*examples, max(examples[0].size, 1))[0])

    def steps(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        batch_size: int,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
        prefetch: bool = False,
    ) -> NDArray[np.float64]:
        """Run `step` on consecutive batches of pairs; the last batch may be smaller.

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
        prefetch : bool
            Whether the rows of each batch are read from the files of `folder=` while the step before it is taken, for
            tables larger than memory. The results have the same bits.

        Returns
        -------
        float64 [number of batches]
            The loss of each step.

        Raises
        ------
        TypeError, ValueError
            As `step`, before the first one is run.
        FloatingPointError
            As `step`; the steps before have been taken.
        """
        size = validation.whole_number("batch_size", batch_size, 1)
        reads_ahead = validation.flag("prefetch", prefetch) and self.embedding_table.in_files
        examples = self._checked_pairs("num_pairs", inputs, labels, Selection(sample_weight, ignore_index))
        return self._losses(*examples, size, reads_ahead)[: ceil_div(examples[0].size, size)]

    def prefetch(self, inputs: ArrayLike, labels: ArrayLike, *, after: int = 0) -> None:
        """Start to read the rows of a coming step from the files of `folder=`, and return at once.

        Call it a step ahead, so that the disk reads while other work is done. Which candidates a step draws is known
        before, so their rows are read with those of the labels. Nothing is changed, and no step waits for it: all
        results have the same bits with and without it. Without `folder=`, or where the system cannot read ahead (macOS,
        Windows), there is nothing to do. Rows that are in the page cache already cost next to nothing.

        Parameters
        ----------
        inputs : int [batch_size]
            Ids whose embeddings predict the labels in that step.
        labels : int [batch_size] or [batch_size, num_true]
            Ids that are predicted.
        after : int
            Number of steps before that step: 0 for the next one, 1 for the one after it.

        Raises
        ------
        TypeError, ValueError
            If an id or `after` is of another type or out of its range.

        Examples
        --------
        >>> import tempfile
        >>> with SkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1, folder=tempfile.mkdtemp()) as model:
        ...     model.prefetch([1, 2], [2, 3])
        ...     loss = model.step([1, 2], [2, 3])
        """
        ids = validation.ids("inputs", inputs, ("batch_size",), self.output.num_classes)
        self.output.prefetch(labels, after=after)
        self.embedding_table.prefetch(ids)

    def pull(self, inputs: ArrayLike, labels: ArrayLike) -> PulledRows:
        """Draw the candidates of the next step, and return copies of the rows of all tables that its loss reads.

        Parameters
        ----------
        inputs : int [batch_size]
            Ids whose embeddings predict the labels.
        labels : int [batch_size] or [batch_size, num_true]
            Ids that are predicted.

        Returns
        -------
        PulledRows
            As from `SampledSoftmax.pull`, with `inputs` [batch_size, dim], the embeddings.

        Raises
        ------
        TypeError, ValueError
            If an id is out of range or the shapes do not fit.

        Examples
        --------
        A step in parts, with a loss computed elsewhere:

        >>> import sampledsoftmax as ss
        >>> model = SkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1)
        >>> rows = model.pull([1, 2], [2, 3])
        >>> losses, of_inputs, of_rows = ss.reference.loss_of_rows(rows.inputs, rows)
        >>> model.push(rows, ss.RowGradients(*(gradient / 2 for gradient in (*of_rows, of_inputs))))
        """
        return pull_rows(self.output, labels, self.embedding_table, inputs)

    def push(self, rows: PulledRows, gradients: RowGradients | PulledRows) -> None:
        """Take one step of the optimizer on the rows that were pulled.

        Parameters
        ----------
        rows : PulledRows
            What `pull` of this model returned.
        gradients : RowGradients or PulledRows
            As for `SampledSoftmax.push`, with `inputs`, the gradients of the embeddings.

        Raises
        ------
        TypeError, ValueError
            If the rows are of another model or were pushed before, or the gradients do not fit; nothing is changed.
        FloatingPointError
            If a gradient is NaN or infinite; nothing is changed.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> model = SkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1)
        >>> rows = model.pull([1, 2], [2, 3])
        >>> names = "label_weights", "label_biases", "sampled_weights", "sampled_biases", "inputs"
        >>> of_squares = [2 * getattr(rows, name) for name in names]  # a loss of the rows alone
        >>> model.push(rows, ss.RowGradients(*of_squares))
        """
        push_rows(self.output, rows, gradients, self.embedding_table)

    def _checked_pairs(
        self, size: str, inputs: ArrayLike, labels: ArrayLike, selection: Selection
    ) -> tuple[Ids, Ids, Counted | None]:
        """Return ids, labels and what counts of them."""
        output = self.output
        ids = validation.ids("inputs", inputs, (size,), output.num_classes)
        labels = validation.as_ids("labels", labels)
        num_true, num_classes = number_of_labels(labels), output.num_classes
        checked, counted = without_padding(labels, num_true, num_classes, selection, output.dtype)
        if checked.shape[0] != ids.size:
            raise ValueError(f"labels has {checked.shape[0]} rows and inputs has {ids.size}: they must be equal")
        output.fused_steps.check_labels(checked, counted)
        return ids, checked, counted

    def _losses(
        self, ids: Ids, labels: Ids, counted: Counted | None, batch_size: int, reads_ahead: bool = False
    ) -> NDArray[np.float64]:
        """Take a step on each batch; one step where there are no pairs."""
        size = max(1, min(batch_size, ids.size))  # any int may be asked for
        starts = np.arange(0, max(1, ids.size) + size, size)
        starts[-1] = ids.size
        tables = (self.embedding_table, self.output.weight_table, self.output.bias_table)
        if self.output.fused_steps.supports(self.embedding_table):
            take = self._step_pairs_reading_ahead if reads_ahead else self.output.fused_steps.step_pairs
            if counted is None:
                return take(tables, Pairs(ids, labels, NO_WEIGHTS, starts, size))
            if counted.num_labels is not None:
                return take(tables, _what_counts(ids, labels, counted, starts))
        losses = []
        for top, end in itertools.pairwise(starts.tolist()):
            if reads_ahead and end < ids.size:
                self.prefetch(ids[end : end + size], labels[end : end + size], after=1)
            part = None if counted is None else counted.between(top, end)
            losses.append(self._step_by_stages(ids[top:end], labels[top:end], part))
        return np.array(losses)

    def _step_pairs_reading_ahead(self, tables: Tables, pairs: Pairs) -> NDArray[np.float64]:
        """Take the steps of `step_pairs` one by one, each after the rows of the next one are asked for."""
        losses, num_batches = [], pairs.starts.size - 1
        for i in range(num_batches):
            if i + 1 < num_batches:
                later = pairs.batches(i + 1, i + 2)
                self.prefetch(later.inputs, later.labels, after=1)
            losses.append(self.output.fused_steps.step_pairs(tables, pairs.batches(i, i + 1)))
        return np.concatenate(losses)

    def _step_by_stages(self, ids: Ids, labels: Ids, counted: Counted | None) -> float:
        self.output.optimizer.check_settings()  # before rows catch up
        rows = np.arange(ids.size) if counted is None else counted.rows
        self.embedding_table.catch_up(ids[rows])
        table = self.embedding_table.values
        inputs = gather(Shards((table,)), ids, self.output.dtype)
        if counted is None:
            loss, inputs_gradient = self.output.step(inputs, labels)
        else:
            labels = np.where(counted.labels, labels, _PADDING)
            loss, inputs_gradient = self.output.step(inputs, labels, counted.weights, ignore_index=_PADDING)
        if rows.size > 0:
            self.embedding_table.update(IndexedSlices(inputs_gradient[rows], ids[rows], table.shape))
        return loss


def pair_tables(settings: LayerSettings, seed: Any) -> list[NewTable]:
    """Return weights, biases and embeddings of a new model."""
    dtype, shape = settings.dtype, (settings.num_classes, settings.dim)
    rng, half, dim = initial_rng(seed, 1), dtype.type(0.5), dtype.type(settings.dim)
    embeddings = NewTable("embeddings", shape, dtype, lambda rows: (rng.random(rows, dtype) - half) / dim)
    return [*output_tables(settings, seed), embeddings]


def _what_counts(ids: Ids, labels: Ids, counted: Counted, starts: Ids) -> Pairs:
    """Return the pairs that count, which have the same number of labels, in the same batches."""
    rows, weights = counted.rows, np.zeros(ids.size)
    for top, end in itertools.pairwise(starts.tolist()):
        weights[top:end] = counted.between(top, end).shares()
    starts = np.searchsorted(rows, starts)
    return Pairs(ids[rows], counted.of(labels, rows), weights[rows], starts, max(1, int(np.diff(starts).max())))


def _refuse_shared(name: str, values: ArrayLike, other_name: str, other: Table) -> None:
    """Refuse one array as both tables where rows lag: each table would catch up for its own steps only."""
    if (
        other.lags
        and not other.in_files
        and isinstance(values, np.ndarray)
        and np.may_share_memory(values, other.values)
    ):
        raise ValueError(
            f"{name} must not share memory with {other_name} while rows catch up later, as with Adam(mode='exact'): "
            "assign a copy, or use another optimizer"
        )
