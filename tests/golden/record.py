"""Record TensorFlow's outputs: `python -m tests.golden.record` writes tensorflow.json into this folder."""

import json
import os
import platform
from pathlib import Path

import numpy as np

from tests.golden import settings

FILE = Path(__file__).with_name("tensorflow.json")


def main():
    """Record everything, with the version of TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 - only the recorder needs it

    recorded = {
        "tensorflow": tf.__version__,
        "machine": platform.machine(),
        "samplers": {name: sampler_calls(tf, *setting) for name, setting in settings.SAMPLERS.items()},
        "losses": {name: loss_and_gradients(tf, *setting) for name, setting in settings.LOSSES.items()},
        "training": {name: trained_tables(tf, name) for name in settings.OPTIMIZERS},
    }
    FILE.write_text(json.dumps(recorded, indent=None, separators=(",", ":")) + "\n")
    print(FILE, FILE.stat().st_size, "bytes, TensorFlow", tf.__version__)


def sampler_calls(tf, op, arguments, num_sampled, unique, seeds):
    """Return (ids, true counts, sampled counts) of the first calls of an op."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        values = getattr(tf.raw_ops, op)(
            true_classes=np.array(settings.TRUE_CLASSES, np.int64), num_true=2, num_sampled=num_sampled,
            unique=unique, seed=seeds[0], seed2=seeds[1], **arguments,
        )  # fmt: skip
        return [[array.tolist() for array in session.run(values)] for _ in range(settings.NUM_CALLS)]


def loss_and_gradients(tf, name, hits):
    """Return loss, indices, and gradients of weights, biases and inputs on the first batch."""
    embeddings, weights, biases = (tf.Variable(table) for table in settings.tables())
    ids, labels = settings.batch(0)
    with tf.GradientTape() as tape:
        inputs = tf.gather(embeddings, ids)
        tape.watch(inputs)
        loss = getattr(tf.nn, name)(
            weights, biases, labels, inputs, settings.NUM_SAMPLED, settings.NUM_CLASSES, 2,
            candidates(tf, labels), hits,
        )  # fmt: skip
    of_weights, of_biases, of_inputs = tape.gradient(loss, [weights, biases, inputs])
    arrays = loss, of_weights.indices, of_weights.values, of_biases.values, of_inputs
    return [array.numpy().tolist() for array in arrays]


def candidates(tf, labels):
    """Return the log-uniform candidates of the first call with the seed of the settings."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        sampled = tf.random.log_uniform_candidate_sampler(
            labels, 2, settings.NUM_SAMPLED, True, settings.NUM_CLASSES, seed=settings.SEED
        )
        values = session.run(sampled)
    return tuple(tf.constant(array) for array in values)


def trained_tables(tf, name):
    """Return embeddings, weights and biases after some steps on the mean sampled softmax loss."""
    train = tf.compat.v1.train
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [tf.compat.v1.Variable(table, use_resource=True) for table in settings.tables()]
        inputs, labels = tf.compat.v1.placeholder(tf.int64, [5]), tf.compat.v1.placeholder(tf.int64, [5, 2])
        losses = tf.nn.sampled_softmax_loss(
            variables[1], variables[2], labels, tf.nn.embedding_lookup(variables[0], inputs),
            settings.NUM_SAMPLED, settings.NUM_CLASSES, 2, seed=settings.SEED,
        )  # fmt: skip
        rule = {"sgd": train.GradientDescentOptimizer, "adagrad": train.AdagradOptimizer}[name]
        step = rule(settings.LEARNING_RATE).minimize(tf.reduce_mean(losses))
        session.run(tf.compat.v1.global_variables_initializer())
        for i in range(settings.NUM_STEPS):
            session.run(step, dict(zip((inputs, labels), settings.batch(i), strict=True)))
        return [array.tolist() for array in session.run(variables)]


if __name__ == "__main__":
    main()
