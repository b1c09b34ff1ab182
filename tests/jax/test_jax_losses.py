"""Losses over pulled rows in JAX: the numbers of the reference, of TensorFlow and of `step`, also when transformed."""

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from tests.cases import with_double_counts
from tests.golden import settings
from tests.golden.record import FILE
from tests.registry import OBJECTIVES, OPTIMIZERS

if not find_spec("jax"):  # not imported here: every process that collects tests would start its threads
    pytest.skip("JAX is not installed: pip install 'sampledsoftmax[jax]'", allow_module_level=True)

NUM_CLASSES, DIM, NUM_SAMPLED, BATCH_SIZE = 60, 5, 12, 9
TRAINED = ("label_weights", "label_biases", "sampled_weights", "sampled_biases")
LOSSES = {"sampled_softmax": "sampled_softmax_loss", "nce": "nce_loss", "negative_sampling": "negative_sampling_loss"}
FORMULAS = {
    "sampled_softmax": reference.cross_entropy,
    "nce": reference.sigmoid_cross_entropy,
    "negative_sampling": reference.sigmoid_cross_entropy,
}


def new_layer(dtype=np.float32, **options):
    return ss.SampledSoftmax(NUM_CLASSES, DIM, NUM_SAMPLED, dtype=dtype, seed=3, **options)


def labels_of(seed, shape=(BATCH_SIZE, 1)):
    """Small ids are frequent, so that there are duplicates and accidental hits."""
    draws = np.exp(np.random.default_rng(seed).random(shape) * np.log1p(NUM_CLASSES)).astype(np.int64) - 1
    return draws % NUM_CLASSES


def inputs_of(seed, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(BATCH_SIZE, DIM)).astype(dtype)


def mean_of(loss):
    return lambda inputs, rows: loss(inputs, rows).mean()


def check_against_reference(jax, ssj, name, dtype, num_true, tolerance, **options):
    rows = new_layer(dtype, objective=name, **options).pull(labels_of(1, (BATCH_SIZE, num_true)))
    inputs, loss = inputs_of(2, dtype), getattr(ssj, LOSSES[name])
    flags = rows.subtract_log_q, rows.remove_accidental_hits
    losses, of_inputs, of_rows = reference.loss_of_rows(inputs, rows, FORMULAS[name], *flags)
    np.testing.assert_allclose(loss(inputs, rows), losses, **tolerance)
    gradients = jax.grad(lambda inputs, rows: loss(inputs, rows).sum(), argnums=(0, 1))(inputs, rows)
    assert gradients[0].dtype == gradients[1].label_weights.dtype == dtype
    np.testing.assert_allclose(gradients[0], of_inputs, **tolerance)
    for field, expected in zip(TRAINED, of_rows, strict=True):
        np.testing.assert_allclose(getattr(gradients[1], field), expected, **tolerance)


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_float32_is_the_reference(jax, ssj, name, num_true):
    check_against_reference(jax, ssj, name, np.float32, num_true, {"rtol": 1e-5, "atol": 1e-6})


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_float64_is_the_reference(jax, ssj, x64, name, num_true):
    check_against_reference(jax, ssj, name, np.float64, num_true, {"rtol": 1e-12, "atol": 1e-13})


BOTH = {"temperature": 0.07, "normalize": True}


@pytest.mark.parametrize(
    ("name", "options"), [("sampled_softmax", {"temperature": 0.3}), *((one, BOTH) for one in LOSSES)]
)
def test_temperature_and_cosines_are_those_of_the_layer(jax, ssj, name, options):
    check_against_reference(jax, ssj, name, np.float32, 2, {"rtol": 1e-4, "atol": 1e-4}, **options)


@pytest.mark.parametrize(("name", "options"), [("nce", {"normalize": True}), ("sampled_softmax", BOTH)])
def test_temperature_and_cosines_in_float64(jax, ssj, x64, name, options):
    check_against_reference(jax, ssj, name, np.float64, 2, {"rtol": 1e-11, "atol": 1e-12}, **options)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_similarity_of_the_caller_is_stronger(ssj, name):
    inputs, loss, options = inputs_of(1), getattr(ssj, LOSSES[name]), {"temperature": 0.1, "normalize": True}
    plain, cosines = (new_layer(objective=name, **some).pull(labels_of(1)) for some in ({}, options))
    np.testing.assert_array_equal(loss(inputs, plain, **options), loss(inputs, cosines))
    np.testing.assert_array_equal(loss(inputs, cosines, temperature=1.0, normalize=False), loss(inputs, plain))
    assert np.abs(loss(inputs, cosines) - loss(inputs, plain)).max() > 0.1
    with pytest.raises(ValueError, match="temperature must be above 0"):
        loss(inputs, plain, temperature=0.0)
    with pytest.raises(TypeError, match="normalize must be True or False"):
        loss(inputs, plain, normalize=1)


def test_rows_of_zeros_have_gradient_0_and_long_rows_have_one(jax, ssj):
    rows, inputs = new_layer(normalize=True).pull(labels_of(1)), inputs_of(1)
    rows.label_weights[0], inputs[1] = 0, 0
    rows.label_weights[2] *= 1e22
    inputs[3] *= 1e22
    loss, (of_inputs, of_rows) = jax.value_and_grad(mean_of(ssj.sampled_softmax_loss), argnums=(0, 1))(inputs, rows)
    expected = reference.loss_of_rows(inputs, rows)
    assert float(loss) == pytest.approx(float(expected[0].mean()), rel=1e-5)
    np.testing.assert_array_equal(of_inputs[1], 0)
    np.testing.assert_array_equal(of_rows.label_weights[0], 0)
    assert np.isfinite(of_inputs).all()
    assert np.isfinite(of_rows.label_weights).all()


@pytest.mark.parametrize("name", settings.LOSSES)
def test_losses_and_gradients_are_those_that_tensorflow_gave(jax, ssj, name):
    function, hits = settings.LOSSES[name]
    layer = ss.SampledSoftmax(settings.NUM_CLASSES, settings.DIM, settings.NUM_SAMPLED, seed=settings.SEED)
    embeddings, layer.weights, layer.biases = settings.tables()
    ids, labels = settings.batch(0)
    rows, loss = layer.pull(labels), getattr(ssj, function)
    summed = jax.grad(lambda inputs, rows: loss(inputs, rows, remove_accidental_hits=hits).sum(), argnums=(0, 1))
    of_inputs, of_rows = summed(embeddings[ids], rows)
    ours = (
        loss(embeddings[ids], rows, remove_accidental_hits=hits),
        np.concatenate((rows.labels.ravel(), rows.sampled_candidates)),
        np.concatenate((of_rows.label_weights.reshape(-1, settings.DIM), of_rows.sampled_weights)),
        np.concatenate((of_rows.label_biases.ravel(), of_rows.sampled_biases)),
        of_inputs,
    )
    for got, expected in zip(ours, json.loads(FILE.read_text())["losses"][name], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("name", ["sampled_softmax", "nce"])
def test_float64_is_the_installed_tensorflow(jax, ssj, x64, tf, name, hits):
    labels, inputs = labels_of(4, (BATCH_SIZE, 2)), inputs_of(4, np.float64)
    layer = new_layer(np.float64)
    values = with_double_counts(ss.LogUniformSampler(NUM_CLASSES, seed=3).sample(labels, NUM_SAMPLED))
    features = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        theirs = getattr(tf.nn, LOSSES[name])(
            tf.constant(layer.weights), tf.constant(layer.biases), labels, features, NUM_SAMPLED, NUM_CLASSES, 2,
            tuple(map(tf.constant, values)), hits,
        )  # fmt: skip
    rows, loss = layer.pull(labels), getattr(ssj, LOSSES[name])
    np.testing.assert_allclose(loss(inputs, rows, remove_accidental_hits=hits), theirs, rtol=1e-12)
    ours = jax.grad(lambda inputs: loss(inputs, rows, remove_accidental_hits=hits).sum())(inputs)
    np.testing.assert_allclose(ours, tape.gradient(theirs, features), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", settings.OPTIMIZERS)
def test_training_ends_where_tensorflow_ended(jax, ssj, name):
    rule = ss.SGD(settings.LEARNING_RATE) if name == "sgd" else ss.Adagrad(settings.LEARNING_RATE)
    model = ss.SkipGram(settings.NUM_CLASSES, settings.DIM, settings.NUM_SAMPLED, rule, seed=settings.SEED)
    model.embeddings, model.weights, model.biases = settings.tables()
    gradient = jax.jit(jax.grad(lambda rows: ssj.sampled_softmax_loss(rows.inputs, rows).mean()))
    for step in range(settings.NUM_STEPS):
        rows = model.pull(*settings.batch(step))
        model.push(rows, gradient(rows))
    expected = json.loads(FILE.read_text())["training"][name]
    for ours, theirs in zip((model.embeddings, model.weights, model.biases), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_in_parts_are_fused_steps(jax, ssj, optimizer):
    fused, parts = (new_layer(optimizer=OPTIMIZERS[optimizer](0.05)) for _ in range(2))
    gradient = jax.jit(jax.value_and_grad(mean_of(ssj.sampled_softmax_loss), argnums=(0, 1)))
    for step in range(4):
        expected, expected_gradient = fused.step(inputs_of(step), labels_of(step))
        rows = parts.pull(labels_of(step))
        loss, (of_inputs, of_rows) = gradient(inputs_of(step), rows)
        parts.push(rows, of_rows)
        assert float(loss) == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(of_inputs, expected_gradient, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(parts.weights, fused.weights, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(parts.biases, fused.biases, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("name", ["sampled_softmax", "nce"])
def test_flags_of_the_layer_hold_and_the_callers_are_stronger(ssj, name, flags):
    inputs, loss = inputs_of(1), getattr(ssj, LOSSES[name])
    layer = new_layer(subtract_log_q=flags[0], remove_accidental_hits=flags[1], objective=name)
    rows = layer.pull(labels_of(1))
    expected = reference.loss_of_rows(inputs, rows, FORMULAS[name], *flags)[0]
    np.testing.assert_allclose(loss(inputs, rows), expected, rtol=1e-5)
    other = {"subtract_log_q": not flags[0], "remove_accidental_hits": not flags[1]}
    expected = reference.loss_of_rows(inputs, rows, FORMULAS[name], not flags[0], not flags[1])[0]
    np.testing.assert_allclose(loss(inputs, rows, **other), expected, rtol=1e-5)


def test_a_loss_on_rows_of_another_objective_has_its_own_defaults(ssj):
    layer = new_layer()
    rows, inputs = layer.pull(labels_of(1)), inputs_of(1)
    values = ss.LogUniformSampler(NUM_CLASSES, seed=3).sample(labels_of(1), NUM_SAMPLED)
    sizes = NUM_SAMPLED, NUM_CLASSES, 1, values
    arrays = layer.weights, layer.biases, labels_of(1), inputs
    np.testing.assert_allclose(ssj.nce_loss(inputs, rows), ss.nce_loss(*arrays, *sizes), rtol=1e-5)
    expected = ss.nce_loss(*arrays, *sizes, remove_accidental_hits=True, subtract_log_q=False)
    np.testing.assert_allclose(ssj.negative_sampling_loss(inputs, rows), expected, rtol=1e-5)


def test_rows_of_an_objective_of_the_users_own_keep_the_flags_of_the_layer(ssj):
    class Own(ss.Objective):
        subtract_log_q = False

        def loss_and_grad(self, logits, num_true):
            return reference.cross_entropy(logits, num_true)

    rows = new_layer(objective=Own()).pull(labels_of(1))
    expected = reference.loss_of_rows(inputs_of(1), rows, subtract_log_q=False)[0]
    np.testing.assert_allclose(ssj.sampled_softmax_loss(inputs_of(1), rows), expected, rtol=1e-5)


# --- transformations


def test_a_jitted_loss_is_compiled_once_for_all_batches_of_a_shape(jax, ssj):
    traces = []

    @jax.jit
    def loss(inputs, rows):
        traces.append(rows.label_weights.shape)
        return ssj.sampled_softmax_loss(inputs, rows)

    layer = new_layer()
    for seed in range(5):
        rows = layer.pull(labels_of(seed))
        np.testing.assert_allclose(
            loss(inputs_of(seed), rows), reference.loss_of_rows(inputs_of(seed), rows)[0], rtol=1e-5
        )
    assert len({rows.hits.tobytes() for rows in (layer.pull(labels_of(seed)) for seed in range(5))}) > 1
    assert len(traces) == 1
    loss(inputs_of(1)[:4], layer.pull(labels_of(1)[:4]))
    assert len(traces) == 2


def test_vmap_over_batches_is_one_batch_after_the_other(jax, ssj):
    layer = new_layer()
    pulled = [layer.pull(labels_of(seed, (BATCH_SIZE, 2))) for seed in range(3)]
    inputs = np.stack([inputs_of(seed) for seed in range(3)])
    stacked = jax.tree_util.tree_map(lambda *arrays: np.stack(arrays), *pulled)
    for name in LOSSES.values():
        loss = getattr(ssj, name)
        together = jax.vmap(loss)(inputs, stacked)
        assert together.shape == (3, BATCH_SIZE)
        for i, rows in enumerate(pulled):
            np.testing.assert_allclose(together[i], loss(inputs[i], rows), rtol=1e-5, atol=1e-6)


def test_vmap_over_examples_gives_the_gradient_of_each(jax, ssj):
    model = ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, seed=1)
    for rows in (new_layer().pull(labels_of(1)), model.pull(labels_of(1, BATCH_SIZE), labels_of(2))):
        of_each = jax.vmap(jax.grad(ssj.sampled_softmax_loss), in_axes=(0, ssj.example_axes(rows)))(inputs_of(1), rows)
        np.testing.assert_allclose(of_each, reference.loss_of_rows(inputs_of(1), rows)[1], rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="rows must be the PulledRows"):
        ssj.example_axes(inputs_of(1))


@pytest.mark.parametrize("name", LOSSES.values())
def test_gradients_of_first_and_second_order_are_those_of_differences(jax, ssj, x64, name):
    rows = new_layer(np.float64).pull(labels_of(1, (BATCH_SIZE, 2)))
    arrays = [getattr(rows, field) for field in TRAINED]

    def loss(inputs, *arrays):
        return getattr(ssj, name)(inputs, replace(rows, **dict(zip(TRAINED, arrays, strict=True)))).sum()

    jax.test_util.check_grads(
        loss, (inputs_of(1, np.float64), *arrays), order=2, modes=("fwd", "rev"), rtol=1e-5, atol=1e-5
    )


def test_what_is_not_trained_has_gradient_0(jax, ssj):
    """Otherwise a norm over the gradients of all leaves, for clipping, would count log Q too."""
    rows = new_layer().pull(labels_of(1))
    gradient = jax.grad(lambda rows: ssj.sampled_softmax_loss(inputs_of(1), rows).sum())(rows)
    for name in ("label_log_q", "sampled_log_q", "hits"):
        assert not np.asarray(getattr(gradient, name)).any()
    assert gradient.inputs is None
    assert gradient.labels is gradient.sampled_candidates is None


def test_ids_do_not_pass_through_jax_so_that_none_is_cut_to_32_bits(jax, ssj):
    rows = new_layer().pull(labels_of(1))
    large = replace(rows, labels=rows.labels + 2**40, sampled_candidates=rows.sampled_candidates + 2**40)
    loss = jax.jit(ssj.sampled_softmax_loss)
    np.testing.assert_array_equal(loss(inputs_of(1), large), loss(inputs_of(1), rows))
    assert all(np.issubdtype(leaf.dtype, np.floating) for leaf in jax.tree_util.tree_leaves(rows))


def test_rows_that_passed_through_jax_are_not_pushed(jax, ssj):
    layer = new_layer()
    rows = layer.pull(labels_of(1))
    gradients = jax.grad(lambda rows: ssj.sampled_softmax_loss(inputs_of(1), rows).mean())(rows)
    passed = jax.jit(lambda rows: rows)(rows)
    with pytest.raises(ValueError, match="rows have no ids, since they passed through JAX"):
        layer.push(passed, gradients)
    layer.push(rows, gradients)


def test_pull_and_push_take_arrays_of_jax(jax, ssj):
    layer, expected = new_layer(), new_layer()
    labels = jax.numpy.asarray(labels_of(1))
    assert_same_rows(layer.pull(labels), expected.pull(labels_of(1)))
    table = ss.EmbeddingTable(NUM_CLASSES, DIM, ss.SGD(1.0), seed=1)
    rows = table.pull(labels)
    table.push(labels, jax.numpy.ones_like(rows))
    counts = np.bincount(labels_of(1).ravel(), minlength=NUM_CLASSES)
    start = ss.EmbeddingTable(NUM_CLASSES, DIM, seed=1).values
    np.testing.assert_allclose(start - table.values, np.repeat(counts[:, np.newaxis], DIM, axis=1), rtol=1e-5)


def assert_same_rows(one, other):
    for name in (*TRAINED, "label_log_q", "sampled_log_q", "hits", "labels", "sampled_candidates"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_inside_a_jitted_function_nothing_is_pulled_or_pushed(jax, ssj):
    """Otherwise the candidates of the first call would be compiled into the function."""
    layer = new_layer()
    state, before, rows = layer.sampler.state, layer.weights.copy(), layer.pull(labels_of(1))
    layer.sampler.state = state
    with pytest.raises(TypeError, match="TracerArrayConversionError"):
        jax.jit(layer.pull)(labels_of(1))

    @jax.jit
    def step(rows_inside):
        gradients = jax.grad(lambda rows: ssj.sampled_softmax_loss(inputs_of(1), rows).mean())(rows_inside)
        layer.push(rows, gradients)

    with pytest.raises(TypeError, match="TracerArrayConversionError"):
        step(rows)
    assert layer.sampler.state == state
    np.testing.assert_array_equal(layer.weights, before)


# --- numbers at the edges


@pytest.mark.parametrize("name", LOSSES.values())
def test_large_logits_lose_no_digits(jax, ssj, name):
    """The loss of an example whose label is certain is tiny beside its logits of 10,000."""
    layer = ss.SampledSoftmax(NUM_CLASSES, 1, NUM_SAMPLED, subtract_log_q=False, seed=3)
    layer.weights = np.float32(np.where(np.arange(NUM_CLASSES) == 59, 1e4, -1e4)[:, np.newaxis])
    rows = layer.pull([59, 59])
    layer.biases = np.zeros(NUM_CLASSES, np.float32)
    inputs = np.ones((2, 1), np.float32)
    assert not rows.hits.any()
    loss = getattr(ssj, name)
    np.testing.assert_array_equal(loss(inputs, rows, subtract_log_q=False), np.zeros(2))
    gradient = jax.grad(lambda inputs: loss(inputs, rows, subtract_log_q=False).sum())(inputs)
    np.testing.assert_array_equal(gradient, np.zeros((2, 1)))
    wrong = loss(-inputs, rows, subtract_log_q=False)
    assert np.isfinite(wrong).all()
    assert (wrong >= 2e4).all()


@pytest.mark.parametrize("name", LOSSES.values())
def test_an_example_whose_candidates_are_all_hits_has_finite_gradients(jax, ssj, name):
    layer = ss.SampledSoftmax(4, DIM, 1, sampler=ss.UniformSampler(4, seed=2), seed=3)
    rows = layer.pull(np.tile(np.arange(4), (2, 1)))
    assert rows.hits.all()
    inputs = inputs_of(1)[:2]
    loss = getattr(ssj, name)

    def summed(inputs, rows):
        return loss(inputs, rows, remove_accidental_hits=True).sum()

    of_inputs, of_rows = jax.grad(summed, argnums=(0, 1))(inputs, rows)
    assert np.isfinite(of_inputs).all()
    assert not np.asarray(of_rows.sampled_weights).any()


def test_an_empty_batch(ssj):
    rows = new_layer().pull(np.empty((0, 1), np.int64))
    assert ssj.sampled_softmax_loss(np.empty((0, DIM), np.float32), rows).shape == (0,)


@pytest.mark.parametrize("name", LOSSES.values())
def test_half_precision_inputs_are_computed_in_the_precision_of_the_rows(jax, ssj, name):
    rows, half = new_layer().pull(labels_of(1)), jax.numpy.asarray(inputs_of(1), jax.numpy.bfloat16)
    loss = getattr(ssj, name)(half, rows)
    assert loss.dtype == np.float32
    expected = getattr(ssj, name)(np.asarray(half, np.float32), rows)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


# --- what does not fit


@pytest.mark.parametrize("name", LOSSES.values())
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda inputs, rows: (inputs[:-1], rows), ValueError, r"inputs must have shape \[9, 5\].*got \[8, 5\]"),
        (lambda inputs, rows: (inputs[:, :-1], rows), ValueError, r"got \[9, 4\]"),
        (lambda inputs, rows: (inputs.astype(np.int32), rows), TypeError, "inputs must be floating-point numbers"),
        (lambda inputs, rows: (inputs, inputs), TypeError, "rows must be the PulledRows"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(ssj, name, change, error, message):
    arguments = change(inputs_of(1), new_layer().pull(labels_of(1)))
    with pytest.raises(error, match=message) as raised:
        getattr(ssj, name)(*arguments)
    assert "\n" not in str(raised.value)


def test_flags_are_python_bools(ssj):
    with pytest.raises(TypeError, match="subtract_log_q must be True or False"):
        ssj.nce_loss(inputs_of(1), new_layer().pull(labels_of(1)), subtract_log_q=1)


def test_float64_rows_are_refused_where_jax_would_round_them(jax, ssj):
    rows = new_layer(np.float64).pull(labels_of(1))
    loss = ssj.sampled_softmax_loss
    for call in (loss, jax.jit(loss), jax.jit(jax.grad(mean_of(loss), argnums=1))):
        with pytest.raises(TypeError, match="rows are float64, which JAX would round to float32"):
            call(inputs_of(1), rows)


def test_inputs_that_are_wider_than_the_rows_are_refused(ssj, x64):
    with pytest.raises(TypeError, match="inputs must be float32 as the rows, or narrower, got float64"):
        ssj.sampled_softmax_loss(inputs_of(1, np.float64), new_layer().pull(labels_of(1)))
