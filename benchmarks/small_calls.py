"""`small-calls`: one call of a loss and one step of a layer at a small size, against TensorFlow in the same process.

A call of 0.1 ms is mostly checks of arguments and preparation. Both sides take short turns by rotation, since other
processes and the clock rate change the times of both; the ratio is that of the shortest calls. The first call of
each is compared to TensorFlow's, under tf.function, before anything is timed.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import numpy as np

import sampledsoftmax as ss
from benchmarks.cases import CASES, INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TINY, Case
from benchmarks.table import aligned, number
from benchmarks.timing import timed

RTOL = 1e-4
HEAD = ("call", "sampledsoftmax", "TensorFlow", "ratio")


class Pair(NamedTuple):
    """A call of ours and TensorFlow's; each returns an array to be compared."""

    name: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]


@click.command(short_help="One small call of a loss and of a layer.")
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True, help="Turns of each side.")
@click.option("--seconds", type=click.FloatRange(0), default=0.06, show_default=True, help="Length of a turn.")
@click.option("--tiny", is_flag=True, hidden=True)
def command(rounds: int, seconds: float, tiny: bool) -> None:
    """Print the shortest times in microseconds: loss and gradients, and a step with Adagrad, of one batch."""
    case = TINY if tiny else CASES[0]
    print(f"{case}; microseconds", flush=True)
    print(aligned(HEAD, [measure(pair, rounds, seconds) for pair in pairs(case)]))


def measure(pair: Pair, rounds: int, seconds: float) -> tuple[str, str, str, str]:
    """Compare the first calls, time both sides in turns, and return a row of the table."""
    ours, theirs = pair.ours(), pair.theirs()
    if not np.allclose(ours, theirs, rtol=RTOL):
        raise click.ClickException(f"{pair.name}: the first call returns {ours}, TensorFlow's {theirs}")
    best = [np.inf, np.inf]
    for _ in range(rounds):
        for side, call in enumerate((pair.ours, pair.theirs)):
            best[side] = min(best[side], *_times(call, seconds))
    return pair.name, number(1e6 * best[0]), number(1e6 * best[1]), f"{best[1] / best[0]:.2f}"


def _times(call: Callable[[], Any], seconds: float) -> list[float]:
    return timed(lambda _: call(), seconds, at_least=2)


def pairs(case: Case) -> list[Pair]:
    """Return the calls on equal tables; inputs and labels are arrays, as an encoder in NumPy has them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 - optional, and slow to import

    inputs_ids, labels = case.batches()[0]
    inputs, sizes = case.rows("embeddings", inputs_ids), (case.num_sampled, case.num_classes)
    weights, biases = case.table("weights"), case.table("biases")
    layer = ss.SampledSoftmax(case.num_classes, case.dim, case.num_sampled, _adagrad(), seed=SEED)
    case.fill("weights", layer.weights)
    case.fill("biases", layer.biases)
    fixed, trained = ([tf.Variable(table) for table in (weights, biases)] for _ in range(2))
    rule = tf.compat.v1.train.AdagradOptimizer(LEARNING_RATE, INITIAL_ACCUMULATOR)

    def losses(tables: Any, given: Any, ids: Any) -> Any:
        return tf.nn.sampled_softmax_loss(*tables, ids, given, *sizes, seed=SEED)

    @tf.function  # type: ignore[untyped-decorator]
    def loss_and_grad(given: Any, ids: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(given)
            loss = losses(fixed, given, ids)
        of_weights, of_biases, of_inputs = tape.gradient(loss, [*fixed, given])
        return loss, of_weights.values, of_weights.indices, of_biases.values, of_inputs

    @tf.function  # type: ignore[untyped-decorator]
    def step(given: Any, ids: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(given)
            loss = tf.reduce_mean(losses(trained, given, ids))
        *of_tables, of_inputs = tape.gradient(loss, [*trained, given])
        rule.apply_gradients(zip(of_tables, trained, strict=True))
        return loss, of_inputs

    def their_step() -> float:
        loss, of_inputs = step(tf.constant(inputs), tf.constant(labels))
        of_inputs.numpy()
        return float(loss)

    def their_losses() -> Any:
        return loss_and_grad(tf.constant(inputs), tf.constant(labels))[0].numpy()

    def our_losses() -> Any:
        return ss.sampled_softmax_loss_and_grad(weights, biases, labels, inputs, *sizes, seed=SEED)[0]

    return [
        Pair("sampled_softmax_loss_and_grad", our_losses, their_losses),
        Pair("SampledSoftmax.step", lambda: layer.step(inputs, labels)[0], their_step),
    ]


def _adagrad() -> ss.Adagrad:
    return ss.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
