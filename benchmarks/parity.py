"""`parity`: the differences between our numbers and those of the installed TensorFlow.

Prints the measured tables of docs/tensorflow.md, with the settings of the parity tests.
"""

import importlib
import os
import platform
from typing import Any

import click
import numpy as np

import sampledsoftmax as ss

NUM_SAMPLER_BLOCKS = 4
NUM_LOSSES = 400
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad")


@click.command(short_help="Differences from TensorFlow's numbers.")
def command() -> None:
    """Compare with the installed TensorFlow, and print three Markdown tables."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 - optional, and slow to import

    print(f"TensorFlow {tf.__version__}, numpy {np.__version__}, Python {platform.python_version()},"
          f" {platform.machine()}\n")  # fmt: skip
    print("| sampler | settings | calls | calls with equal ids | largest difference of a count, units in last place |")
    print("|---|---|---|---|---|")
    for name in _tests("samplers").MAKERS:
        print(_sampler_row(tf, name), flush=True)
    print("\n| loss | settings | loss | weights | biases | inputs |")
    print("|---|---|---|---|---|---|")
    for name in ("sampled_softmax_loss", "nce_loss"):
        print(_loss_row(tf, name), flush=True)
    print("\n| optimizer | steps | largest difference, float32 | float64 |")
    print("|---|---|---|---|")
    for name in OPTIMIZERS:
        single, double = (_optimizer_difference(tf, name, dtype) for dtype in (np.float32, np.float64))
        print(f"| {name} | 30 | {single:.1e} | {double:.1e} |", flush=True)


def _sampler_row(tf: Any, name: str) -> str:
    samplers = _tests("samplers")
    make, num_settings = samplers.MAKERS[name]
    calls = equal = 0
    worst = 0.0
    for block in range(NUM_SAMPLER_BLOCKS):
        rng = np.random.default_rng((block, list(samplers.MAKERS).index(name)))
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            settings = [make(tf, rng) for _ in range(num_settings)]
            results = [session.run([op for op, _, _ in settings]) for _ in range(samplers.NUM_CALLS)]
        for theirs in results:
            for (_, sampler, call), expected in zip(settings, theirs, strict=True):
                ours = sampler.sample(*call)
                calls += 1
                equal += bool(np.array_equal(ours.sampled_candidates, expected.sampled_candidates))
                worst = max(worst, *(_units(got, want) for got, want in zip(ours[1:], expected[1:], strict=True)))
    return f"| {name} | {NUM_SAMPLER_BLOCKS * num_settings} | {calls} | {equal} | {worst:.0f} |"


def _tests(subject: str) -> Any:
    """Return the module of the parity tests of samplers, losses or optimizers."""
    return importlib.import_module(f"tests.test_tensorflow_{subject}")


def _units(got: Any, expected: Any) -> float:
    return float((np.abs(got - expected) / np.spacing(np.maximum(expected, 1e-30))).max(initial=0))


def _loss_row(tf: Any, name: str) -> str:
    """Return the largest differences, relative to the largest entry of each array, over random float32 settings."""
    losses = _tests("losses")
    worst = np.zeros(4)
    for i in range(NUM_LOSSES):
        case, hits = losses.random_case(i), bool(i % 2)
        theirs, their_gradients = losses.tensorflow_loss_and_grad(tf, name, case, hits)
        loss, ours = getattr(ss, f"{name}_and_grad")(
            *case.arguments, case.values, hits, hit_copies="last", loss_grad=losses.weights_of_examples(case)
        )
        pairs = [
            (loss, theirs),
            (ours.weights.values, their_gradients[0].values.numpy()),
            (ours.biases.values, their_gradients[1].values.numpy()),
            (ours.inputs, their_gradients[2].numpy()),
        ]
        differences = [np.abs(got - want).max() / max(np.abs(want).max(), 1.0) for got, want in pairs]
        worst = np.maximum(worst, differences)
    return f"| {name} | {NUM_LOSSES} | " + " | ".join(f"{value:.1e}" for value in worst) + " |"


def _optimizer_difference(tf: Any, name: str, dtype: Any) -> float:
    optimizers = _tests("optimizers")
    optimizer, _, start, apply = optimizers.sparse_ops(tf, dtype)[name]
    table = np.random.default_rng(1).normal(size=optimizers.SHAPE).astype(dtype)
    variable, slot = tf.Variable(table), tf.Variable(np.full(optimizers.SHAPE, start, dtype))
    slots = optimizer.init(table)
    for gradient in optimizers.gradients(dtype):
        optimizer.update(table, slots, gradient)
        apply(variable.handle, slot.handle, gradient)
    return float(np.abs(table - variable.numpy()).max())
