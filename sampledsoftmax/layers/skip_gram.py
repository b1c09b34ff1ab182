"""Skip-gram: an embedding table and a `SampledSoftmax` layer, trained on pairs of ids."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.layers.pulled_rows import PulledRows, RowGradients, pull_rows, push_rows
from sampledsoftmax.layers.sampled_softmax import SampledSoftmax
from sampledsoftmax.layers.table import Table, initial_rng
from sampledsoftmax.losses.gather import gather
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import IndexedSlices

Ids = NDArray[np.int64]


class SkipGram:
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
    folder : path, optional
        Keeps tables and slots in memory-mapped .npy files of this folder, which are overwritten: for more classes than
        memory holds. A step reads and writes the pages of its rows only.

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
        If an argument is of another type or out of its range.

    Notes
    -----
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
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        flags = (subtract_log_q, remove_accidental_hits)
        self.output = SampledSoftmax(
            num_classes, dim, num_sampled, optimizer, sampler, *flags, dtype, seed, objective=objective, folder=folder
        )
        rng, half, dim = initial_rng(seed, 1), self.output.dtype.type(0.5), self.output.dtype.type(self.output.dim)
        self.embedding_table = Table(
            "embeddings",
            (self.output.num_classes, self.output.dim),
            lambda rows: (rng.random(rows, self.output.dtype) - half) / dim,
            self.output.optimizer,
            folder,
        )

    @property
    def embeddings(self) -> NDArray[Any]:
        """Embeddings [num_classes, dim]; an array that is assigned is trained in place."""
        return self.embedding_table.caught_up()

    @embeddings.setter
    def embeddings(self, values: ArrayLike) -> None:
        self.embedding_table.assign(values)

    @property
    def weights(self) -> NDArray[Any]:
        """Output weights [num_classes, dim]; an array that is assigned is trained in place."""
        return self.output.weights

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        self.output.weights = values

    @property
    def biases(self) -> NDArray[Any]:
        """Output biases [num_classes]; an array that is assigned is trained in place."""
        return self.output.biases

    @biases.setter
    def biases(self, values: ArrayLike) -> None:
        self.output.biases = values

    def step(self, inputs: ArrayLike, labels: ArrayLike) -> float:
        """Train on one batch of pairs and return its mean loss before the update.

        Parameters
        ----------
        inputs : int [batch_size]
            Ids whose embeddings predict the labels.
        labels : int [batch_size] or [batch_size, num_true]
            Ids that are predicted.

        Returns
        -------
        float
            Mean loss; 0.0 for an empty batch.

        Raises
        ------
        TypeError, ValueError
            If an id is out of range or the shapes do not fit; no table is changed.
        FloatingPointError
            If the loss is NaN or infinite; no table is changed.
        """
        ids, labels = self._checked_pairs("batch_size", inputs, labels)
        return float(self._losses(ids, labels, max(ids.size, 1))[0])

    def _step_by_stages(self, ids: Ids, labels: Ids) -> float:
        self.embedding_table.catch_up(ids)
        table = self.embedding_table.values
        loss, inputs_gradient = self.output.step(gather(Shards((table,)), ids, self.output.dtype), labels)
        self.embedding_table.update(IndexedSlices(inputs_gradient, ids, table.shape))
        return loss

    def steps(self, inputs: ArrayLike, labels: ArrayLike, batch_size: int) -> NDArray[np.float64]:
        """Run `step` on consecutive batches of pairs; the last batch may be smaller.

        Parameters
        ----------
        inputs : int [num_pairs]
            As for `step`.
        labels : int [num_pairs] or [num_pairs, num_true]
            As for `step`.
        batch_size : int
            Pairs per step, at least 1.

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
        ids, labels = self._checked_pairs("num_pairs", inputs, labels)
        return self._losses(ids, labels, size)[: ceil_div(ids.size, size)]

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

    def _checked_pairs(self, size: str, inputs: ArrayLike, labels: ArrayLike) -> tuple[Ids, Ids]:
        ids = validation.ids("inputs", inputs, (size,), self.output.num_classes)
        labels = np.asarray(labels)
        num_true = labels.shape[1] if labels.ndim == 2 else 1
        labels = validation.labels("labels", labels, num_true, self.output.num_classes)
        if labels.shape[0] != ids.size:
            raise ValueError(f"labels has {labels.shape[0]} rows and inputs has {ids.size}: they must be equal")
        return ids, labels

    def _losses(self, ids: Ids, labels: Ids, batch_size: int) -> NDArray[np.float64]:
        """Take a step on each batch; one step where there are no pairs."""
        tables = (self.embedding_table, self.output.weight_table, self.output.bias_table)
        if self.output.fused_steps.supports(self.embedding_table):
            return self.output.fused_steps.step_pairs(tables, ids, labels, batch_size)
        starts = range(0, max(ids.size, 1), batch_size)
        return np.array([self._step_by_stages(ids[i : i + batch_size], labels[i : i + batch_size]) for i in starts])
