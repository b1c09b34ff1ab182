"""Skip-gram training with sampled softmax, once for each implementation that is compared.

A contestant is made from a case, an optimizer's name and the case's tables, and has `step(inputs, labels)`
that trains on one batch and returns its mean loss. All draw the same candidates from the same seed.
"""

import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.cases import Case, Ids
from sampledsoftmax import reference
from sampledsoftmax.check import TENSORFLOW_GRAPH_SEED

SEED = 5
LEARNING_RATE = 0.1
INITIAL_ACCUMULATOR = 0.1
OPTIMIZERS = ("sgd", "adagrad")
Tables = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class Contestant(Protocol):
    """One implementation of the training step."""

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""


class Fast:
    """`SkipGram.step`."""

    name = "sampledsoftmax"

    def __init__(self, case: Case, optimizer: str, tables: Tables) -> None:
        rule: Any = ss.SGD(LEARNING_RATE)
        if optimizer == "adagrad":
            rule = ss.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
        self.model = ss.SkipGram(case.num_classes, case.dim, case.num_sampled, rule, seed=SEED)
        self.model.embeddings, self.model.weights, self.model.biases = tables

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        return self.model.step(inputs, labels)


class Reference:
    """`reference.py`; its sampler starts anew at each step, which costs the same."""

    name = "reference (NumPy)"

    def __init__(self, case: Case, optimizer: str, tables: Tables) -> None:
        self.case = case
        self.tables = dict(zip(("embeddings", "weights", "biases"), tables, strict=True))
        self.accumulators = {name: np.full_like(table, INITIAL_ACCUMULATOR) for name, table in self.tables.items()}
        self.update = self._sgd if optimizer == "sgd" else self._adagrad

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        sizes = (self.case.num_sampled, self.case.num_classes)
        candidates, tries = reference.log_uniform_sample(TENSORFLOW_GRAPH_SEED, SEED, *sizes)
        counts = [reference.log_uniform_expected_count(ids, sizes[0], tries, sizes[1]) for ids in (labels, candidates)]
        values = (candidates, *counts)
        embeddings, weights, biases = self.tables.values()
        loss = reference.skip_gram_step(embeddings, weights, biases, inputs, labels, values, self.update)
        return float(loss)

    def _sgd(self, name: str, indices: Ids, rows: NDArray[Any]) -> None:
        reference.sgd(self.tables[name], indices, rows, LEARNING_RATE)

    def _adagrad(self, name: str, indices: Ids, rows: NDArray[Any]) -> None:
        reference.adagrad(self.tables[name], self.accumulators[name], indices, rows, LEARNING_RATE)


class TensorFlow:
    """The word2vec tutorial's loss under tf.function, with row updates of its v1 optimizers."""

    name = "TensorFlow"

    def __init__(self, case: Case, optimizer: str, tables: Tables) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf  # noqa: PLC0415 - optional, and slow to import

        variables = [tf.Variable(table) for table in tables]
        train = tf.compat.v1.train
        if optimizer == "sgd":
            rule = train.GradientDescentOptimizer(LEARNING_RATE)
        else:
            rule = train.AdagradOptimizer(LEARNING_RATE, INITIAL_ACCUMULATOR)

        @tf.function  # type: ignore[untyped-decorator]
        def step(inputs: Any, labels: Any) -> Any:
            embeddings, weights, biases = variables
            with tf.GradientTape() as tape:
                embedded = tf.nn.embedding_lookup(embeddings, inputs)
                losses = tf.nn.sampled_softmax_loss(
                    weights, biases, labels, embedded, case.num_sampled, case.num_classes, seed=SEED
                )
                loss = tf.reduce_mean(losses)
            rule.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return loss

        self._step = step
        self._constant = tf.constant

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        return float(self._step(self._constant(inputs), self._constant(labels)))


CONTESTANTS: tuple[Any, ...] = (Fast, TensorFlow, Reference)
