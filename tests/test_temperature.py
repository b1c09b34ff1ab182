"""temperature= and normalize=: losses, layers and exact passes against NumPy and against central differences."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import diagnostics, reference
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.layers import fused_step
from sampledsoftmax.losses import full_pass, sampled_pass
from sampledsoftmax.runtime import threadpool
from sampledsoftmax.types import Correction
from tests.cases import make_case
from tests.registry import DTYPES, OBJECTIVES
from tests.test_objectives import InNumPy

SIMILARITIES = {
    "temperature": {"temperature": 0.3},
    "normalize": {"normalize": True},
    "both": {"temperature": 0.07, "normalize": True},
}
FORMULAS = {
    "sampled_softmax": reference.cross_entropy,
    "nce": reference.sigmoid_cross_entropy,
    "negative_sampling": reference.sigmoid_cross_entropy,
}
FUNCTIONS = {
    "sampled_softmax": (ss.sampled_softmax_loss, ss.sampled_softmax_loss_and_grad),
    "nce": (ss.nce_loss, ss.nce_loss_and_grad),
}
# num_classes, dim, batch_size, num_sampled, num_true: none, one, a panel less one, a panel, panels and one
RAGGED = [(20, 1, 0, 1, 1), (9, 3, 1, 1, 1), (83, 15, 3, 15, 2), (83, 16, 4, 16, 1), (120, 33, 29, 49, 3)]

of_each = pytest.mark.parametrize("name", SIMILARITIES)


def tolerance(dtype):
    return {"rtol": 1e-10, "atol": 1e-11} if dtype == np.float64 else {"rtol": 2e-3, "atol": 2e-4}


def differences(loss, array, step=1e-5):
    """Return the derivatives of a function of no arguments with respect to an array that it reads."""
    found = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        found[place] = (above - loss()) / (2 * step)
        array[place] = kept
    return found


# --- functions ---


@pytest.mark.subset(name="both", loss_name="sampled_softmax")
@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("counted", ["all", "some"])
@pytest.mark.parametrize("loss_name", FUNCTIONS)
@of_each
def test_gradients_are_central_differences(name, loss_name, counted, num_true):
    function, twin = FUNCTIONS[loss_name]
    case, options = make_case(12, 4, 3, 6, num_true, np.float64, seed=num_true), dict(SIMILARITIES[name])
    if counted == "some":
        case.labels[1, 0] = -1
        options |= {"sample_weight": np.array([0.5, 2.0, 1.5]), "ignore_index": -1}
    above = np.array([1.0, -0.5, 2.0])

    def loss():
        return above @ function(*case.arguments, case.values, **options)

    losses, gradients = twin(*case.arguments, case.values, loss_grad=above, **options)
    np.testing.assert_array_equal(losses, function(*case.arguments, case.values, **options))
    np.testing.assert_allclose(gradients.inputs, differences(loss, case.inputs), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradients.weights.to_dense(), differences(loss, case.weights), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradients.biases.to_dense(), differences(loss, case.biases), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("counted", ["all", "some"])
@of_each
def test_gradients_of_the_full_softmax_are_central_differences(name, counted, num_true):
    case, options = make_case(12, 4, 3, 6, num_true, np.float64, seed=num_true), dict(SIMILARITIES[name])
    if counted == "some":
        case.labels[1, 0] = -1
        options |= {"sample_weight": np.array([0.5, 2.0, 1.5]), "ignore_index": -1}

    def loss():
        return ss.full_softmax_loss(case.weights, case.biases, case.labels, case.inputs, **options).sum()

    _, gradients = ss.full_softmax_loss_and_grad(case.weights, case.biases, case.labels, case.inputs, **options)
    np.testing.assert_allclose(gradients.inputs, differences(loss, case.inputs), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradients.weights.values, differences(loss, case.weights), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradients.biases.values, differences(loss, case.biases), rtol=1e-6, atol=1e-6)


@pytest.mark.subset(name="both", loss_name="sampled_softmax", dtype=np.float32)
@pytest.mark.parametrize("sizes", RAGGED)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss_name", FUNCTIONS)
@of_each
def test_loss_and_gradients_are_those_of_the_reference(name, loss_name, dtype, sizes):
    case, options = make_case(*sizes, dtype, seed=sum(sizes)), SIMILARITIES[name]
    above = np.linspace(0.5, 2.0, case.labels.shape[0]).astype(dtype)
    losses, gradients = FUNCTIONS[loss_name][1](*case.arguments, case.values, True, loss_grad=above, **options)
    expected = reference.sampled_loss_and_grad(*case, True, True, above, FORMULAS[loss_name], **options)
    got = (losses, gradients.weights.indices, gradients.weights.values, gradients.biases.values, gradients.inputs)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, **tolerance(dtype))


@of_each
def test_logits_are_divided_before_biases_and_log_q_come_in(name):
    case, options = make_case(30, 5, 4, 9, 2, np.float64, seed=1), SIMILARITIES[name]
    logits, _ = ss.compute_sampled_logits(*case.arguments, case.values, True, True, **options)
    rows, inputs = case.weights, case.inputs
    if options.get("normalize"):
        rows, inputs = (array / np.linalg.norm(array, axis=1, keepdims=True) for array in (rows, inputs))
    candidates, true_count, sampled_count = case.values
    every = inputs @ rows.T / options.get("temperature", 1.0) + case.biases
    true = np.take_along_axis(every, case.labels, 1) - np.log(true_count.astype(np.float64))
    sampled = every[:, candidates] - np.log(sampled_count.astype(np.float64))
    sampled[reference.accidental_hits(case.labels, candidates)] = -np.inf
    np.testing.assert_allclose(logits, np.concatenate((true, sampled), axis=1), rtol=1e-12)


@pytest.mark.parametrize("kind", ["div", "mod", "half"])
def test_tables_in_shards_and_of_half_precision_are_normalized_too(kind):
    case, options = make_case(30, 5, 4, 9, 2, seed=2), SIMILARITIES["both"]
    weights, biases = case.weights.astype(np.float16), case.biases.astype(np.float16)
    whole, tables = (weights.astype("f"), biases.astype("f")), (weights, biases)
    if kind != "half":
        parts = [range(i, 30, 3) if kind == "mod" else range(10 * i, 10 * i + 10) for i in range(3)]
        tables = tuple([table[list(part)] for part in parts] for table in whole)
    named = options if kind == "half" else options | {"partition_strategy": kind}
    for function in (ss.sampled_softmax_loss_and_grad, ss.full_softmax_loss_and_grad):
        rest = case.arguments[2:] + ((case.values,) if function is ss.sampled_softmax_loss_and_grad else ())
        rest = rest if function is ss.sampled_softmax_loss_and_grad else rest[:2]
        expected, gradients = function(*whole, *rest, **options)
        losses, found = function(*tables, *rest, **named)
        np.testing.assert_allclose(losses, expected, rtol=1e-6)
        np.testing.assert_allclose(found.inputs, gradients.inputs, rtol=1e-5, atol=1e-6)
        if kind == "half":
            np.testing.assert_allclose(found.weights.values, gradients.weights.values, rtol=1e-5, atol=1e-6)
        else:
            norms = [float((part.to_dense() ** 2).sum()) for part in found.weights]
            assert sum(norms) == pytest.approx(float((gradients.weights.to_dense() ** 2).sum()), rel=1e-5)


@pytest.mark.parametrize("sizes", [(9, 3, 1, 1, 1), (83, 16, 4, 1, 2), (130, 33, 101, 1, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
@of_each
def test_the_full_softmax_is_that_of_the_reference(name, dtype, sizes, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.losses.full_softmax.BLOCK", 48)
    case, options = make_case(*sizes, dtype, seed=3), SIMILARITIES[name]
    batch = case.weights, case.biases, case.labels, case.inputs
    losses, gradients = ss.full_softmax_loss_and_grad(*batch, **options)
    expected = reference.full_softmax_loss_and_grad(*batch, **options)
    got = losses, gradients.weights.values, gradients.biases.values, gradients.inputs
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, **tolerance(dtype))
    np.testing.assert_array_equal(losses, ss.full_softmax_loss(*batch, **options))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_zeros_have_cosine_0_and_gradient_0(dtype):
    case = make_case(20, 3, 4, 8, 1, dtype, seed=4)
    label, candidate = case.labels[0, 0], case.values[0][-1]
    case.weights[[label, candidate]], case.inputs[1] = 0, 0
    case.weights[candidate, 0] = 1e-13
    losses, gradients = ss.sampled_softmax_loss_and_grad(*case.arguments, case.values, **SIMILARITIES["both"])
    logits, _ = ss.compute_sampled_logits(*case.arguments, case.values, False, **SIMILARITIES["both"])
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(logits[0, 0], case.biases[label])
    np.testing.assert_array_equal(logits[:, -1], case.biases[candidate])
    np.testing.assert_array_equal(logits[1, 1:], case.biases[case.values[0]])
    np.testing.assert_array_equal(gradients.inputs[1], 0)
    np.testing.assert_array_equal(gradients.weights.values[np.isin(gradients.weights.indices, [label, candidate])], 0)
    full, exact = ss.full_softmax_loss_and_grad(
        case.weights, case.biases, case.labels, case.inputs, **SIMILARITIES["both"]
    )
    assert np.isfinite(full).all()
    np.testing.assert_array_equal(exact.weights.values[[label, candidate]], 0)
    np.testing.assert_array_equal(exact.inputs[1], 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_length_of_a_row_does_not_matter_even_where_its_square_is_infinite(dtype):
    case = make_case(20, 3, 4, 8, 1, dtype, seed=5)
    expected, _ = ss.sampled_softmax_loss_and_grad(*case.arguments, case.values, normalize=True)
    case.weights[...] *= np.geomspace(1e-6, 1e25, 20, dtype=dtype)[:, np.newaxis]
    losses, gradients = ss.sampled_softmax_loss_and_grad(*case.arguments, case.values, normalize=True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert np.isfinite(gradients.weights.values).all()


def test_nan_in_a_row_is_nan_in_the_loss():
    case = make_case(20, 3, 4, 8, 1, seed=6)
    case.inputs[2, 1] = np.nan
    losses = ss.sampled_softmax_loss(*case.arguments, case.values, normalize=True)
    assert np.isnan(losses).tolist() == [False, False, True, False]
    full = ss.full_softmax_loss(case.weights, case.biases, case.labels, case.inputs, normalize=True)
    assert np.isnan(full).tolist() == [False, False, True, False]
    layer = ss.SampledSoftmax(20, 3, 8, seed=1, normalize=True)
    before = layer.weights.copy()
    with pytest.raises(FloatingPointError, match="its inputs hold"):
        layer.step(case.inputs, case.labels)
    np.testing.assert_array_equal(layer.weights, before)


@of_each
def test_with_all_classes_as_candidates_the_gradient_is_exact(name):
    batch = diagnostics.problem([40, 20, 10, 5, 5], batch_size=8, dim=4)
    correction = Correction(True, True, **SIMILARITIES[name])
    assert diagnostics.gradient_bias(batch, ss.AllSampler(5), 5, 20, correction).bias < 1e-6


# --- layers ---


def new_layer(objective, dtype, options, optimizer=None, num_sampled=21):
    optimizer = ss.Adagrad(0.1) if optimizer is None else optimizer
    return ss.SampledSoftmax(60, 19, num_sampled, optimizer, dtype=dtype, seed=3, objective=objective, **options)


def batches(dtype, num_true, batch_size=31, steps=3):
    rng = np.random.default_rng(num_true)
    for _ in range(steps):
        labels = (np.exp(rng.random((batch_size, num_true)) * np.log(60)).astype(np.int64) - 1) % 60
        yield rng.normal(size=(batch_size, 19)).astype(dtype), labels


class AdagradInPython(ss.Optimizer):
    """`reference.adagrad` as an optimizer without a compiled rule."""

    learning_rate = 0.1

    def init(self, table):
        return {"accumulator": np.full_like(table, 0.1)}

    def update(self, table, slots, gradient):
        reference.adagrad(table, slots["accumulator"], gradient.indices, gradient.values, 0.1)


@pytest.mark.subset(6, name="both", objective="sampled_softmax", dtype=np.float32)
@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@of_each
def test_a_step_is_the_functions_of_the_reference_composed(name, objective, dtype, num_true):
    options, flags = SIMILARITIES[name], OBJECTIVES[objective]
    layer = new_layer(objective, dtype, options)
    weights, biases = layer.weights.copy(), layer.biases.copy()
    slots, sampler = [np.full_like(table, 0.1) for table in (weights, biases)], ss.LogUniformSampler(60, seed=3)
    for inputs, labels in batches(dtype, num_true):
        values = sampler.sample(labels, 21)
        share = np.full(31, 1 / 31, dtype)
        losses, ids, rows, entries, of_inputs = reference.sampled_loss_and_grad(
            weights, biases, labels, inputs, values, *flags, share, FORMULAS[objective], **options
        )
        loss, inputs_gradient = layer.step(inputs, labels)
        assert loss == pytest.approx(float(losses.mean()), rel=1e-10 if dtype == np.float64 else 1e-4)
        np.testing.assert_allclose(inputs_gradient, of_inputs, **tolerance(dtype))
        reference.adagrad(weights, slots[0], ids, rows, 0.1)
        reference.adagrad(biases, slots[1], ids, entries, 0.1)
    np.testing.assert_allclose(layer.weights, weights, **tolerance(dtype))
    np.testing.assert_allclose(layer.biases, biases, **tolerance(dtype))


@pytest.mark.subset(name="both", part="objective")
@pytest.mark.parametrize("part", ["objective", "optimizer", "rows"])
@of_each
def test_steps_that_are_composed_of_parts_are_the_fused_step(name, part):
    options = SIMILARITIES[name]
    objective = InNumPy(reference.cross_entropy) if part == "objective" else "sampled_softmax"
    optimizer = AdagradInPython() if part == "optimizer" else ss.Adagrad(0.1)
    fused, composed = (
        new_layer("sampled_softmax", np.float64, options),
        new_layer(objective, np.float64, options, optimizer),
    )
    for inputs, labels in batches(np.float64, 2):
        loss, of_inputs = fused.step(inputs, labels)
        if part == "rows":
            rows = composed.pull(labels)
            losses, *gradients = reference.loss_of_rows(inputs, rows)
            composed.push(rows, ss.RowGradients(*(gradient / 31 for gradient in gradients[1])))
            other = losses.mean(), gradients[0] / 31
        else:
            other = composed.step(inputs, labels)
        assert loss == pytest.approx(other[0], rel=1e-10)
        np.testing.assert_allclose(of_inputs, other[1], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(fused.weights, composed.weights, rtol=1e-9, atol=1e-11)


@pytest.mark.subset(1)
@pytest.mark.parametrize("name", [*SIMILARITIES][::-1])
def test_a_step_with_weights_and_padding_is_that_of_the_reference(name):
    options = SIMILARITIES[name]
    layer = new_layer("sampled_softmax", np.float64, options, ss.SGD(0.5))
    (inputs, labels), weight = next(batches(np.float64, 3)), np.linspace(0, 2, 31)
    labels[4:20, 1], labels[7] = -1, -1
    counts = ss.LogUniformSampler(60, seed=3).sample(np.abs(labels), 21)
    before = layer.weights.copy(), layer.biases.copy()
    total = (weight * (labels != -1).any(axis=1)).sum()
    losses, ids, rows, _, of_inputs = reference.weighted_loss_and_grad(
        *before, labels, inputs, counts, weight / total, -1, **options
    )
    loss, inputs_gradient = layer.step(inputs, labels, weight, ignore_index=-1)
    assert loss == pytest.approx(float(losses.sum()), rel=1e-10)
    np.testing.assert_allclose(inputs_gradient, of_inputs, rtol=1e-9, atol=1e-12)
    reference.sgd(before[0], ids, rows, 0.5)
    np.testing.assert_allclose(layer.weights, before[0], rtol=1e-9, atol=1e-12)


@pytest.mark.subset(3, name="both", dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_true", [1, 2])
@of_each
def test_skip_gram_trains_as_the_reference_does(name, num_true, dtype):
    options = SIMILARITIES[name]
    model = ss.SkipGram(120, 6, 30, ss.Adagrad(0.2, 0.01), dtype=dtype, seed=9, **options)
    tables = {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases")}
    slots = {name: np.full_like(table, 0.01) for name, table in tables.items()}
    sampler, rng = ss.LogUniformSampler(120, seed=9), np.random.default_rng(5)

    def update(name, indices, rows):
        reference.adagrad(tables[name], slots[name], indices, rows, 0.2)

    for _ in range(4):
        inputs, labels = rng.integers(120, size=40), rng.integers(120, size=(40, num_true))
        values = sampler.sample(labels, 30)
        expected = reference.skip_gram_step(*tables.values(), inputs, labels, values, update, **options)
        assert model.step(inputs, labels) == pytest.approx(float(expected), rel=1e-10 if dtype == np.float64 else 1e-4)
    for table_name, table in tables.items():
        np.testing.assert_allclose(getattr(model, table_name), table, **tolerance(dtype))


@pytest.mark.compiled
@of_each
def test_bits_are_the_same_on_any_number_of_threads(name, monkeypatch):
    for module in (fused_step, sampled_pass, full_pass):
        monkeypatch.setattr(module, "threads_for", lambda *_: threadpool.thread_pool.num_threads)
    options, rng, runs, before = SIMILARITIES[name], np.random.default_rng(0), [], ss.get_num_threads()
    inputs, labels = rng.integers(300, size=431), rng.integers(300, size=(431, 2))
    features = rng.normal(size=(201, 19)).astype("f")
    for num_threads in (1, 2, 4):
        ss.set_num_threads(num_threads)
        model = ss.SkipGram(300, 19, 70, seed=3, **options)
        losses = model.steps(inputs, labels, 130)
        batch = model.weights, model.biases, labels[:201], features
        sampled, of_rows = ss.sampled_softmax_loss_and_grad(*batch, 70, 300, 2, seed=1, **options)
        full, exact = ss.full_softmax_loss_and_grad(*batch, **options)
        top = model.output.top_k(features, 20)
        runs.append([losses, model.embeddings, *batch[:2], sampled, of_rows.weights.values, of_rows.inputs, full,
                     exact.weights.values, exact.inputs, *top])  # fmt: skip
    ss.set_num_threads(before)
    for run in runs[1:]:
        for ours, expected in zip(run, runs[0], strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("batch_size", [1, 9])
@pytest.mark.parametrize("dtype", DTYPES)
@of_each
def test_top_k_and_full_loss_are_those_of_numpy_on_the_same_logits(name, dtype, batch_size, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.layers.top_k.BLOCK", 32)
    options, layer = SIMILARITIES[name], new_layer("nce", dtype, SIMILARITIES[name])
    rng = np.random.default_rng(batch_size)
    layer.weights, layer.biases = (rng.normal(size=shape).astype(dtype) for shape in ((60, 19), 60))
    inputs, labels = next(batches(dtype, 2, batch_size))
    normalize, temperature = options.get("normalize", False), options.get("temperature", 1.0)
    features = reference.scaled(inputs, normalize, temperature)
    logits = features @ reference.scaled(layer.weights, normalize).T + layer.biases
    ids, values = layer.top_k(inputs, 60)
    np.testing.assert_array_equal(np.sort(ids), np.broadcast_to(np.arange(60), ids.shape))
    np.testing.assert_allclose(values, np.take_along_axis(logits, ids, 1), **tolerance(dtype))
    assert (np.diff(values) <= 0).all()
    expected = ss.full_softmax_loss(layer.weights, layer.biases, labels, inputs, **options)
    np.testing.assert_array_equal(layer.full_loss(inputs, labels), expected)


def test_pulled_rows_are_those_of_the_tables_and_name_the_similarity():
    layer = new_layer("sampled_softmax", np.float32, SIMILARITIES["both"])
    rows = layer.pull([3, 5])
    np.testing.assert_array_equal(rows.label_weights[:, 0], layer.weights[[3, 5]])
    np.testing.assert_array_equal(rows.sampled_weights, layer.weights[rows.sampled_candidates])
    assert (rows.temperature, rows.normalize) == (0.07, True)


@pytest.mark.parametrize("kind", [ss.SampledSoftmax, ss.SkipGram])
def test_saved_layers_and_folders_keep_the_similarity(kind, tmp_path):
    def correction(model):
        return getattr(model, "output", model).correction

    options = SIMILARITIES["both"]
    model = kind(20, 3, 5, seed=1, folder=tmp_path / "folder", **options)
    model.save(tmp_path / "file")
    assert correction(kind.load(tmp_path / "file")) == correction(model)
    model.close()
    with pytest.raises(ValueError, match=r"temperature = 0\.07, got 1\.0; normalize = True, got False"):
        kind(20, 3, 5, seed=1, folder=tmp_path / "folder")
    kind(20, 3, 5, seed=1, folder=tmp_path / "folder", **options).close()


@pytest.mark.parametrize("kind", [ss.SampledSoftmax, ss.SkipGram])
def test_files_of_before_are_those_of_dot_products(kind, tmp_path):
    kind(20, 3, 5, seed=1).save(tmp_path / "file")
    kind(20, 3, 5, seed=1, folder=tmp_path / "folder").close()
    for path, name in ((tmp_path / "file", "saved"), (tmp_path / "folder" / "layer.zip", "folder of a")):
        meta, arrays = read_archive(path, f"{name} {kind.__name__}", 1)
        del meta["layer"]["temperature"], meta["layer"]["normalize"]
        write_archive(
            path, f"{name} {kind.__name__}", 1, {key: meta[key] for key in ("layer", "seed") if key in meta}, arrays
        )
    loaded = kind.load(tmp_path / "file")
    assert getattr(loaded, "output", loaded).correction.similarity == (1.0, False)
    kind(20, 3, 5, seed=1, folder=tmp_path / "folder").close()
    with pytest.raises(ValueError, match=r"temperature = 1\.0, got 0\.5"):
        kind(20, 3, 5, seed=1, folder=tmp_path / "folder", temperature=0.5)


# --- errors ---

BAD = [
    ({"temperature": 0}, ValueError, "temperature must be above 0, got 0"),
    ({"temperature": -0.1}, ValueError, "temperature must be above 0, got -0.1"),
    ({"temperature": float("nan")}, ValueError, "temperature must be finite, got nan"),
    ({"temperature": float("inf")}, ValueError, "temperature must be finite, got inf"),
    ({"temperature": True}, TypeError, "temperature must be a number, got bool"),
    ({"temperature": "0.1"}, TypeError, "temperature must be a number, got str"),
    ({"temperature": None}, TypeError, "temperature must be a number, got None"),
    ({"normalize": 1}, TypeError, "normalize must be True or False, got int"),
    ({"normalize": "yes"}, TypeError, "normalize must be True or False, got str"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_options_are_refused(options, error, message):
    case = make_case(20, 3, 4, 8)
    sampled = (*FUNCTIONS["sampled_softmax"], *FUNCTIONS["nce"], ss.compute_sampled_logits)
    batch = case.weights, case.biases, case.labels, case.inputs
    calls = [lambda f=f: f(*case.arguments, case.values, **options) for f in sampled]
    calls += [lambda f=f: f(*batch, **options) for f in (ss.full_softmax_loss, ss.full_softmax_loss_and_grad)]
    calls += [lambda kind=kind: kind(20, 3, 5, **options) for kind in (ss.SampledSoftmax, ss.SkipGram)]
    for call in calls:
        with pytest.raises(error) as raised:
            call()
        assert str(raised.value).startswith(message[:40])


@pytest.mark.parametrize("name", ["temperature", "normalize"])
def test_a_layer_keeps_its_similarity(name):
    for model in (ss.SampledSoftmax(20, 3, 5), ss.SkipGram(20, 3, 5)):
        with pytest.raises(AttributeError, match=f"{name} of a .* cannot be assigned: make a new layer"):
            setattr(model, name, 0.5)
