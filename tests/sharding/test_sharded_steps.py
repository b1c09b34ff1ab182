"""A layer on shards has the bits of a layer in one piece, for any number of shards."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.sharding.local_transport import LocalTransport
from tests.registry import DTYPES, OPTIMIZERS, SAMPLERS
from tests.sharding.cases import (
    BATCH_SIZE,
    DIM,
    NUM_CLASSES,
    NUM_SAMPLED,
    SIZES,
    ShardedOutput,
    ShardedPairs,
    assert_same_tables,
    ids_of,
    in_process,
    inputs_of,
    trained_pairs,
)

SHARDS = [1, 2, 3, 5]


def sampler_of(name):
    return SAMPLERS[name](NUM_CLASSES, seed=5)


class Halves(ss.CandidateSampler):
    """A sampler without a compiled form."""

    def draw(self, rng, size):
        return rng.integers(0, self.range_max, size)

    def probability(self, ids):
        return np.full(ids.shape, 1.0 / self.range_max)


class SlowSGD(ss.Optimizer):
    """An optimizer without a compiled form."""

    learning_rate = 0.1

    def init(self, table):
        return {"updates": np.zeros(len(table), np.int64)}

    def update(self, table, slots, gradient):
        rows = gradient.coalesce()
        slots["updates"][rows.indices] += 1
        table[rows.indices] -= np.float32(self.learning_rate) * rows.values


@pytest.mark.subset(12, optimizer="adagrad", sampler="log_uniform")
@pytest.mark.parametrize("sampler", ["log_uniform", "fixed_unigram", "learned_unigram", "uniform"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_pairs_on_shards_have_the_bits_of_one_model(optimizer, sampler):
    model = ss.SkipGram(*SIZES, OPTIMIZERS[optimizer](0.1), sampler_of(sampler), seed=3)
    losses = trained_pairs(model)
    for num_shards in SHARDS:
        sharded = in_process(ShardedPairs, OPTIMIZERS[optimizer](0.1), sampler_of(sampler), num_shards)
        np.testing.assert_array_equal(trained_pairs(sharded), losses)
        assert_same_tables(model, sharded)


@pytest.mark.parametrize("num_shards", SHARDS)
def test_an_output_layer_on_shards_has_the_bits_of_one_layer(num_shards):
    layer = ss.SampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3)
    sharded = in_process(ShardedOutput, ss.Adagrad(0.1), num_shards=num_shards)
    for batch in range(4):
        labels = ids_of(batch, (BATCH_SIZE, 2))
        loss, gradient = sharded.step(inputs_of(batch), labels)
        expected, expected_gradient = layer.step(inputs_of(batch), labels)
        assert loss == expected
        np.testing.assert_array_equal(gradient, expected_gradient)
        layer.optimizer.learning_rate = sharded.optimizer.learning_rate = 0.1 / (batch + 2)
    assert_same_tables(layer, sharded)


def test_example_weights_and_padding_count_as_in_one_layer():
    layer = ss.SampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3)
    sharded = in_process(ShardedOutput, ss.Adagrad(0.1), num_shards=3)
    weights = np.array([1, 0, 2, 0.5, 1, 1, 0, 3, 1])
    padded = np.where(np.arange(BATCH_SIZE) % 3 == 0, -1, ids_of(1)[:BATCH_SIZE])
    ragged = np.stack((ids_of(4)[:BATCH_SIZE], padded), axis=1)
    nothing = np.full(BATCH_SIZE, -1)
    for labels, weight in ((ids_of(3)[:BATCH_SIZE], weights), (padded, weights), (ragged, weights), (nothing, None)):
        loss, gradient = sharded.step(inputs_of(1), labels, weight, ignore_index=-1)
        expected, expected_gradient = layer.step(inputs_of(1), labels, weight, ignore_index=-1)
        assert loss == expected
        np.testing.assert_array_equal(gradient, expected_gradient)
    assert_same_tables(layer, sharded)


@pytest.mark.parametrize(
    ("optimizer", "sampler"), [(SlowSGD, "log_uniform"), (ss.Adagrad, "python"), (ss.Adagrad, "mixed")]
)
def test_what_has_no_compiled_form_has_the_same_bits(optimizer, sampler):
    def sampler_object():
        if sampler == "mixed":
            parts = [
                (ss.InBatchSampler(NUM_CLASSES, np.ones(NUM_CLASSES), seed=1), 4),
                (ss.UniformSampler(NUM_CLASSES), 8),
            ]
            return ss.MixedSampler(parts, seed=2)
        return Halves(NUM_CLASSES, 5) if sampler == "python" else ss.LogUniformSampler(NUM_CLASSES, 5)

    arguments = () if optimizer is SlowSGD else (0.1,)
    model = ss.SkipGram(*SIZES, optimizer(*arguments), sampler_object(), seed=3)
    sharded = in_process(ShardedPairs, optimizer(*arguments), sampler_object(), 3)
    np.testing.assert_array_equal(trained_pairs(sharded, 3), trained_pairs(model, 3))
    assert_same_tables(model, sharded)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("nce", {"temperature": 0.5, "normalize": True}),
        ("negative_sampling", {}),
        ("sampled_softmax", {"temperature": 0.1, "normalize": True}),
        ("sampled_softmax", {"dtype": np.float64}),
    ],
)
def test_objectives_cosines_and_float64_have_the_same_bits(objective, options):
    layer = ss.SampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3, objective=objective, **options)
    sharded = in_process(ShardedOutput, ss.Adagrad(0.1), num_shards=3, objective=objective, **options)
    for batch in range(2):
        inputs, labels = inputs_of(batch, dtype=layer.dtype), ids_of(batch, BATCH_SIZE)
        assert sharded.step(inputs, labels)[0] == layer.step(inputs, labels)[0]
    assert_same_tables(layer, sharded)
    np.testing.assert_array_equal(sharded.full_loss(inputs, labels), layer.full_loss(inputs, labels))


@pytest.mark.parametrize("num_classes", [60, 9_001])
@pytest.mark.parametrize("num_shards", [1, 2, 5])
def test_exact_losses_and_top_k_have_the_bits_of_one_layer(num_classes, num_shards):
    sizes = num_classes, DIM, NUM_SAMPLED
    layer = ss.SampledSoftmax(*sizes, seed=3)
    sharded = in_process(ShardedOutput, num_shards=num_shards, sizes=sizes)
    inputs, labels = inputs_of(1) * 3, ids_of(2, BATCH_SIZE, num_classes)
    labels[:3] = num_classes - 1, num_classes // 2, 0
    np.testing.assert_array_equal(sharded.full_loss(inputs, labels), layer.full_loss(inputs, labels))
    weights = np.arange(BATCH_SIZE) % 2
    np.testing.assert_array_equal(sharded.full_loss(inputs, labels, weights), layer.full_loss(inputs, labels, weights))
    for found, expected in zip(sharded.top_k(inputs, 50), layer.top_k(inputs, 50), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("sampler", ["log_uniform", "learned_unigram"])
def test_the_parts_define_the_bits_and_not_the_workers(sampler):
    found = []
    for num_workers, num_shards in ((0, 1), (1, 2), (2, 3), (4, 2)):
        sharded = in_process(
            ShardedPairs, ss.Adagrad(0.1), sampler_of(sampler), num_shards, parts=4, num_workers=num_workers
        )
        found.append(
            (trained_pairs(sharded), *(np.asarray(getattr(sharded, name)) for name in ("embeddings", "weights")))
        )
    for other in found[1:]:
        for array, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(array, expected)
    whole = ss.SkipGram(*SIZES, ss.Adagrad(0.1), sampler_of(sampler), seed=3)
    np.testing.assert_allclose(trained_pairs(whole), found[0][0], rtol=1e-5)


def test_the_gradient_of_inputs_is_that_of_the_parts():
    layer = ss.SampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3)
    sharded = in_process(ShardedOutput, ss.Adagrad(0.1), num_shards=2, parts=4, num_workers=2)
    labels, weights = ids_of(1)[:BATCH_SIZE], np.array([1, 0, 2, 0.5, 1, 1, 0, 3, 1])
    loss, gradient = sharded.step(inputs_of(1), labels, weights)
    expected, expected_gradient = layer.step(inputs_of(1), labels, weights)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-7)
    assert not gradient[1].any()


@pytest.mark.parametrize(("num_shards", "move"), [(1, "auto"), (3, "inputs")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_that_are_pushed_give_the_same_up_to_rounding(dtype, num_shards, move):
    options = {"dtype": dtype, "seed": 3, "temperature": 0.5}
    layer = ss.SampledSoftmax(*SIZES, ss.Adagrad(0.1), **options)
    pushed = in_process(ShardedOutput, ss.Adagrad(0.1), num_shards=num_shards, move=move, **options)
    weights = np.array([1, 0, 2, 0.5, 1, 1, 0, 3, 1])
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}
    for batch, weight in enumerate((None, weights, None)):
        labels = ids_of(batch, (BATCH_SIZE, 2))
        labels[::3, 1] = -1 if batch else labels[::3, 1]
        inputs = inputs_of(batch, dtype=dtype)
        loss, gradient = pushed.step(inputs, labels, weight, ignore_index=-1)
        expected, expected_gradient = layer.step(inputs, labels, weight, ignore_index=-1)
        np.testing.assert_allclose(loss, expected, **tolerance)
        np.testing.assert_allclose(gradient, expected_gradient, **tolerance)
    np.testing.assert_allclose(np.asarray(pushed.weights), layer.weights, **tolerance)
    np.testing.assert_allclose(np.asarray(pushed.biases), layer.biases, **tolerance)
    assert pushed.sampler.state == layer.sampler.state


@pytest.mark.parametrize("parts", [1, 3])
def test_a_loss_that_is_not_finite_changes_no_table_and_takes_its_place(parts):
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), sampler_of("learned_unigram"), seed=3)
    sharded = in_process(ShardedPairs, ss.Adagrad(0.1), sampler_of("learned_unigram"), 2, parts=parts)
    for one in (model, sharded):
        trained_pairs(one, 2)
        one.biases[7:8] = np.array([3e38], np.float32)
        one.weights[7:8] = np.full((1, DIM), 3e38, np.float32)
    before, place = np.asarray(sharded.weights), sharded.sampler.state
    for one in (model, sharded):
        with pytest.raises(FloatingPointError, match=r"the loss of the batch is .*: no table was changed"):
            one.step(ids_of(5)[:BATCH_SIZE], np.full(BATCH_SIZE, 7))
    np.testing.assert_array_equal(np.asarray(sharded.weights), before)
    assert sharded.sampler.state == model.output.sampler.state != place


def test_rows_are_read_and_written_by_slices():
    sharded = in_process(ShardedPairs, num_shards=3)
    model = ss.SkipGram(*SIZES, seed=3)
    np.testing.assert_array_equal(sharded.weights[15:45], model.weights[15:45])
    assert sharded.weights[50:10].shape == (0, DIM)
    sharded.embeddings[18:22] = model.embeddings[18:22] = np.ones((4, DIM), np.float32)
    np.testing.assert_array_equal(trained_pairs(sharded), trained_pairs(model))
    assert_same_tables(model, sharded)
    assert repr(sharded.biases) == "<biases [60] float32 on 3 shards>"
    with pytest.raises(TypeError, match=r"weights are read by slices of consecutive rows"):
        sharded.weights[3]
    with pytest.raises(ValueError, match=r"weights must be finite: nothing was changed"):
        sharded.weights[:1] = np.full((1, DIM), np.nan, np.float32)


def test_traffic_is_what_the_page_computes():
    sharded = in_process(ShardedOutput, num_shards=3)
    labels = np.arange(BATCH_SIZE)
    sampler = ss.LogUniformSampler(NUM_CLASSES, seed=3)
    rows = np.union1d(labels, sampler.sample(labels, NUM_SAMPLED).sampled_candidates).size
    sharded.step(inputs_of(1), labels)
    assert sharded.traffic == {
        "ids": 2 * 8 * rows,
        "pulled": 4 * (DIM + 1) * rows,
        "pushed": 4 * (DIM + 1) * rows,
        "evaluated": 0,
    }


class Recording(LocalTransport):
    """Notes which messages were sent, in order."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sent = []

    def send(self, shard, message, *arguments):
        self.sent.append((message, arguments[0].step))
        return super().send(shard, message, *arguments)


def test_rows_of_the_next_batch_are_pulled_before_a_step_is_applied():
    together, one_by_one = (in_process(ShardedPairs, num_shards=1, transport=Recording) for _ in range(2))
    losses = trained_pairs(together, 3)
    inputs, labels = (ids_of(seed)[: 3 * BATCH_SIZE].reshape(3, BATCH_SIZE) for seed in (1, 2))
    assert losses.tolist() == [one_by_one.step(*batch) for batch in zip(inputs, labels, strict=True)]
    assert together._driver.transport.sent[1:] == [
        ("pull", 0), ("pull", 0), ("apply", 0), ("pull", 1), ("apply", 1), ("apply", 2)
    ]  # fmt: skip
    assert one_by_one._driver.transport.sent[1:] == [
        ("pull", 0), ("apply", 0), ("pull", 1), ("apply", 1), ("pull", 2), ("apply", 2)
    ]  # fmt: skip
    assert together.traffic == one_by_one.traffic


@pytest.mark.parametrize(("num_shards", "first"), [(1, "logits"), (2, "logits"), (5, "pull")])
def test_what_has_fewer_bytes_moves(num_shards, first):
    layer = in_process(ShardedOutput, num_shards=num_shards, move="auto", transport=Recording)
    layer.step(inputs_of(1), ids_of(1, BATCH_SIZE))  # 9 inputs to each shard, or rows of 9 labels and 12 candidates
    assert layer._driver.transport.sent[num_shards] == (first, 0)
