"""Training steps in compiled code: what they need from a layer, their memory, and how they end."""

import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.batch import Correction
from sampledsoftmax.kernels.bundles import SAMPLED_SOFTMAX
from sampledsoftmax.kernels.train import NOT_FINITE, TOO_FEW_CLASSES, Draw, Trained, train
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.table import Table
from sampledsoftmax.threads import parts_for, team
from sampledsoftmax.workspace import Workspace, settings_for

Ids = NDArray[np.int64]

# Compiled code cannot be interrupted: many steps are cut into calls of about so many seconds.
_CALL_SECONDS = 0.1


class Steps:
    """Takes steps for one output layer; the memory is made for the largest batch seen."""

    def __init__(
        self, num_sampled: int, dim: int, dtype: np.dtype[Any], sampler: CandidateSampler, correction: Correction
    ) -> None:
        self.num_sampled, self.dim, self.dtype = num_sampled, dim, dtype
        self.sampler, self.correction = sampler, correction
        self._workspace = Workspace(1, 1, num_sampled, dim, dtype)
        self._lock = threading.Lock()
        self._paced_for, self._at_once = 0, 1  # steps of the next call, for batches of this size

    def can_take(self, weights: Table) -> bool:
        """Return whether sampler and optimizer are ones that compiled code knows."""
        return weights.has_rule and self.sampler._distribution() is not None

    def on_pairs(
        self, tables: tuple[Table, Table, Table], inputs: Ids, labels: Ids, batch_size: int
    ) -> NDArray[np.float64]:
        """Take a step on each batch of `inputs` [num_pairs] and `labels` [num_pairs, num_true].

        `tables` are embeddings, weights and biases. Returns the mean loss of each batch.
        """
        embeddings, weights, biases = tables
        trained = _trained(*embeddings.matrices, weights, biases, learn_inputs=True)
        losses = np.zeros(max(1, -(-inputs.size // batch_size)))
        done = 0
        with self._lock:
            if batch_size != self._paced_for:
                self._paced_for, self._at_once = batch_size, 1
            while done < losses.size:
                at_once = min(self._at_once, losses.size - done)
                pairs = slice(done * batch_size, (done + at_once) * batch_size)
                start = time.perf_counter()
                self._call(trained, inputs[pairs], labels[pairs], batch_size, losses[done : done + at_once])
                done += at_once
                self._at_once = _next_size(self._at_once, (time.perf_counter() - start) / at_once)
        return losses

    def on_inputs(self, tables: tuple[Table, Table], inputs: NDArray[Any], labels: Ids) -> tuple[float, NDArray[Any]]:
        """Take one step on inputs [batch_size, dim]; return the mean loss and its gradient with respect to them."""
        if not inputs.flags.writeable:
            inputs = inputs.copy()  # one type of array, one compilation
        trained = _trained(inputs, inputs[:0], *tables, learn_inputs=False)
        losses, input_grad = np.zeros(1), np.zeros(inputs.shape, inputs.dtype)
        with self._lock:
            self._call(trained, np.arange(labels.shape[0]), labels, max(labels.shape[0], 1), losses, input_grad)
        return float(losses[0]), input_grad

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # NaN or inf in a table shows in the loss
    def _call(
        self,
        trained: Trained,
        inputs: Ids,
        labels: Ids,
        batch_size: int,
        losses: NDArray[np.float64],
        input_grad: NDArray[Any] | None = None,
    ) -> None:
        num_true = labels.shape[1]
        scratch = self._memory(batch_size, num_true).scratch
        if input_grad is not None:
            scratch = scratch._replace(input_grad=input_grad)
        parts = 1 if _share_memory(trained) else parts_for(batch_size * self.num_sampled * self.dim, losses.size)
        shape = (batch_size, num_true, self.num_sampled)
        settings = settings_for(SAMPLED_SOFTMAX, True, self.correction, shape, self.dtype, parts)
        status = np.zeros(2, np.int64)
        with self.sampler._lock:
            draw = Draw(self.sampler._distribution(), *self.sampler._stream.position)
            pairs = (_writeable(inputs), _writeable(labels.reshape(-1)), batch_size)
            lanes = self._workspace.lanes(parts)
            team.run(train, parts, trained, *pairs, draw, settings, scratch, lanes, losses, status)
            steps_drawn = int(status[1]) + (status[0] == NOT_FINITE)
            self.sampler._stream.skip(steps_drawn, self.num_sampled)
        if status[0] == TOO_FEW_CLASSES:
            self.sampler.sample(labels[:batch_size], self.num_sampled)  # raises, with the reason
        if status[0] == NOT_FINITE:
            raise FloatingPointError(not_finite(float(losses[status[1]]), float(trained.rule.learning_rate)))

    def _memory(self, batch_size: int, num_true: int) -> Workspace:
        if not self._workspace.fits(batch_size, num_true, self.num_sampled, self.dim, self.dtype):
            self._workspace = Workspace(batch_size, num_true, self.num_sampled, self.dim, self.dtype)
        return self._workspace


def not_finite(loss: float, learning_rate: float) -> str:
    """Return the message for a loss that is NaN or infinite."""
    return f"the loss of the batch is {loss} at learning_rate = {learning_rate:g}: no table was changed"


def _trained(
    inputs: NDArray[Any], inputs_slot: NDArray[Any], weights: Table, biases: Table, learn_inputs: bool
) -> Trained:
    matrix, slot = biases.matrices
    return Trained(inputs, inputs_slot, *weights.matrices, matrix, matrix[:, 0], slot, weights.rule, learn_inputs)


def _share_memory(trained: Trained) -> bool:
    """Return whether two tables may be one: then their rows have more than one owner."""
    return np.may_share_memory(trained.inputs, trained.weights)


def _writeable(ids: Ids) -> Ids:
    """Return ids that may be written, copied where they may not: one type of array, one compilation."""
    ids = np.ascontiguousarray(ids)
    return ids if ids.flags.writeable else ids.copy()


def _next_size(steps: int, seconds: float) -> int:
    """Return how many steps the next call takes, after one of at most `steps` that took `seconds` each."""
    return max(1, min(4 * steps, int(_CALL_SECONDS / max(seconds, 1e-9))))
