"""The output layer of an encoder: loss, gradient and sparse update in one step."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.layers.fused_step import FusedSteps, not_finite
from sampledsoftmax.layers.pulled_rows import PulledRows, RowGradients, pull_rows, push_rows
from sampledsoftmax.layers.table import Table, initial_rng
from sampledsoftmax.layers.top_k import top_k
from sampledsoftmax.losses.arguments import Call, checked_batch, checked_values, correction_for
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.evaluate import mean_loss_and_grad
from sampledsoftmax.losses.full_softmax import full_softmax_loss
from sampledsoftmax.losses.objectives import Objective, checked_objective
from sampledsoftmax.optimizers import Adagrad, Optimizer, checked_optimizer
from sampledsoftmax.samplers import CandidateSampler, sampler_for
from sampledsoftmax.types import Gradients


class SampledSoftmax:
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
    folder : path, optional
        Keeps tables and slots in memory-mapped .npy files of this folder, which are overwritten: for more classes than
        memory holds. A step reads and writes the pages of its rows only.

    Attributes
    ----------
    weights : float [num_classes, dim]
        Initially normal with standard deviation dim**-0.5. Readable, assignable.
    biases : float [num_classes]
        Initially 0. Readable, assignable.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    The loss, its sources and its gradients are those of `sampled_softmax_loss_and_grad`, for the mean of the
    batch; the update is that of the optimizer. `step` does both in compiled code.

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
        self.num_classes = validation.whole_number("num_classes", num_classes, 1)
        self.dim = validation.whole_number("dim", dim, 1)
        self.num_sampled = validation.sample_size("num_sampled", num_sampled, True, "num_classes", self.num_classes)
        self.dtype = validation.float_dtype("dtype", dtype)
        self.optimizer = checked_optimizer(Adagrad(0.05) if optimizer is None else optimizer)
        self.objective = checked_objective(objective)
        self.sampler = sampler_for(sampler, self.num_classes, seed)
        self.correction = correction_for(self.objective, subtract_log_q, remove_accidental_hits)
        rng, scale = initial_rng(seed, 0), self.dtype.type(self.dim**-0.5)
        shape = (self.num_classes, self.dim)
        self.weight_table = Table(
            "weights", shape, lambda rows: rng.standard_normal(rows, self.dtype) * scale, self.optimizer, folder
        )
        self.bias_table = Table("biases", shape[:1], lambda rows: np.zeros(rows, self.dtype), self.optimizer, folder)
        self.fused_steps = FusedSteps(
            self.num_sampled, self.dim, self.dtype, self.sampler, self.objective, self.correction
        )

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

    def step(self, inputs: ArrayLike, labels: ArrayLike) -> tuple[float, NDArray[Any]]:
        """Train on one batch: sample, compute the loss and its gradient, update the rows it names.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes.

        Returns
        -------
        loss : float
            Mean loss of the batch before the update; 0.0 for an empty batch.
        inputs_gradient : float [batch_size, dim]
            Gradient of that mean with respect to `inputs`, for the encoder.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer.
        FloatingPointError
            If the loss is NaN or infinite; the tables are left as they were.
        """
        labels = np.asarray(labels)
        num_true = labels.shape[1] if labels.ndim == 2 else 1
        batch = checked_batch(self.weight_table.values, self.bias_table.values, labels, inputs, num_true)
        if self.fused_steps.supports(self.weight_table):
            return self.fused_steps.step_inputs((self.weight_table, self.bias_table), batch.inputs, batch.labels)
        loss, gradients = self._loss_and_grad(batch)
        self.weight_table.update(gradients.weights)
        self.bias_table.update(gradients.biases)
        return loss, gradients.inputs

    def full_loss(self, inputs: ArrayLike, labels: ArrayLike) -> NDArray[Any]:
        """Return the exact loss of each example over all classes: `full_softmax_loss` of the layer's tables.

        Parameters
        ----------
        inputs : float [batch_size, dim]
            Output of the encoder, in the layer's dtype.
        labels : int [batch_size] or [batch_size, num_true]
            Ids of the true classes, in [0, num_classes).

        Returns
        -------
        float [batch_size]
            log sum_c exp(inputs[b] . weights[c] + biases[c]) - mean of the labels' logits.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit the layer.
        """
        return full_softmax_loss(self.weights, self.biases, labels, inputs)

    def top_k(self, inputs: ArrayLike, k: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the k classes of the largest logits of each example, exactly.

        Logits are inputs[b] . weights[c] + biases[c], of all classes c.

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
        return top_k(checked_batch(self.weights, self.biases, no_labels, inputs, 1), k)

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
        sampled = self.sampler.sample(batch.labels, self.num_sampled)
        values = checked_values(sampled, batch, self.num_sampled, self.correction.subtract_log_q)
        ids = np.concatenate((batch.labels.ravel(), values.sampled_candidates))
        self.weight_table.catch_up(ids)
        self.bias_table.catch_up(ids)
        loss, gradients = mean_loss_and_grad(Call(batch, values, self.correction), self.objective)
        if not np.isfinite(loss):
            raise FloatingPointError(not_finite(loss, self.optimizer.learning_rate))
        return loss, gradients
