"""Odd calls between good ones leave no trace: an object that got both equals a twin that got the good ones only."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sampledsoftmax as ss
from tests.odd_inputs.calls import check_call, fingerprint
from tests.odd_inputs.core_targets import ASSIGNED_ERRORS, documented
from tests.odd_inputs.targets import DIM, NUM_CLASSES, Target, tables
from tests.odd_inputs.test_calls import odd_arguments
from tests.registry import OPTIMIZERS, SAMPLERS

LENGTH = 10
MODES = ("lazy", "exact")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def ids(seed, size=6):
    return np.random.default_rng(seed).integers(0, NUM_CLASSES, size)


def features(seed):
    return np.random.default_rng(seed).normal(size=(6, DIM)).astype("f4")


def table(seed):
    return np.random.default_rng(seed).normal(size=(NUM_CLASSES, DIM)).astype("f4")


def assign(owner, name, value, inside=None):
    """Return the assignment of an attribute of an object, or of one inside it."""

    def call(value):
        setattr(inside or owner, name, value)

    return Target(documented(call, ASSIGNED_ERRORS), {"value": value}, owner)


def call(owner, name, **arguments):
    return Target(getattr(owner, name), arguments, owner)


def round_trip(owner):
    """Return a call that saves, and loads what was saved."""

    def load(path):
        owner.save(path)
        return fingerprint(type(owner).load(path))

    return Target(documented(load, "TypeError, ValueError, OSError"), {"path": "layer.zip"}, owner)


def pull_and_push(owner, **arguments):
    """Return a call that pulls rows, and pushes gradients that are the rows themselves."""

    def pulled(**arguments):
        rows = owner.pull(**arguments)
        names = ("label_weights", "label_biases", "sampled_weights", "sampled_biases")
        of_inputs = {"inputs": rows.inputs} if "inputs" in arguments else {}
        owner.push(rows, ss.RowGradients(**{name: getattr(rows, name) for name in names}, **of_inputs))

    return Target(documented(pulled, "TypeError, ValueError"), arguments, None)


def of_optimizer(owner, optimizer, seed):
    return [
        assign(owner, "learning_rate", 0.1 * (seed % 3), optimizer),
        *([assign(owner, "mode", MODES[seed % 2], optimizer)] if isinstance(optimizer, ss.Adam) else []),
        *([assign(owner, "nesterov", bool(seed % 2), optimizer)] if isinstance(optimizer, ss.Momentum) else []),
    ]


def of_layer(layer, seed):
    """Return the good calls of a layer that a seed stands for."""
    weight = np.array([1.0, 0, 2, 1, 1, 0])
    return [
        call(layer, "step", inputs=features(seed), labels=ids(seed)),
        call(layer, "step", inputs=features(seed), labels=ids(seed), sample_weight=weight, ignore_index=3),
        call(layer, "full_loss", inputs=features(seed), labels=ids(seed)),
        call(layer, "top_k", inputs=features(seed), k=3),
        pull_and_push(layer, labels=ids(seed)),
        assign(layer, "weights", table(seed)),
        assign(layer, "biases", table(seed)[:, 0].copy()),
        assign(layer, "num_sampled", 3 + seed % 4),
        assign(layer, "sampler", ss.UniformSampler(NUM_CLASSES, seed=seed)),
        round_trip(layer),
        *of_optimizer(layer, layer.optimizer, seed),
    ]


def of_model(model, seed):
    return [
        call(model, "step", inputs=ids(seed), labels=ids(seed + 1)),
        call(model, "steps", inputs=ids(seed), labels=ids(seed + 1), batch_size=4),
        call(model, "steps", inputs=ids(seed), labels=ids(seed + 1), batch_size=2, sample_weight=np.arange(6.0)),
        pull_and_push(model, inputs=ids(seed), labels=ids(seed + 1)),
        assign(model, "embeddings", table(seed)),
        assign(model, "weights", table(seed)),
        round_trip(model),
        *of_optimizer(model, model.output.optimizer, seed),
    ]


def of_sampler(sampler, seed):
    return [
        call(sampler, "sample", true_classes=ids(seed), num_sampled=NUM_CLASSES, unique=True),
        call(sampler, "sample", true_classes=ids(seed), num_sampled=NUM_CLASSES, unique=True),
        call(sampler, "probability", ids=ids(seed)),
        call(sampler, "learn", labels=ids(seed, (6, 1))),
        call(sampler, "advance", num_calls=seed % 3, num_sampled=3),
        assign(sampler, "state", sampler.state),
    ]


def of_table(embeddings, seed):
    return [
        call(embeddings, "pull", ids=ids(seed)),
        call(embeddings, "push", ids=ids(seed), gradients=features(seed)),
        assign(embeddings, "values", table(seed)),
        *of_optimizer(embeddings, embeddings.optimizer, seed),
    ]


class Trained:
    """A table, its slots and their optimizer."""

    def __init__(self, optimizer, dtype):
        self.optimizer, self.table = optimizer, tables()[0].astype(dtype)
        self.slots = optimizer.init(self.table)


def of_trained(trained, seed):
    arrays, optimizer = {"table": trained.table, "slots": trained.slots}, trained.optimizer
    gradient = ss.IndexedSlices(features(seed), ids(seed), trained.table.shape)
    return [
        Target(optimizer.update, {**arrays, "gradient": gradient}, optimizer),
        Target(optimizer.update, {**arrays, "gradient": table(seed)}, optimizer),
        Target(optimizer.catch_up, {**arrays, "ids": ids(seed)}, optimizer),
        assign(optimizer, "learning_rate", 0.1 * (seed % 3)),
    ]


def play(owner, calls_of, data, state=fingerprint):
    """Make calls on an object, good ones also on a twin, which must stay equal to it."""
    twin = copy.deepcopy(owner)
    for _ in range(LENGTH):
        seed = data.draw(st.integers(0, 20))
        number = data.draw(st.integers(0, len(calls_of(owner, seed)) - 1))
        target = calls_of(owner, seed)[number]
        if data.draw(st.booleans()):
            arguments = data.draw(odd_arguments(target))
            if not isinstance(check_call(target._replace(arguments=arguments)), Exception):
                owner = copy.deepcopy(twin)  # the arguments were not that odd: the twin did not get them
        else:
            results = [outcome(target), outcome(calls_of(twin, seed)[number])]
            assert fingerprint(results[0]) == fingerprint(results[1]), target.function
        assert state(owner) == state(twin)


def outcome(target):
    """Return the result of a good call, or its documented error: the mode of an optimizer cannot be changed."""
    result = check_call(target)
    return [type(result).__name__, str(result)] if isinstance(result, Exception) else result


def sequences(full, one, many):
    return settings(max_examples=many if full else one, suppress_health_check=list(HealthCheck))


@pytest.mark.compiled
@pytest.mark.parametrize("sampler", ["log_uniform", "learned_unigram"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["SampledSoftmax", "SkipGram"])
def test_layers(kind, optimizer, sampler, full):
    @sequences(full, 3, 8)
    @given(st.data())
    def run(data):
        chosen = SAMPLERS[sampler](NUM_CLASSES, 1)
        owner = getattr(ss, kind)(NUM_CLASSES, DIM, 5, OPTIMIZERS[optimizer](0.1), chosen, seed=1)
        play(owner, of_layer if kind == "SampledSoftmax" else of_model, data)

    run()


@pytest.mark.compiled
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_embedding_tables(optimizer, full):
    @sequences(full, 5, 40)
    @given(st.data())
    def run(data):
        play(ss.EmbeddingTable(NUM_CLASSES, DIM, OPTIMIZERS[optimizer](0.1), seed=1), of_table, data)

    run()


@pytest.mark.compiled
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers(sampler, full):
    @sequences(full, 10, 100)
    @given(st.data())
    def run(data):
        play(SAMPLERS[sampler](NUM_CLASSES, 1), of_sampler, data)

    run()


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer, dtype, full):
    @sequences(full, 5, 40)
    @given(st.data())
    def run(data):
        trained = Trained(OPTIMIZERS[optimizer](0.1), dtype)
        play(trained, of_trained, data, lambda one: fingerprint([one.table, one.slots, one.optimizer]))

    run()


def test_a_trace_is_found():
    """An object that changes where it fails is told from its twin."""

    class Careless(ss.UniformSampler):
        def advance(self, num_calls, num_sampled):
            """Do.

            Raises
            ------
            TypeError, ValueError
                Too late.
            """
            super().advance(1, 1)
            super().advance(num_calls, num_sampled)

    sampler = Careless(NUM_CLASSES, seed=1)
    with warnings.catch_warnings(), pytest.raises(AssertionError, match="changed its arguments or its object"):
        check_call(call(sampler, "advance", num_calls=-1, num_sampled=1))
