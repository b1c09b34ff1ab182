"""A small skip-gram model, trained with any of the objectives, and its exact loss during training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.corpus import Corpus
from sampledsoftmax import validation
from sampledsoftmax.diagnostics.gradient import CORRECT, Sampler
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.losses.full_softmax import full_softmax_loss_and_grad
from sampledsoftmax.losses.nce import nce_loss_and_grad
from sampledsoftmax.losses.sampled_softmax import sampled_softmax_loss_and_grad
from sampledsoftmax.optimizers import Adagrad
from sampledsoftmax.types import Correction, Gradients, IndexedSlices

Ids = NDArray[np.int64]
Batch = tuple[Floats, Ids]
Loss = Callable[["Model", Batch, Floats], Gradients]


class Model(NamedTuple):
    """Tables of a skip-gram model: embeddings and weights float64 [num_classes, dim], biases [num_classes]."""

    embeddings: Floats
    weights: Floats
    biases: Floats

    def logits(self) -> Floats:
        """Return the logits [num_classes, num_classes] of all labels (columns) for all inputs (rows)."""
        return np.asarray(self.embeddings @ self.weights.T + self.biases)


class TrainedModel(NamedTuple):
    """A trained model and its losses during training.

    Attributes
    ----------
    model : Model
    steps : int64 [num_points]
        Steps after which the loss was computed.
    loss : float64 [num_points]
        Exact softmax loss in nats, over all classes and all pairs of the corpus by their probabilities.
    """

    model: Model
    steps: Ids
    loss: Floats


@dataclass(frozen=True)
class SmallModelSettings:
    """Size of a model, and length and speed of its training.

    Attributes
    ----------
    num_steps, batch_size, dim : int
        Steps, pairs per step, width of the vectors.
    learning_rate : float
        Learning rate of Adagrad, whose accumulators start at 1e-4.
    num_points : int
        How often the exact loss is computed.
    """

    num_steps: int = 3000
    batch_size: int = 64
    dim: int = 24
    learning_rate: float = 0.2
    num_points: int = 10


def full_softmax() -> Loss:
    """Return the exact objective: a function of a model, a batch (inputs, labels) and example weights to gradients."""
    return lambda model, batch, share: full_softmax_loss_and_grad(
        model.weights, model.biases, batch[1], batch[0], loss_grad=share
    )[1]


def sampled(
    sampler: Sampler, num_sampled: int, correction: Correction = CORRECT, objective: str = "sampled_softmax"
) -> Loss:
    """Return a sampled objective: "sampled_softmax" or "nce"."""
    losses = {"sampled_softmax": sampled_softmax_loss_and_grad, "nce": nce_loss_and_grad}
    function = losses[validation.choice("objective", objective, tuple(losses))]
    options = correction._asdict()

    def gradients(model: Model, batch: Batch, share: Floats) -> Gradients:
        values = sampler.sample(batch[1], num_sampled)
        return function(
            model.weights, model.biases, batch[1], batch[0], num_sampled, model.biases.size, 1, values,
            loss_grad=share, **options,
        )[1]  # fmt: skip

    return gradients


def train_model(corpus: Corpus, loss: Loss, training: SmallModelSettings, seed: int = 0) -> TrainedModel:
    """Train a model on pairs of a corpus; the same seed gives the same pairs and the same initial tables.

    Examples
    --------
    >>> from experiments.corpus import topic_corpus
    >>> corpus = topic_corpus(30, 3)
    >>> found = train_model(corpus, full_softmax(), SmallModelSettings(num_steps=100, dim=4))
    >>> bool(corpus.entropy < found.loss[-1] < found.loss[0])
    True
    """
    model = _initial(corpus.topics.size, training.dim, seed)
    optimizer = Adagrad(training.learning_rate, initial_accumulator_value=1e-4)
    slots = [optimizer.init(table) for table in model]
    inputs, labels = corpus.pairs(training.num_steps * training.batch_size, seed)
    points = np.linspace(0, training.num_steps, training.num_points + 1).astype(np.int64)[1:]
    losses, share = [], np.full(training.batch_size, 1 / training.batch_size)
    for step in range(training.num_steps):
        chosen = slice(step * training.batch_size, (step + 1) * training.batch_size)
        ids = inputs[chosen]
        found = loss(model, (model.embeddings[ids], labels[chosen]), share)
        rows = IndexedSlices(found.inputs, ids, model.embeddings.shape)
        for table, slot, gradient in zip(model, slots, (rows, found.weights, found.biases), strict=True):
            optimizer.update(table, slot, gradient)
        if step + 1 in points:
            losses.append(exact_loss(corpus, model.logits()))
    return TrainedModel(model, points, np.array(losses))


def exact_loss(corpus: Corpus, logits: Floats) -> float:
    """Return the softmax loss in nats of logits [num_classes, num_classes] over all pairs of a corpus."""
    largest = logits.max(axis=1, keepdims=True)
    log_sums = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
    return float(corpus.input_share @ log_sums - (corpus.joint * logits).sum())


def _initial(num_classes: int, dim: int, seed: int) -> Model:
    """Return initial tables; the probabilities exp(bias) sum to 1, which only NCE depends on."""
    rng = np.random.default_rng((seed, 1))
    shape = (num_classes, dim)
    return Model(
        rng.standard_normal(shape) / dim, rng.standard_normal(shape) / dim, np.full(num_classes, -np.log(num_classes))
    )
