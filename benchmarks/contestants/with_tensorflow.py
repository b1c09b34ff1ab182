"""TensorFlow: the word2vec tutorial's loss under tf.function, with row updates of its v1 optimizers."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.cases import BLOCK, INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from benchmarks.contestants import OneBatchPerCall
from benchmarks.machine import num_cores


class TensorFlow(OneBatchPerCall):
    """`tf.nn.sampled_softmax_loss`; gradients of the tables are IndexedSlices."""

    def __init__(self, case: Case, optimizer: str) -> None:
        self.threads = tf.config.threading.get_intra_op_parallelism_threads() or num_cores()
        self.variables = {name: _variable(case, name) for name in TABLES}
        train = tf.compat.v1.train
        if optimizer == "sgd":
            rule = train.GradientDescentOptimizer(LEARNING_RATE)
        else:
            rule = train.AdagradOptimizer(LEARNING_RATE, INITIAL_ACCUMULATOR)
        variables = [self.variables[name] for name in TABLES]

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

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        return float(self._step(tf.constant(inputs), tf.constant(labels)))

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""
        return np.asarray(tf.gather(self.variables[name], ids))


def _variable(case: Case, name: str) -> Any:
    """Return a variable filled by TensorFlow: converting an array would briefly need the memory twice."""
    block = tf.constant(case.block(name))
    return tf.Variable(tf.gather(block, tf.range(case.num_classes, dtype=tf.int64) % BLOCK))
