"""Messages are one line, whatever came: every argument of every public function is given values that fill megabytes."""

import copy
import inspect
import warnings

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import diagnostics
from tests.cases import make_case
from tests.registry import OPTIMIZERS as MAKERS

LONGEST = 1000  # characters of a message
CASE = make_case(20, 4, 3, 5)
TEXT = [["one", "two", "three", "four"], ["four", "three", "two", "one"]] * 50


class Stubborn:
    """An object that cannot be shown."""

    def __repr__(self):
        raise RuntimeError("no\nrepr")


MANY = 30_000
VALUES = {
    "str": "x" * 1_000_000,
    "lines": "a line\n" * MANY,
    "bytes": b"x" * 1_000_000,
    "int": 10**20_000,
    "negative int": -(10**20_000),
    "float": 1e300,
    "list of ints": list(range(-1, MANY)),
    "list of strings": ["y" * 100_000] * 10,
    "ragged list": [[0]] * MANY + [[1, 2]],
    "nested list": [[[0.5] * 1000] * 300],
    "dict": {i: i for i in range(MANY)},
    "set": set(range(MANY)),
    "array": np.zeros((1000, 1250)),
    "array of strings": np.array(["z" * 100_000] * 10),
    "array of objects": np.array([None, "w" * 1_000_000], object),
    "records": np.zeros(2, [(f"a_field_{i}", "f4") for i in range(2000)]),
    "type": type("T" * 100_000, (), {}),
    "object": Stubborn(),
    "lone surrogate": "\ud800\n",
}


def trained():
    model = ss.Word2Vec(vector_size=4, sample=0, num_sampled=2, min_count=1, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.train(TEXT)
    return model


# Good values of arguments, by name; those that differ for one callable are below it.
GOOD = {
    "weights": CASE.weights, "biases": CASE.biases, "labels": CASE.labels, "inputs": CASE.inputs, "num_sampled": 5,
    "num_classes": 20, "num_true": 3, "true_classes": CASE.labels, "sampled_candidates": CASE.values[0], "unique": True,
    "range_max": 20, "dim": 4, "unigrams": np.ones(20), "learning_rate": 0.1, "momentum": 0.5, "num_threads": 2,
    "embeddings": CASE.weights, "counts": np.ones(20), "batch_size": 2, "k": 3, "size": 3, "ids": [1, 2], "table": None,
    "words": ["one", "two"], "vectors": np.eye(2), "a": "one", "b": "two", "c": "three", "some": ["one"],
    "others": ["two"], "positive": ["one"], "corpus": TEXT, "vector": np.ones(4, np.float32),
    "context_words_list": ["one"], "sampler": np.full(20, 0.05),
}  # fmt: skip
PUBLIC = {name: getattr(ss, name) for name in ss.__all__} | {
    f"diagnostics.{name}": value for name, value in vars(diagnostics).items() if inspect.isfunction(value)
}
# Their arguments are objects of the library itself, or files: tests of their own give them odd values.
LEFT_OUT = {"show_config", "get_num_threads", "evaluate_analogies", "evaluate_similarities", "Explanation"}
LEFT_OUT |= {"PulledRows", "RowGradients", "diagnostics.gradient_bias", "diagnostics.read_counts"}
TUPLES = {name for name, value in PUBLIC.items() if inspect.isclass(value) and issubclass(value, tuple)}
ABSTRACT = {"Optimizer", "Objective"}
CALLABLES = sorted(PUBLIC.keys() - LEFT_OUT - TUPLES - ABSTRACT)


def good_arguments(function):
    """Return a good value for each argument without a default."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [one.name for one in parameters if one.default is inspect.Parameter.empty and one.kind not in kinds]
    return {name: copy.deepcopy(GOOD.get(name, "one")) for name in needed}


def names_of(function):
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [name for name, one in inspect.signature(function).parameters.items() if one.kind not in variable]


def refusals(function, good):
    """Yield (argument, value, error) for every odd value of every argument that is refused."""
    for name in names_of(function):
        for of_value, value in VALUES.items():
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    function(**{**good, name: value})
            except Exception as error:  # whatever it is, its message is what people see
                yield name, of_value, error


def assert_short(errors):
    found = list(errors)
    long = {}
    for name, of_value, error in found:
        message = str(error)
        if len(message) >= LONGEST or "\n" in message:
            long[name, of_value] = f"{type(error).__name__}, {len(message)} characters: {message[:200]!r}"
    assert long == {}
    return found


@pytest.mark.parametrize("name", CALLABLES)
def test_messages_of_functions_and_constructors_are_one_line(name):
    function = PUBLIC[name]
    found = assert_short(refusals(function, good_arguments(function)))
    assert {argument for argument, _, _ in found} >= set(names_of(function)) - {"name"}  # of TensorFlow, without effect


def setter(target, name):
    """Return a function that assigns an attribute."""

    def assign(value):
        setattr(target, name, value)

    return assign


SAMPLERS = {
    "log_uniform": lambda: ss.LogUniformSampler(20, 1),
    "uniform": lambda: ss.UniformSampler(20, 1),
    "fixed_unigram": lambda: ss.FixedUnigramSampler(np.ones(20), seed=1),
    "learned_unigram": lambda: ss.LearnedUnigramSampler(20, 1),
    "all": lambda: ss.AllSampler(20, 1),
}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_messages_of_samplers_are_one_line(make):
    sampler = make()
    size = 20 if isinstance(sampler, ss.AllSampler) else 5
    for function, good in (
        (sampler.sample, {"true_classes": [1], "num_sampled": size}),
        (sampler.probability, {"ids": [1]}),
        (sampler.learn, {"labels": np.array([[1]])}),
        (lambda size: sampler.draw(np.random.default_rng(0), size), {"size": 2}),
    ):
        assert_short(refusals(function, good))
    state = sampler.state
    for name in ("state", "range_max", "num_drawable", "expected_count", "lock"):
        assert len(assert_short(refusals(setter(sampler, name), {}))) == len(VALUES)
    for key in state:
        assert assert_short(refusals(lambda value: setter(sampler, "state")({**state, key: value}), {}))  # noqa: B023
    for value in ("x" * 1_000_000, "a line\n" * 1000):
        with pytest.raises(ValueError, match="state must hold") as raised:
            sampler.state = {**state, value: 1}
        assert_short([("state", "key", raised.value)])
    assert sampler.state == state
    assert (sampler.range_max, sampler.num_drawable, sampler.expected_count) == (20, 20, "tensorflow")


@pytest.mark.parametrize("name", MAKERS)
def test_messages_of_optimizers_are_one_line(name):
    optimizer, table = MAKERS[name](0.1), np.ones((20, 4), np.float32)
    slots, gradient = optimizer.init(table), ss.IndexedSlices(np.ones((1, 4), np.float32), np.array([1]), (20, 4))
    good = {"table": table, "slots": slots, "gradient": gradient}
    assert assert_short(refusals(optimizer.update, good))
    assert assert_short(refusals(optimizer.init, {"table": table}))
    assert_short(refusals(optimizer.catch_up, {"table": table, "slots": slots}))

    def with_slot(value):
        optimizer.update(table, {**slots, slot: value}, gradient)

    for slot in slots:  # noqa: B007 - a free variable of the function
        assert assert_short(refusals(with_slot, {}))

    def with_field(value):
        optimizer.update(table, slots, gradient._replace(**{field: value}))

    for field in gradient._fields:  # noqa: B007 - as above
        assert assert_short(refusals(with_field, {}))
    for setting in vars(optimizer):
        assert len(assert_short(refusals(setter(optimizer, setting), {}))) >= len(VALUES) - 1
    with pytest.raises(AttributeError, match="has no setting 'xxxx") as raised:
        setattr(optimizer, "x" * 1_000_000, 1)
    assert_short([("setting", "name", raised.value)])


COMBINATIONS = {
    "g * value": lambda gradient, value: gradient * value,
    "value * g": lambda gradient, value: value * gradient,
    "g / value": lambda gradient, value: gradient / value,
    "g + value": lambda gradient, value: gradient + value,
    "value - g": lambda gradient, value: value - gradient,
    "dense_shape": lambda gradient, value: gradient + gradient._replace(dense_shape=value),
}


@pytest.mark.parametrize("combine", COMBINATIONS.values(), ids=COMBINATIONS)
def test_messages_of_gradients_are_one_line(combine):
    gradient = ss.IndexedSlices(np.ones((1, 4), np.float32), np.array([1]), (20, 4))
    found = assert_short(refusals(lambda value: combine(gradient, value), {}))
    assert len(found) >= len(VALUES) - 1


@pytest.mark.parametrize("make", [ss.SampledSoftmax, ss.SkipGram])
def test_messages_of_layers_are_one_line(make):
    layer = make(20, 4, 5, seed=1)
    inputs = np.ones((2, 4), np.float32) if make is ss.SampledSoftmax else np.array([1, 2])
    good = {"inputs": inputs, "labels": [1, 2], "batch_size": 1, "k": 2}
    for name in ("step", "steps", "full_loss", "top_k"):
        method = getattr(layer, name, None)
        if method is not None:
            assert assert_short(refusals(method, {key: good[key] for key in good if key in names_of(method)}))
    for table in ("weights", "biases", "embeddings"):
        if hasattr(layer, table):
            assert len(assert_short(refusals(setter(layer, table), {}))) == len(VALUES)


def public_methods(of_class):
    """Return the names of the methods that take arguments, constructors apart."""
    members = inspect.getmembers(of_class, callable)
    return [name for name, value in members if not name.startswith("_") and len(names_of(value)) > 0]


WORD_METHODS = [(kind, name) for kind in (ss.Word2Vec, ss.WordVectors) for name in public_methods(kind)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), WORD_METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_messages_of_words_are_one_line(kind, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = getattr(trained() if kind is ss.Word2Vec else trained().vectors, name)
    assert_short(refusals(method, good_arguments(method)))
