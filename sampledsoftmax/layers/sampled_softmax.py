"""The output layer of an encoder: loss, gradient and sparse update in one step."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.layers.fused_step import NO_WEIGHTS, FusedSteps, not_finite
from sampledsoftmax.layers.layer_folder import LayerFolder
from sampledsoftmax.layers.layer_settings import LayerSettings, checked_settings
from sampledsoftmax.layers.pulled_rows import PulledRows, RowGradients, pull_rows, push_rows
from sampledsoftmax.layers.ragged_layers import check_ragged, ragged_steps_of
from sampledsoftmax.layers.ragged_step import RaggedSteps
from sampledsoftmax.layers.stored_layer import StoredLayer
from sampledsoftmax.layers.table import NewTable, Table, initial_rng
from sampledsoftmax.layers.top_k import top_k
from sampledsoftmax.losses.arguments import Call, checked_batch, checked_examples, checked_values
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Selection, number_of_labels
from sampledsoftmax.losses.evaluate import mean_loss_and_grad
from sampledsoftmax.losses.full_softmax import checked_full_batch, full_losses
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler, sampler_for
from sampledsoftmax.types import Correction, Gradients, RaggedLabels, Similarity


class SampledSoftmax(StoredLayer):
    """An output layer that trains only the rows of the labels and of the sampled candidates.

    Parameters
    ----------
    num_classes : int
        Number of output classes.
    dim : int
        Width of the inputs.
    num_sampled : int
        Candidates per step, shared by the batch; at most `num_classes`, since they are unique.
    optimizer : Optimizer, optional
        How rows are updated: SGD, Momentum, Adagrad, RowwiseAdagrad, Adam, or your own; default `Adagrad(0.05)`.
    sampler : str or sampler object
        "log_uniform" (ids sorted by falling frequency), "uniform", or a sampler object such as
        `LogUniformSampler`.
    subtract_log_q : bool, optional
        Whether log(expected count) is subtracted from the logits; default: yes, except for "negative_sampling".
    remove_accidental_hits : bool, optional
        Whether a candidate that is a label of an example is left out of that example's sum; default: yes, except for
        "nce", as in TensorFlow.
    dtype : float32 or float64
        Of the tables, the inputs and all arithmetic.
    seed : None, int or (int, int)
        Seed of the initial weights and of the candidates (TensorFlow's op seed).
    objective : str or Objective
        "sampled_softmax", "nce" (noise-contrastive estimation), "negative_sampling" (NCE without log Q), or an
        objective of your own.
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether inputs and rows of the weights are divided by their lengths, so that dot products are cosines. The
        tables hold the rows as they are. A row shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.
    folder : path, optional
        Keeps tables and slots in memory-mapped .npy files of this folder, for more classes than memory holds: a step
        reads and writes the pages of its rows only. A folder that has a layer is continued; see Notes.
    overwrite : bool
        Whether a layer that the folder has is removed and a new one is started.

    Attributes
    ----------
    weights : float [num_classes, dim]
        Initially normal with standard deviation dim**-0.5. Readable, assignable.
    biases : float [num_classes]
        Initially 0. Readable, assignable; -inf leaves a class out of every sum.
    num_sampled : int
        Readable, assignable: the next step uses it.
    sampler : CandidateSampler
        Readable, assignable: the next step uses it.
    optimizer : Optimizer
        Readable; its settings, such as `learning_rate`, can be assigned.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or the folder has a layer with other settings or files
        of something else; nothing is changed.
    BlockingIOError
        If another layer uses the folder, in this process or another one.
    OSError
        If the folder cannot be written, or the disk is too small for the tables.

    Notes
    -----
    The loss, its sources and its gradients are those of `sampled_softmax_loss_and_grad`, for the mean of the
    batch; the update is that of the optimizer. `step` does both in compiled code.

    **Assigned tables.** An array that is assigned is trained in place: it must have the shape and dtype of the table,
    be writeable, and hold finite numbers. Two layers may share one; each has slots of its own. A view whose rows are
    apart gives the same results up to rounding. With `folder=` the values are copied to the file instead.

    **Copies.** `copy.copy`, `copy.deepcopy` and `pickle` (so joblib too) give a layer that goes on with the same bits
    and shares nothing with the first; copies of a layer with `folder=` are in memory. See also `save` and `load`.

    **Tables in a folder.** The layer continues what the folder has, tables, slots and the position of the sampler, if
    all settings are the same. The learning rate may differ: it is that of the constructor. A `seed` of None goes on
    with that of the folder. The folder is locked while it is in use, on network file systems too if they have locks,
    until `close`, the end of a `with` block or of the program, or until nothing refers to the layer. A forked child
    cannot use it. When the process is killed, all steps that were completed are in the files, and at most a part of
    the one that was under way; the sampler goes on from the last `flush`, and a UserWarning says so. A power failure
    keeps what was flushed, and may keep pages of later steps.

    Examples
    --------
    >>> import numpy as np
    >>> layer = SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
    >>> inputs, labels = np.ones((2, 8), np.float32), np.array([3, 5])
    >>> before = layer.full_loss(inputs, labels).mean()
    >>> for _ in range(50):
    ...     loss, inputs_gradient = layer.step(inputs, labels)
    >>> inputs_gradient.shape, bool(layer.full_loss(inputs, labels).mean() < before)
    ((2, 8), True)
    """

    _KIND = "SampledSoftmax"
    num_classes: int
    dim: int
    dtype: np.dtype[Any]
    optimizer: Optimizer
    objective: Objective
    correction: Correction
    weight_table: Table
    bias_table: Table
    fused_steps: FusedSteps
    ragged_steps: RaggedSteps
    _num_sampled: int
    _sampler: CandidateSampler

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
        return output_tables(settings, seed)

    @classmethod
    def _state(cls, settings: LayerSettings, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
        return output_state(settings, tables, folder)

    def _settings(self) -> LayerSettings:
        return settings_of(self)

    def _tables(self) -> tuple[Table, ...]:
        return self.weight_table, self.bias_table

    @property
    def num_sampled(self) -> int:
        """Candidates per step; the next step uses what is assigned."""
        return self._num_sampled

    @num_sampled.setter
    def num_sampled(self, value: int) -> None:
        size = validation.sample_size("num_sampled", value, True, "num_classes", self.num_classes)
        self._change(settings_of(self)._replace(num_sampled=size))

    @property
    def sampler(self) -> CandidateSampler:
        """Where candidates come from; the next step uses the sampler object that is assigned."""
        return self._sampler

    @sampler.setter
    def sampler(self, value: CandidateSampler) -> None:
        if isinstance(value, str):
            raise TypeError(f"sampler must be a sampler object with a seed of its own, got {validation.shown(value)}")
        self._change(settings_of(self)._replace(sampler=sampler_for(value, self.num_classes, None)))

    def _change(self, settings: LayerSettings) -> None:
        """Use other settings from the next step on."""
        tables = {table.name: table for table in self._tables()}
        self.__setstate__(output_state(settings, tables, self._folder))
        if self._folder is not None:
            self._folder.changed(settings)

    @property
    def weights(self) -> NDArray[Any]:
        """Output weights [num_classes, dim]; an array that is assigned is trained in place."""
        return self.weight_table.caught_up()

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        self.weight_table.assign(values)

    @property
    def biases(self) -> NDArray[Any]:
        """Output biases [num_classes]; an array that is assigned is trained in place."""
        return self.bias_table.caught_up()

    @biases.setter
    def biases(self, values: ArrayLike) -> None:
        self.bias_table.assign(values)

    def step(
        self,
        inputs: ArrayLike,
        labels: ArrayLike | RaggedLabels,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """Train on one batch: sample, compute the loss and its gradient, update the rows it names.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        labels : int [batch_size] or [batch_size, num_true], or RaggedLabels
            Ids of the true classes. With `RaggedLabels` each label has a loss of its own, over the candidates that are
            no label of its example, and the loss is the mean over all labels of the batch.
        sample_weight : float or bool [batch_size], optional
            Weight of each example, finite and at least 0, or a mask: the loss is the weighted mean sum(w * l) / sum(w).
            An example of weight 0 contributes nothing, whatever its inputs are: the step is the one on the batch
            without it, and a row that only such examples have as a label keeps its bits with every optimizer.
        ignore_index : int, optional
            A label that says "no label", such as -1: padding. The target is uniform over the other labels of the
            example; one without any has weight 0.

        Returns
        -------
        loss : float
            Mean loss of the batch before the update; 0.0 for a batch in which no example counts, which changes no
            table, but takes its place in the random stream.
        inputs_gradient : float [batch_size, dim]
            Gradient of that mean with respect to `inputs`, for the encoder.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer, or a label is never drawn by the sampler and its log Q is needed.
        FloatingPointError
            If the loss is NaN or infinite, or the gradient of an objective in Python is; the tables are left as they
            were, and the batch takes its place in the random stream.

        Notes
        -----
        A batch whose examples have different numbers of labels is computed by the loss functions, group by group, and
        then updated: the same result up to rounding, but slower than the compiled step.
        """
        if isinstance(labels, RaggedLabels):
            check_ragged(settings_of(self), sample_weight, ignore_index)
            return self.ragged_steps.step_inputs((self.weight_table, self.bias_table), inputs, labels)
        labels = validation.as_ids("labels", labels)
        num_true, selection = number_of_labels(labels), Selection(sample_weight, ignore_index)
        table = Shards((self.weight_table.values,))
        ids, features, counted = checked_examples(labels, inputs, num_true, table, self.num_classes, selection)
        batch = Batch(table, Shards((self.bias_table.values,)), ids, features, counted)
        self.fused_steps.check_labels(ids, counted)
        if self.fused_steps.supports(self.weight_table) and (counted is None or counted.num_labels is not None):
            return self._fused_step(batch)
        loss, gradients = self._loss_and_grad(batch)
        if batch.labels.size > 0 and gradients.weights.indices.size > 0:  # an empty batch names the candidates
            self.weight_table.update(gradients.weights)
            self.bias_table.update(gradients.biases)
        return loss, gradients.inputs

    def prefetch(self, labels: ArrayLike, *, after: int = 0) -> None:
        """Start to read the rows of a coming step from the files of `folder=`, and return at once.

        Call it a step ahead, so that the disk reads while other work is done. Which candidates a step draws is known
        before, so their rows are read with those of the labels. Nothing is changed, and no step waits for it: all
        results have the same bits with and without it. Without `folder=`, or where the system cannot read ahead (macOS,
        Windows), there is nothing to do. Rows that are in the page cache already cost next to nothing.

        Parameters
        ----------
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes of that step.
        after : int
            Number of steps before that step: 0 for the next one, 1 for the one after it.

        Raises
        ------
        TypeError, ValueError
            If an id or `after` is of another type or out of its range.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> batches = np.random.default_rng(1).integers(0, 1000, (3, 8))
        >>> with SampledSoftmax(1000, 16, num_sampled=20, seed=1, folder=tempfile.mkdtemp()) as layer:
        ...     for i in range(3):
        ...         if i < 2:
        ...             layer.prefetch(batches[i + 1], after=1)
        ...         loss, inputs_gradient = layer.step(np.zeros((8, 16), np.float32), batches[i])
        """
        array = validation.as_ids("labels", labels)
        ids = validation.labels("labels", array, array.shape[1] if array.ndim == 2 else 1, self.num_classes)
        steps = validation.whole_number("after", after, 0)
        if self.weight_table.in_files:
            candidates = self.sampler.peek(ids, self.num_sampled, after=steps)
            rows = np.concatenate([ids.reshape(-1), candidates])
            self.weight_table.prefetch(rows)
            self.bias_table.prefetch(rows)

    def _fused_step(self, batch: Batch) -> tuple[float, NDArray[Any]]:
        """Take a step on the examples that count, which have the same number of labels."""
        tables, counted = (self.weight_table, self.bias_table), batch.counted
        if counted is None:
            return self.fused_steps.step_inputs(tables, batch.inputs, batch.labels, NO_WEIGHTS)
        rows = counted.rows
        part = batch.part(rows)
        loss, gradient = self.fused_steps.step_inputs(tables, part.inputs, part.labels, counted.shares()[rows])
        inputs_gradient = np.zeros_like(batch.inputs)
        inputs_gradient[rows] = gradient
        return loss, inputs_gradient

    def full_loss(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
    ) -> NDArray[Any]:
        """Return the exact loss of each example over all classes: `full_softmax_loss` of the layer's tables and logits.

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
            log sum_c exp(inputs[b] . weights[c] / temperature + biases[c]) - mean of the labels' logits.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer.
        """
        selection = Selection(sample_weight, ignore_index)
        batch = checked_full_batch(self.weight_table.values, self.bias_table.values, labels, inputs, "div", selection)
        with self.weight_table.in_order(), self.bias_table.in_order():
            self._catch_up()
            return full_losses(batch, self.correction.similarity)

    def top_k(self, inputs: ArrayLike, k: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the k classes of the largest logits of each example, exactly.

        Logits are inputs[b] . weights[c] / temperature + biases[c], of all classes c, of rows of unit length with
        `normalize`.

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
            Their logits. A row has the same bits in any batch and for any number of threads. StepMemory, made for each
            call: 4096 rows of weights, the inputs, 0.2 MB of logits for each thread, and what is returned, for
            small batches once for each thread.

        Raises
        ------
        TypeError, ValueError
            If `inputs` does not fit the layer, or `k` is of another type or out of range.
        FloatingPointError
            If a logit is NaN, which has no order; infinite logits have one.

        Examples
        --------
        >>> import numpy as np
        >>> layer = SampledSoftmax(num_classes=4, dim=2, num_sampled=1)
        >>> layer.weights = np.array([[0, 0], [1, 0], [0, 2], [1, 0]], np.float32)
        >>> ids, logits = layer.top_k(np.array([[1, 0], [1, 1]], np.float32), k=3)
        >>> ids.tolist(), logits.tolist()
        ([[1, 3, 0], [2, 1, 3]], [[1.0, 1.0, 0.0], [2.0, 1.0, 1.0]])
        """
        k = validation.whole_number("k", k, 1, self.num_classes)
        no_labels = np.zeros(np.shape(inputs)[:1], np.int64)
        batch = checked_batch(self.weight_table.values, self.bias_table.values, no_labels, inputs, 1)
        with self.weight_table.in_order(), self.bias_table.in_order():
            self._catch_up()
            return top_k(batch, k, self.correction.similarity)

    def _catch_up(self) -> None:
        """Leave no row behind, in place, once the arguments of a pass over all classes have been checked."""
        self.weight_table.catch_up(None)
        self.bias_table.catch_up(None)

    def pull(self, labels: ArrayLike) -> PulledRows:
        """Draw the candidates of the next step, and return copies of the rows that its loss reads.

        The loss may then be computed anywhere, as often as needed: on the same rows it has the same value. `push` takes
        the gradients. `step` does all of it in compiled code.

        Parameters
        ----------
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes.

        Returns
        -------
        PulledRows
            Rows and biases of labels and candidates, log expected counts, accidental hits, and ids.

        Raises
        ------
        TypeError, ValueError
            If the labels do not fit the layer, or one of them is never drawn and its log Q is needed.

        Notes
        -----
        The sampler advances, and learns where it does, as in `step`, whether the rows are pushed or not. Assign
        `sampler.state` to draw candidates again.

        Examples
        --------
        A step in parts, with a loss computed elsewhere:

        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> layer = SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
        >>> inputs, rows = np.ones((2, 8), np.float32), layer.pull([3, 5])
        >>> losses, inputs_gradient, row_gradients = ss.reference.loss_of_rows(inputs, rows)
        >>> layer.push(rows, ss.RowGradients(*(gradient / 2 for gradient in row_gradients)))
        """
        return pull_rows(self, labels)

    def push(self, rows: PulledRows, gradients: RowGradients | PulledRows) -> None:
        """Take one step of the optimizer on the rows that were pulled.

        Parameters
        ----------
        rows : PulledRows
            What `pull` of this layer returned. The tables may have changed since, as in asynchronous training: the
            gradients are applied to the rows as they are now.
        gradients : RowGradients or PulledRows
            Gradients of what is minimized, usually the mean of the losses, with respect to the rows and biases, in the
            dtype of the layer; arrays of any library that NumPy reads. Those of a class that occurs more than once are
            summed: first as a candidate, then label by label.

        Raises
        ------
        TypeError, ValueError
            If the rows are of another layer or were pushed before, or the gradients do not fit; nothing is changed.
        FloatingPointError
            If a gradient is NaN or infinite; nothing is changed.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> layer = SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
        >>> rows = layer.pull([3, 5])
        >>> names = "label_weights", "label_biases", "sampled_weights", "sampled_biases"
        >>> of_squares = [2 * getattr(rows, name) for name in names]  # a loss of the rows alone
        >>> layer.push(rows, ss.RowGradients(*of_squares))
        """
        push_rows(self, rows, gradients)

    def _loss_and_grad(self, batch: Batch) -> tuple[float, Gradients]:
        """Return the mean loss and its gradients, which name no row where no example counts."""
        self.optimizer.check_settings()
        labels = batch.labels if batch.counted is None else batch.labels[batch.counted.labels][:, np.newaxis]
        values = self.sampler.sample(labels, self.num_sampled)
        if batch.counted is not None:
            counts = np.ones(batch.labels.shape, values.true_expected_count.dtype)
            counts[batch.counted.labels] = values.true_expected_count[:, 0]
            values = values._replace(true_expected_count=counts)
        values = checked_values(values, batch, self.num_sampled, self.num_classes, self.correction.subtract_log_q)
        ids = np.concatenate((labels.ravel(), values.sampled_candidates))
        self.weight_table.catch_up(ids)
        self.bias_table.catch_up(ids)
        loss, gradients = mean_loss_and_grad(Call(batch, values, self.correction), self.objective)
        if not np.isfinite(loss):
            rows = slice(None) if batch.counted is None else batch.counted.rows
            raise FloatingPointError(not_finite(loss, self.optimizer.learning_rate, batch.inputs[rows]))
        if not all(np.isfinite(part).all() for part in (gradients.weights.values, gradients.biases.values)):
            raise FloatingPointError(
                f"the loss of the batch is {loss}, but its gradient is not finite: no table was changed"
            )
        return loss, gradients


def settings_of(layer: SampledSoftmax) -> LayerSettings:
    """Return the present settings of a layer."""
    return LayerSettings(*(getattr(layer, name) for name in LayerSettings._fields))


def output_tables(settings: LayerSettings, seed: Any) -> list[NewTable]:
    """Return weights and biases of a new layer."""
    dtype, shape = settings.dtype, (settings.num_classes, settings.dim)
    rng, scale = initial_rng(seed, 0), dtype.type(settings.dim**-0.5)
    return [
        NewTable("weights", shape, dtype, lambda rows: rng.standard_normal(rows, dtype) * scale),
        NewTable("biases", shape[:1], dtype, lambda rows: np.zeros(rows, dtype)),
    ]


def output_state(settings: LayerSettings, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
    """Return the attributes of a layer, for `__setstate__`."""
    sizes = (settings.num_sampled, settings.dim, settings.dtype)
    state = settings._asdict()
    return {
        "_num_sampled": state.pop("num_sampled"),
        "_sampler": state.pop("sampler"),
        **state,
        "weight_table": tables["weights"],
        "bias_table": tables["biases"],
        "fused_steps": FusedSteps(*sizes, settings.sampler, settings.objective, settings.correction),
        "ragged_steps": ragged_steps_of(settings),
        "_folder": folder,
    }
