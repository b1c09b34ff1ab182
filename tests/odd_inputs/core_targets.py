"""Calls that are right of the core: layers and their files, samplers, optimizers, gradients, assigned attributes."""

import dataclasses
import functools
import operator
from importlib.util import find_spec

import numpy as np

import sampledsoftmax as ss
from sampledsoftmax import diagnostics
from tests.odd_inputs.calls import check_call
from tests.odd_inputs.targets import (
    BATCH,
    DIM,
    NUM_CLASSES,
    Target,
    batch,
    full_loss_call,
    layer,
    loss_call,
    method,
    optimizer_call,
    sampled_values,
    sampler_call,
    skip_gram,
    tables,
)
from tests.odd_inputs.targets import gradient as sparse_gradient
from tests.registry import OPTIMIZERS, SAMPLERS

LAYERS = {"SampledSoftmax": layer, "SkipGram": skip_gram}
TRAINED = ("label_weights", "label_biases", "sampled_weights", "sampled_biases")
HALF = np.float16
IDS, IDS_TOO = np.arange(BATCH), np.arange(BATCH) + 1
WEIGHT = np.array([1.0, 0.0, 2.0])
ASSIGNED_ERRORS = "TypeError, ValueError, AttributeError"


def documented(function, errors):
    """Return the function with a docstring that names its errors: those of what it calls."""

    @functools.wraps(function)
    def call(*arguments, **named):
        return function(*arguments, **named)

    call.__doc__ = f"Do several calls.\n\nRaises\n------\n{errors}\n    As the calls.\n"
    return call


def in_batch_call(function, **more):
    """Return a call of an in-batch softmax, with all options."""
    rows = np.linspace(-1, 1, BATCH * DIM, dtype=np.float32).reshape(BATCH, DIM)
    extra = ss.ExtraCandidates(rows[:1], np.array([4]), np.array([0.5]), np.array([0.5] * BATCH), np.array([0.1]))
    arguments = {
        "queries": rows,
        "candidates": rows[::-1].copy(),
        "candidate_ids": IDS % 2,
        "candidate_probability": np.full(BATCH, 0.25),
        "extra_candidates": extra,
        "temperature": 0.5,
        "normalize": True,
        "correction": "log_q",
        "remove_accidental_hits": True,
        "merge_equal_candidates": True,
        "num_hard_negatives": 2,
    }
    return Target(function, arguments | more)


def shown_in_batch():
    def shown(**arguments):
        found = ss.explain_in_batch(**arguments)
        return str(found), found.to_html(), found._repr_html_()

    return in_batch_call(documented(shown, "TypeError, ValueError"))


def features():
    return dict(zip(("inputs", "labels"), batch(), strict=True))


def pairs():
    return {"inputs": IDS, "labels": IDS_TOO}


def ragged_labels():
    return ss.RaggedLabels(np.array([1, 4, 7, 2]), np.array([0, 1, 1, 4]))


def step(owner):
    """Return a training step of a layer, a model or a table of embeddings."""
    if isinstance(owner, ss.EmbeddingTable):
        return method(owner, "push", ids=[1, 2], gradients=np.ones((2, DIM), "f4"))
    return method(owner, "step", **(pairs() if isinstance(owner, ss.SkipGram) else features()))


def sample(owner):
    return method(owner, "sample", true_classes=batch()[1], num_sampled=4, unique=True)


def update(owner):
    table = tables()[0]
    slots = owner.init(table)
    return Target(owner.update, {"table": table, "slots": slots, "gradient": sparse_gradient()}, owner)


def assigned(owner, name, value, use, inside=""):
    """Return the assignment of an attribute of an object, or of one inside it, which is then used."""

    def assign(value):
        setattr(getattr(owner, inside) if inside else owner, name, value)
        check_call(use(owner))

    return Target(documented(assign, ASSIGNED_ERRORS), {"value": value}, owner)


def rows_of(kind):
    """Return a layer, rows that it handed out, and their gradients by name."""
    owner = LAYERS[kind]()
    rows = owner.pull(**pairs()) if kind == "SkipGram" else owner.pull(batch()[1])
    names = (*TRAINED, "inputs") if kind == "SkipGram" else TRAINED
    return owner, rows, {name: np.ones_like(getattr(rows, name)) for name in names}


def push(kind):
    owner, rows, gradients = rows_of(kind)
    return method(owner, "push", rows=rows, gradients=ss.RowGradients(**gradients))


def push_changed_gradients(kind):
    owner, rows, gradients = rows_of(kind)

    def call(**fields):
        owner.push(rows, ss.RowGradients(**fields))

    return Target(documented(call, "TypeError, ValueError, FloatingPointError"), gradients, owner)


def push_changed_rows(kind):
    owner, rows, gradients = rows_of(kind)

    def call(**fields):
        owner.push(dataclasses.replace(rows, **fields), ss.RowGradients(**gradients))

    names = [field.name for field in dataclasses.fields(rows)]
    fields = {name: getattr(rows, name) for name in names}
    return Target(documented(call, "TypeError, ValueError, FloatingPointError"), fields, owner)


def update_of_parts(make, dtype):
    """Return an update whose gradient and slots come in parts, each of them possibly odd."""
    optimizer, table = make(0.1), tables()[0].astype(dtype)
    slots = optimizer.init(table)
    parts = {"table": table, **sparse_gradient()._asdict(), **slots}

    def call(table, values, indices, dense_shape, **slots):
        optimizer.update(table, slots, ss.IndexedSlices(values, indices, dense_shape))

    return Target(documented(call, "TypeError, ValueError"), parts)


def catch_up(make):
    optimizer, table = make(0.1), tables()[0]
    return Target(optimizer.catch_up, {"table": table, "slots": optimizer.init(table), "ids": [1, 2]}, optimizer)


def arithmetic(operation, other=2.0):
    call = documented(
        lambda other: operation(sparse_gradient(), other), "TypeError, ValueError, ZeroDivisionError, OverflowError"
    )
    return Target(call, {"other": other})


def of_parts(name):
    call = documented(lambda **fields: getattr(ss.IndexedSlices(**fields), name)(), "TypeError, ValueError")
    return Target(call, sparse_gradient()._asdict())


def reflected(operation):
    def call(one, other):
        if getattr(other, "dtype", None) is not None and other.dtype.kind == "V":
            raise TypeError("records are compared by NumPy alone, which warns")
        return operation(other, one)

    return call


def state_of_parts(sampler):
    """Return the assignment of the state of a sampler in parts, each of them possibly odd."""

    def call(**state):
        sampler.state = state
        check_call(sample(sampler))

    return Target(documented(call, ASSIGNED_ERRORS), sampler.state, sampler)


def loaded_again(kind):
    """Return the load of a file that is there, by a name and with objects that may be odd."""
    objects = {"optimizer": ss.Adagrad(0.1), "sampler": ss.LogUniformSampler(NUM_CLASSES), "objective": None}
    return Target(getattr(ss, kind).load, {"path": f"{kind}.zip", **objects})


SIZES = {"num_classes": NUM_CLASSES, "dim": DIM, "num_sampled": 5, "optimizer": ss.SGD(0.1), "seed": 1}


def in_folder(kind, sizes):
    def make(**arguments):
        with getattr(ss, kind)(**arguments) as opened:
            check_call(step(opened))
            check_call(method(opened, "flush"))

    make.__doc__ = getattr(ss, kind).__doc__
    return Target(make, {**sizes, "folder": f"{kind} folder", "overwrite": True})


def shown_explanation():
    """Return an explanation that is shown in all ways."""

    def call(**arguments):
        trace = ss.explain(**arguments)
        return repr(trace), str(trace), trace._repr_html_(), trace.to_html()

    call.__doc__ = ss.explain.__doc__
    names = [f"name{i}" for i in range(NUM_CLASSES)]
    return loss_call(call, class_names=names, input_ids=[1, 2, 3], sampled_values=sampled_values())


def jax_call(name):
    from sampledsoftmax import jax as ssj  # noqa: PLC0415 - optional

    return Target(
        getattr(ssj, name),
        {"inputs": batch()[0], "rows": rows_of("SampledSoftmax")[1]}
        | {"subtract_log_q": True, "remove_accidental_hits": False},
    )


OPERATIONS = {"*": operator.mul, "/": operator.truediv, "==": operator.eq, "+": operator.add, "-": operator.sub}
ATTRIBUTES = {
    "weights": lambda: tables()[0],
    "biases": lambda: tables()[1],
    "embeddings": lambda: tables()[0],
    "num_sampled": lambda: 3,
    "sampler": lambda: ss.UniformSampler(NUM_CLASSES, seed=2),
}
ASSIGNED = {
    "SampledSoftmax": ("weights", "biases", "num_sampled", "sampler"),
    "SkipGram": ("embeddings", "weights", "biases"),
}
SETTINGS = {
    "sgd": {"learning_rate": 0.2},
    "momentum": {"learning_rate": 0.2, "momentum": 0.5, "nesterov": True},
    "adagrad": {"learning_rate": 0.2, "initial_accumulator_value": 0.2},
    "rowwise_adagrad": {"learning_rate": 0.2, "initial_accumulator_value": 0.2},
    "adam": {"learning_rate": 0.2, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1, "mode": "lazy"},
}

# The calls by name; what is after a comma tells apart the calls of one function.
TARGETS = {
    "sampled_softmax_loss, weighted": lambda: loss_call(
        ss.sampled_softmax_loss, sample_weight=WEIGHT, ignore_index=-1, name="loss", hit_copies="all"
    ),
    "sampled_softmax_loss_and_grad, weighted": lambda: loss_call(
        ss.sampled_softmax_loss_and_grad, sample_weight=WEIGHT, ignore_index=-1, partition_strategy="mod"
    ),
    "nce_loss, weighted": lambda: loss_call(ss.nce_loss, sample_weight=WEIGHT, ignore_index=-1, name=None),
    "nce_loss_and_grad, weighted": lambda: loss_call(ss.nce_loss_and_grad, sample_weight=WEIGHT, ignore_index=-1),
    "sampled_softmax_loss, cosines": lambda: loss_call(
        ss.sampled_softmax_loss, temperature=0.5, normalize=True, correction="log_q_2025"
    ),
    "full_softmax_loss, cosines": lambda: full_loss_call(ss.full_softmax_loss, temperature=0.5, normalize=True),
    "in_batch_softmax_loss": lambda: in_batch_call(ss.in_batch_softmax_loss, sample_weight=WEIGHT),
    "in_batch_softmax_loss_and_grad": lambda: in_batch_call(
        ss.in_batch_softmax_loss_and_grad, loss_grad=np.ones(BATCH, "f4")
    ),
    "explain_in_batch": lambda: in_batch_call(ss.explain_in_batch),
    "BSL": lambda: Target(ss.BSL, {"exponent": 1.2}),
    "GBCE": lambda: Target(ss.GBCE, {"num_classes": 9, "calibration": 0.5}),
    "full_softmax_loss, weighted": lambda: full_loss_call(ss.full_softmax_loss, sample_weight=WEIGHT, ignore_index=-1),
    "full_softmax_loss_and_grad, weighted": lambda: full_loss_call(
        ss.full_softmax_loss_and_grad, sample_weight=WEIGHT, ignore_index=-1
    ),
    "sampled_softmax_loss, shards": lambda: loss_call(
        ss.sampled_softmax_loss, weights=[tables()[0][:10], tables()[0][10:]], biases=[np.zeros(10), np.zeros(10)]
    ),
    "sampled_softmax_loss, half": lambda: loss_call(
        ss.sampled_softmax_loss, weights=tables()[0].astype(HALF), sampled_values=tuple(sampled_values())
    ),
    "log_uniform_candidate_sampler, named": lambda: sampler_call(
        ss.log_uniform_candidate_sampler, range_max=NUM_CLASSES, name="sampler", expected_count="inclusion"
    ),
    "SampledSoftmax.step, weighted": lambda: method(
        layer(), "step", **features(), sample_weight=WEIGHT, ignore_index=-1
    ),
    "SampledSoftmax.full_loss, weighted": lambda: method(
        layer(), "full_loss", **features(), sample_weight=WEIGHT, ignore_index=-1
    ),
    "SampledSoftmax.step, ragged": lambda: method(layer(), "step", **features() | {"labels": ragged_labels()}),
    "SkipGram.step, ragged": lambda: method(skip_gram(), "step", **pairs() | {"labels": ragged_labels()}),
    "SampledSoftmax, cosines": lambda: Target(
        ss.SampledSoftmax,
        {"num_classes": 20, "dim": 4, "num_sampled": 5, "temperature": 0.5, "normalize": True, "seed": 1},
    ),
    "SkipGram.step, weighted": lambda: method(skip_gram(), "step", **pairs(), sample_weight=WEIGHT, ignore_index=-1),
    "SkipGram.steps, weighted": lambda: method(
        skip_gram(), "steps", **pairs(), batch_size=2, sample_weight=WEIGHT, ignore_index=-1
    ),
    "SampledSoftmax.pull": lambda: method(layer(), "pull", labels=batch()[1]),
    "SkipGram.pull": lambda: method(skip_gram(), "pull", **pairs()),
    "SampledSoftmax.prefetch": lambda: method(layer(), "prefetch", labels=batch()[1], after=1),
    "SkipGram.prefetch": lambda: method(skip_gram(), "prefetch", **pairs(), after=1),
    "EmbeddingTable.prefetch": lambda: method(ss.EmbeddingTable(20, 4, seed=1), "prefetch", ids=[[1, 2], [2, 3]]),
    "CandidateSampler.peek": lambda: method(
        ss.LogUniformSampler(20, 1), "peek", true_classes=batch()[1], num_sampled=3, unique=True, after=1
    ),
    "EmbeddingTable": lambda: Target(
        ss.EmbeddingTable, {"num_rows": 20, "dim": 4, "optimizer": ss.SGD(0.1), "dtype": "f4", "seed": 1}
    ),
    "EmbeddingTable.pull": lambda: method(ss.EmbeddingTable(20, 4, seed=1), "pull", ids=[[1, 2], [2, 3]]),
    "EmbeddingTable.push": lambda: method(
        ss.EmbeddingTable(20, 4, seed=1), "push", ids=np.array([1, 2]), gradients=np.ones((2, 4), "f4")
    ),
    "EmbeddingTable.save": lambda: method(ss.EmbeddingTable(20, 4, seed=1), "save", path="saved.zip"),
    "EmbeddingTable.load": lambda: Target(
        ss.EmbeddingTable.load, {"path": "EmbeddingTable.zip", "optimizer": ss.Adagrad(0.1)}
    ),
    "EmbeddingTable, in a folder": lambda: in_folder(
        "EmbeddingTable", {"num_rows": NUM_CLASSES, "dim": DIM, "optimizer": ss.SGD(0.1), "dtype": "f4", "seed": 1}
    ),
    "explain, shown": shown_explanation,
    "Explanation.save_html": lambda: method(
        ss.explain(**loss_call(ss.explain).arguments), "save_html", path="page.html"
    ),
    "explain_in_batch, shown": shown_in_batch,
    "InBatchExplanation.save_html": lambda: method(
        ss.explain_in_batch(**in_batch_call(ss.explain_in_batch).arguments), "save_html", path="page.html"
    ),
    "CandidateSampler.draw": lambda: Target(
        ss.UniformSampler(NUM_CLASSES).draw, {"rng": np.random.default_rng(1), "size": 3}
    ),
    "CandidateSampler.learn": lambda: method(
        ss.LearnedUnigramSampler(NUM_CLASSES, seed=1), "learn", labels=np.array([[1], [2]])
    ),
    "CandidateSampler.advance": lambda: method(
        ss.UniformSampler(NUM_CLASSES, seed=1), "advance", num_calls=1, num_sampled=2
    ),
    "Optimizer.checked_setting": lambda: Target(ss.Adam(0.1).checked_setting, {"name": "beta_1", "value": 0.5}),
    "AllSampler.draw": lambda: Target(
        ss.AllSampler(NUM_CLASSES).draw, {"rng": np.random.default_rng(1), "size": NUM_CLASSES}
    ),
    "Optimizer.setting_for": lambda: Target(ss.Adam(0.1).setting_for, {"name": "beta_1", "dtype": np.dtype("f4")}),
    "diagnostics.fit": lambda: Target(diagnostics.fit, {"counts": np.arange(20)[::-1], "sampler": "uniform"}),
    "diagnostics.problem": lambda: Target(
        diagnostics.problem, {"counts": np.arange(1, 21), "batch_size": 2, "dim": 2, "seed": 0}
    ),
    "diagnostics.gradient_bias": lambda: Target(
        diagnostics.gradient_bias,
        {"batch": diagnostics.problem(np.arange(1, 21), 2, 2), "sampler": ss.UniformSampler(20, seed=1)}
        | {"num_sampled": 3},
    ),
    "diagnose_sampler": lambda: Target(
        ss.diagnose_sampler,
        {
            "weights": np.eye(5, 4),
            "biases": np.zeros(5),
            "labels": [1, 2],
            "inputs": np.eye(2, 4),
            "num_sampled": 2,
            "sampler": np.full(5, 0.2),
            "num_samples": 20,
            "temperature": 0.5,
            "normalize": True,
        },
    ),
    "diagnostics.zipf_counts": lambda: Target(diagnostics.zipf_counts, {"num_classes": 20, "exponent": 1.0}),
    "diagnostics.read_counts": lambda: Target(diagnostics.read_counts, {"path": "counts.csv"}),
    **{f"IndexedSlices.{name}": lambda name=name: of_parts(name) for name in ("coalesce", "to_dense")},
    "PulledRows": lambda: Target(ss.PulledRows, vars(rows_of("SkipGram")[1])),
    "RowGradients": lambda: Target(ss.RowGradients, rows_of("SkipGram")[2]),
    **{
        f"IndexedSlices {sign}": lambda operation=operation, sign=sign: arithmetic(
            operation, sparse_gradient() if sign in "+-" else 2.0
        )
        for sign, operation in OPERATIONS.items()
    },
    **{
        f"{sign} IndexedSlices": lambda operation=operation, sign=sign: arithmetic(
            reflected(operation), sparse_gradient() if sign in "+-" else 2.0
        )
        for sign, operation in OPERATIONS.items()
        if sign != "/"
    },
    **{
        name: lambda kind=kind, call=call: call(kind)
        for kind in LAYERS
        for name, call in {
            f"{kind}.save": lambda kind: method(LAYERS[kind](), "save", path="saved.zip"),
            f"{kind}.load": loaded_again,
            f"{kind}, in a folder": lambda kind: in_folder(kind, SIZES),
            f"{kind}.push": push,
            f"{kind}.push, odd gradients": push_changed_gradients,
            f"{kind}.push, odd rows": push_changed_rows,
        }.items()
    },
    **{
        f"{kind}.{name} =": lambda kind=kind, name=name: assigned(LAYERS[kind](), name, ATTRIBUTES[name](), step)
        for kind, names in ASSIGNED.items()
        for name in names
    },
    **{
        f"layer.optimizer.{name} =, {kind}": lambda kind=kind, name=name: assigned(
            layer(optimizer=OPTIMIZERS[kind](0.1)), name, SETTINGS[kind][name], step, "optimizer"
        )
        for kind in SETTINGS
        for name in SETTINGS[kind]
    },
    **{
        f"EmbeddingTable.{name} =": lambda name=name, value=value: assigned(
            ss.EmbeddingTable(NUM_CLASSES, DIM, seed=1), name, value(), step
        )
        for name, value in {"values": lambda: tables()[0]}.items()
    },
    **{
        f"CandidateSampler.{name} =, {kind}": lambda kind=kind, name=name, value=value: assigned(
            SAMPLERS[kind](NUM_CLASSES, 1), name, value(SAMPLERS[kind](NUM_CLASSES, 2)), sample
        )
        for kind in ("log_uniform", "fixed_unigram", "learned_unigram")
        for name, value in {
            "state": lambda sampler: sampler.state, "expected_count": lambda _: "inclusion"
        }.items()
    },
    **{
        f"CandidateSampler.state, {kind}": lambda kind=kind: state_of_parts(SAMPLERS[kind](NUM_CLASSES, 1))
        for kind in SAMPLERS
    },
    **{
        f"CandidateSampler.probability, {kind}": lambda kind=kind: method(
            SAMPLERS[kind](NUM_CLASSES, 1), "probability", ids=[1, 2]
        )
        for kind in SAMPLERS
    },
    **{
        f"CandidateSampler.sample, {kind}": lambda kind=kind: method(
            SAMPLERS[kind](NUM_CLASSES, 1), "sample", true_classes=batch()[1], num_sampled=NUM_CLASSES, unique=True
        )
        for kind in SAMPLERS
    },
    **{
        f"Optimizer.update, parts, {name}, {dtype.__name__}": lambda make=make, dtype=dtype: update_of_parts(
            make, dtype
        )
        for name, make in OPTIMIZERS.items()
        for dtype in (np.float32, HALF)
    },
    **{
        f"Optimizer.update, dense, {name}": lambda make=make: optimizer_call(make, gradient=tables()[0])
        for name, make in OPTIMIZERS.items()
    },
    **{f"Optimizer.catch_up, {name}": lambda make=make: catch_up(make) for name, make in OPTIMIZERS.items()},
    **{f"Optimizer.init, {name}": lambda make=make: Target(make(0.1).init, {"table": tables()[0]})
       for name, make in OPTIMIZERS.items()},
}  # fmt: skip

if find_spec("jax"):
    TARGETS |= {
        f"jax.{name}": lambda name=name: jax_call(name)
        for name in ("sampled_softmax_loss", "nce_loss", "negative_sampling_loss")
    }


def write_files(folder):
    """Write the files that the calls read."""
    for kind, make in LAYERS.items():
        make(optimizer=ss.Adagrad(0.1)).save(folder / f"{kind}.zip")
    ss.EmbeddingTable(20, 4, ss.Adagrad(0.1), seed=1).save(folder / "EmbeddingTable.zip")
    (folder / "counts.csv").write_text("0,5\n1,3\n2,1\n")
