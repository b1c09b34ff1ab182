"""MixedSampler and InBatchSampler: joint counts, fused steps, files, copies, and what they refuse."""

import copy
import json
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.sampling.candidates import draw
from sampledsoftmax.kernels.sampling.distribution import fill, probabilities
from sampledsoftmax.kernels.sampling.mixture import NoParts
from sampledsoftmax.kernels.sampling.philox import cursor_at
from sampledsoftmax.samplers import stream
from tests.goodness_of_fit import chi_square_score
from tests.registry import OPTIMIZERS
from tests.test_optimizers import Staged

NUM_CLASSES = 30
P = 1 / np.arange(1, NUM_CLASSES + 1)
P /= P.sum()


class Even(ss.CandidateSampler):
    """Even ids only, in Python."""

    def __init__(self, range_max, seed=None, **options):
        super().__init__(range_max, seed, **options)
        self.num_drawable = (range_max + 1) // 2

    def draw(self, rng, size):
        return 2 * rng.integers(0, self.num_drawable, size)

    def probability(self, ids):
        return np.where(ids % 2 == 0, 1 / self.num_drawable, 0.0)


def labels_of(seed, size=8):
    return np.random.default_rng(seed).choice(NUM_CLASSES, size, p=P)


def mixture(kind, unique=True, seed=1, **options):
    """Return mixtures by name; `options` are for samplers that take an expected_count."""
    options["seed"] = 0  # without effect on candidates, but in the state
    uniform, by_counts = ss.UniformSampler(NUM_CLASSES, **options), ss.FixedUnigramSampler(P, 0.75, **options)
    parts = {
        "static": [(uniform, 5), (by_counts, 7), (ss.LogUniformSampler(NUM_CLASSES, **options), 4)],
        "one": [(by_counts, 9)],
        "learned": [(ss.LearnedUnigramSampler(NUM_CLASSES, **options), 6), (uniform, 3)],
        "in_batch": [(ss.InBatchSampler(NUM_CLASSES, P, seed=0), 8), (uniform, 5), (by_counts, 3)],
        "streaming": [
            (ss.InBatchSampler(NUM_CLASSES, frequency=ss.StreamingFrequency(1000, 2), seed=0), 8),
            (uniform, 5),
        ],
        "own": [(Even(NUM_CLASSES, **options), 6), (uniform, 3)],
        "nested": [(ss.MixedSampler([(uniform, 2), (by_counts, 3)], 0, unique=unique), 5), (Even(NUM_CLASSES), 2)],
    }[kind]
    return ss.MixedSampler(parts, seed, unique=unique)


KINDS = ["static", "one", "learned", "in_batch", "streaming", "own", "nested"]
COMPILED = ["static", "one", "learned"]


def equal(first, second):
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


# --- Counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["static", "in_batch", "own", "nested"])
def test_the_joint_count_of_draws_with_replacement_is_the_sum_over_the_parts(kind):
    sampler = mixture(kind, unique=False)
    expected = np.zeros(NUM_CLASSES)
    for part, size in sampler.parts:
        expected += size * part.probability(np.arange(NUM_CLASSES)).astype(float)
    values = sampler.sample(np.arange(NUM_CLASSES), sampler.num_sampled)
    np.testing.assert_allclose(values.true_expected_count.ravel(), expected, rtol=1e-6)
    np.testing.assert_allclose(values.sampled_expected_count, expected[values.sampled_candidates], rtol=1e-6)
    np.testing.assert_allclose(sampler.probability(np.arange(NUM_CLASSES)), expected / sampler.num_sampled, rtol=1e-6)
    assert expected.sum() == pytest.approx(sampler.num_sampled, rel=1e-5)


def test_a_class_that_two_parts_drew_has_one_count_for_both_copies():
    first, second = (ss.AllSampler(4) for _ in range(2))
    uniform = ss.UniformSampler(4, expected_count="inclusion")
    values = ss.MixedSampler([(first, 4), (uniform, 4), (second, 4)]).sample([[1]], 12)
    assert np.bincount(values.sampled_candidates).tolist() == [3, 3, 3, 3]
    assert (values.sampled_expected_count == 3).all()
    assert (values.true_expected_count == 3).all()


@pytest.mark.compiled
@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("kind", ["static", "in_batch", "own"])
def test_the_claimed_counts_are_those_of_the_draws(kind, unique):
    """Counts of unique candidates are exact with expected_count="inclusion"."""
    sampler = mixture(kind, unique, **({"expected_count": "inclusion"} if unique else {}))
    number, found = 4000, np.zeros(NUM_CLASSES)
    for i in range(number):
        values = sampler.sample(labels_of(i), sampler.num_sampled)
        found += np.bincount(values.sampled_candidates, minlength=NUM_CLASSES)
    claimed = sampler.sample(np.arange(NUM_CLASSES), sampler.num_sampled).true_expected_count.ravel()
    score = chi_square_score(found, number * claimed.astype(float))
    assert score < 4
    assert unique or score > -4  # without replacement, counts vary less than those of independent draws


def test_draws_of_the_hooks_fit_the_probabilities():
    for kind in ("static", "in_batch", "own"):
        sampler = mixture(kind)
        draws = np.bincount(sampler.draw(np.random.default_rng(1), 20_000), minlength=NUM_CLASSES)
        assert abs(chi_square_score(draws, 20_000 * sampler.probability(np.arange(NUM_CLASSES)).astype(float))) < 4


@pytest.mark.parametrize("unique", [True, False])
def test_compiled_draws_of_single_ids_fit_the_probabilities(unique):
    """`fill` and `probabilities` of a mixture, which a mixture inside a sampler of yours would use."""
    distribution = mixture("static", unique).fused_distribution()
    out, p = np.empty(20_000, np.int64), np.empty(NUM_CLASSES, np.float32)
    fill(distribution, cursor_at(1, 2, 0), out)
    probabilities(distribution, np.arange(NUM_CLASSES), p)
    np.testing.assert_allclose(p, mixture("static").probability(np.arange(NUM_CLASSES)), rtol=1e-6)
    assert abs(chi_square_score(np.bincount(out, minlength=NUM_CLASSES), 20_000 * p.astype(float))) < 4


def test_the_end_of_a_mixture_draws_and_counts_nothing():
    end, none, ones = NoParts(ss.UniformSampler(3).support), np.empty(0, np.int64), np.ones(2, np.float32)
    fill(end, cursor_at(1, 2, 0), none)
    assert draw(end, cursor_at(1, 2, 0), True, none, none) == 0
    assert draw(end, cursor_at(1, 2, 0), True, none, np.empty(2, np.int64)) == -1
    probabilities(end, np.arange(2), ones)
    assert not ones.any()


def test_all_copies_of_a_hit_are_removed():
    values = ss.MixedSampler([(ss.AllSampler(4), 4), (ss.UniformSampler(4), 4)]).sample([2], 8)
    logits, _ = ss.compute_sampled_logits(
        np.ones((4, 2)), np.zeros(4), np.array([2]), np.ones((1, 2)), 8, 4, sampled_values=values,
        remove_accidental_hits=True,
    )  # fmt: skip
    assert np.isneginf(logits[0, 1:][values.sampled_candidates == 2]).sum() == 2


# --- In-batch candidates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "num_true"), [(1, 1), (5, 1), (3, 2), (40, 1)])
def test_in_batch_candidates_are_consecutive_labels(batch_size, num_true):
    sampler = ss.InBatchSampler(NUM_CLASSES, P, seed=1)
    labels = labels_of(1, batch_size * num_true).reshape(batch_size, num_true)
    flat, starts = labels.ravel(), set()
    for _ in range(30):
        ids = sampler.sample(labels, 7).sampled_candidates
        found = [start for start in range(flat.size) if np.array_equal(ids, np.resize(np.roll(flat, -start), 7))]
        assert found
        starts.add(found[0])
    assert len(starts) > 1 or flat.size == 1


def test_a_batch_without_labels_gets_a_class_that_has_a_count():
    none = np.zeros((0, 1), np.int64)
    values = ss.InBatchSampler(3, [0, 1, 1]).sample(none, 4)
    assert values.sampled_candidates.tolist() == [1, 1, 1, 1]
    assert (values.sampled_expected_count == 2).all()
    layer = ss.SampledSoftmax(3, 2, 3, sampler=ss.InBatchSampler(3, [1, 1, 1]), seed=1)
    before = layer.weights.copy()
    assert layer.step(np.zeros((0, 2), np.float32), none)[0] == 0
    np.testing.assert_array_equal(layer.weights, before)


def test_a_frequency_learns_the_counts_and_each_call_counts_before_it_learns():
    sampler = ss.InBatchSampler(10, frequency=ss.StreamingFrequency(100), seed=1)
    for step in range(1, 40):
        expected = 4 * sampler.frequency.share([7, 2])
        values = sampler.sample([7, 7, 7, 2], 4)
        assert sampler.frequency.num_batches == step
        np.testing.assert_array_equal(values.true_expected_count.ravel()[[0, 3]], expected)
    np.testing.assert_allclose(values.true_expected_count.ravel(), [3, 3, 3, 1], rtol=1e-6)


def test_a_step_with_candidates_of_its_batch_is_the_loss_of_those_candidates():
    sampler = mixture("in_batch")
    layer = ss.SampledSoftmax(NUM_CLASSES, 4, 16, ss.SGD(0.5), copy.deepcopy(sampler), dtype=np.float64, seed=1)
    inputs, labels = np.random.default_rng(0).normal(size=(8, 4)), labels_of(3)
    values = sampler.sample(labels, 16)
    assert set(values.sampled_candidates[:8]) == set(labels)
    losses, gradients = ss.sampled_softmax_loss_and_grad(
        layer.weights, layer.biases, labels, inputs, 16, NUM_CLASSES, sampled_values=values
    )
    weights = layer.weights - 0.5 * gradients.weights.to_dense() / 8
    loss, _ = layer.step(inputs, labels)
    assert loss == pytest.approx(losses.mean(), rel=1e-12)
    np.testing.assert_allclose(layer.weights, weights, rtol=1e-10)


# --- Layers -------------------------------------------------------------------------------------------------


def trained(model, seed, steps=3):
    rng = np.random.default_rng(seed)
    return [model.step(rng.integers(0, NUM_CLASSES, 8), labels_of(seed + i)) for i in range(steps)]


def model_with(sampler, optimizer=None, **options):
    return ss.SkipGram(sampler.range_max, 4, sampler.num_sampled, optimizer, sampler, seed=1, **options)


def assert_same(model, other):
    for name in ("embeddings", "weights", "biases"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name))
    assert model.output.sampler.state == other.output.sampler.state


@pytest.mark.subset(2)
@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("kind", COMPILED)
def test_a_compiled_step_is_the_step_in_parts(kind, unique):
    check_fused(lambda: mixture(kind, unique), ss.Adagrad(0.1))


@pytest.mark.subset(1)
@pytest.mark.parametrize("optimizer", ["exact_adam", "momentum", "row_counted_adam"])
def test_copies_of_a_candidate_are_one_update_with_every_optimizer(optimizer):
    """Of 64 draws from 30 classes, and so in several panels, most are copies; momentum shows a row updated twice."""
    weights = np.r_[P, np.full(70, 1e-9)]
    check_fused(
        lambda: ss.MixedSampler([(ss.FixedUnigramSampler(weights, seed=0), 64)], 1, unique=False),
        OPTIMIZERS[optimizer](0.05),
    )


def check_fused(make, optimizer):
    fused, staged = (model_with(make(), each, dtype=np.float64) for each in (optimizer, Staged(optimizer)))
    assert fused.output.fused_steps.supports(fused.output.weight_table)
    assert not staged.output.fused_steps.supports(staged.output.weight_table)
    for seed in range(3):
        np.testing.assert_allclose(trained(fused, seed), trained(staged, seed), rtol=1e-10)
    np.testing.assert_allclose(fused.weights, staged.weights, rtol=1e-9, atol=1e-12)
    assert fused.output.sampler.state == staged.output.sampler.state


@pytest.mark.compiled
@pytest.mark.subset(1)
@pytest.mark.parametrize("kind", ["static", "learned"])
def test_steps_have_the_same_bits_on_any_number_of_threads(kind):
    before, models = ss.get_num_threads(), []
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(0, NUM_CLASSES, 3000), rng.choice(NUM_CLASSES, 3000, p=P)
    try:
        for threads in (1, 2, 4):
            ss.set_num_threads(threads)
            models.append(model_with(mixture(kind, unique=False)))
            models[-1].steps(ids, labels, 300)
    finally:
        ss.set_num_threads(before)
    for model in models[1:]:
        assert_same(models[0], model)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_go_on_with_the_same_candidates(kind, copied):
    sampler = mixture(kind)
    sampler.sample(labels_of(1), sampler.num_sampled)
    other, fresh = copied(sampler), mixture(kind, seed=2)
    fresh.state = json.loads(json.dumps(sampler.state))
    for seed in range(3):
        values = sampler.sample(labels_of(seed), sampler.num_sampled)
        assert equal(values, other.sample(labels_of(seed), sampler.num_sampled))
        assert equal(values, fresh.sample(labels_of(seed), sampler.num_sampled))


@pytest.mark.parametrize("kind", ["static", "learned", "in_batch", "streaming"])
def test_layers_are_saved_and_loaded_with_their_mixtures(tmp_path, kind):
    model = model_with(mixture(kind, unique=False))
    trained(model, 1)
    model.save(tmp_path / "model.zip")
    loaded = ss.SkipGram.load(tmp_path / "model.zip")
    again = ss.SkipGram.load(tmp_path / "model.zip", sampler=mixture(kind, unique=False, seed=7))
    assert trained(model, 2) == trained(loaded, 2) == trained(again, 2)
    assert_same(model, loaded)
    assert_same(model, again)
    assert loaded.output.sampler.unique is False


def test_folders_continue_mixtures(tmp_path):
    whole = model_with(mixture("streaming"))
    losses = trained(whole, 1) + trained(whole, 2)
    with model_with(mixture("streaming"), folder=tmp_path) as first:
        assert trained(first, 1) == losses[:3]
    with model_with(mixture("streaming", seed=5), folder=tmp_path) as second:
        assert trained(second, 2) == losses[3:]
        assert_same(whole, second)


def test_what_is_saved_says_what_must_be_given(tmp_path):
    model = model_with(mixture("own"))
    trained(model, 1)
    model.save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="sampler: the layer has a MixedSampler, whose code is not in the file"):
        ss.SkipGram.load(tmp_path / "model.zip")
    again = ss.SkipGram.load(tmp_path / "model.zip", sampler=mixture("own", seed=3))
    assert trained(again, 2) == trained(model, 2)
    model = model_with(mixture("static"))
    model.save(tmp_path / "static.zip")
    for other in (mixture("static", unique=False), mixture("learned")):
        with pytest.raises(ValueError, match="sampler must be that of the layer, MixedSampler"):
            ss.SkipGram.load(tmp_path / "static.zip", sampler=other)
    weights = ss.FixedUnigramSampler(P[::-1], 0.75)
    other = ss.MixedSampler([(part if size != 7 else weights, size) for part, size in mixture("static").parts])
    with pytest.raises(ValueError, match="sampler must have the weights of the layer's FixedUnigramSampler"):
        ss.SkipGram.load(tmp_path / "static.zip", sampler=other)


def test_a_batch_may_have_more_candidates_than_there_are_classes():
    """In several panels, most of them copies, with labels among them."""
    counts = [5, 3, 1, 1]
    for sampler in (
        ss.MixedSampler([(ss.FixedUnigramSampler(counts), 90), (ss.UniformSampler(4), 11)], 1, unique=False),
        ss.InBatchSampler(4, counts, seed=1),
    ):
        layers = [
            ss.SampledSoftmax(4, 3, 101, each, copy.deepcopy(sampler), dtype=np.float64, seed=1)
            for each in (ss.Momentum(0.1, 0.9), Staged(ss.Momentum(0.1, 0.9)))
        ]
        inputs, labels = np.random.default_rng(0).normal(size=(2, 9, 3)), np.arange(9) % 4
        for batch in inputs:
            losses = [layer.step(batch, labels)[0] for layer in layers]
            assert losses[0] == pytest.approx(losses[1], rel=1e-10)
        np.testing.assert_allclose(layers[0].weights, layers[1].weights, rtol=1e-9)


def test_examples_that_do_not_count_and_several_labels():
    model = model_with(mixture("in_batch"))
    loss = model.step([1, 2, 3], [[4, -1], [5, 6], [7, 8]], sample_weight=[1, 1, 0], ignore_index=-1)
    assert np.isfinite(loss)
    assert set(model.output.sampler.sample([[4, 5]], 16).sampled_candidates[:8]) == {4, 5}


def test_rows_are_pulled_with_joint_counts():
    layer = ss.SampledSoftmax(NUM_CLASSES, 4, 16, sampler=mixture("in_batch"), seed=1)
    labels = labels_of(4)
    values = copy.deepcopy(layer.sampler).sample(labels, 16)
    rows = layer.pull(labels)
    np.testing.assert_array_equal(rows.sampled_candidates, values.sampled_candidates)
    np.testing.assert_allclose(rows.sampled_log_q, np.log(values.sampled_expected_count), rtol=1e-6)


def test_parts_learn_and_are_repaired_with_their_mixture():
    for kind in KINDS:
        assert mixture(kind).learns == (kind in ("learned", "streaming"))
    sampler = mixture("learned")
    learned, counts = sampler.parts[0].sampler, np.arange(1, NUM_CLASSES + 1)
    learned.state = {**learned.state, "counts": counts.tolist()}
    with sampler.lock:
        sampler.repair()  # as in a child that was forked while a thread of the parent drew
    np.testing.assert_array_equal(learned.counts, counts)


# --- What is refused ----------------------------------------------------------------------------------------

UNIFORM = ss.UniformSampler(NUM_CLASSES)
BAD_PARTS = [
    ([], TypeError, r"parts must be a list of \(sampler, num_sampled\), got list \[\]"),
    (5, TypeError, r"parts must be a list of \(sampler, num_sampled\), got int 5"),
    ([UNIFORM], TypeError, r"parts\[0\] must be \(sampler, num_sampled\), got"),
    ([("uniform", 3)], TypeError, r"parts\[0\] must have a sampler object, such as"),
    ([(UNIFORM, 0)], ValueError, r"parts\[0\]: num_sampled must be at least 1, got 0"),
    (
        [(UNIFORM, 2), (ss.UniformSampler(9), 2)],
        ValueError,
        r"parts\[1\] samples from 9 classes, but parts\[0\] from 30",
    ),
    ([(UNIFORM, 2), (UNIFORM, 2)], ValueError, r"parts\[1\] is a sampler that is a part already"),
    ([(UNIFORM, NUM_CLASSES + 1)], ValueError, r"parts\[0\]: num_sampled = 31 unique candidates cannot be"),
    ([(ss.AllSampler(NUM_CLASSES), 3)], ValueError, r"parts\[0\]: num_sampled must be range_max = 30"),
]


@pytest.mark.parametrize(("parts", "error", "message"), BAD_PARTS)
def test_bad_parts_are_refused(parts, error, message):
    with pytest.raises(error, match=message):
        ss.MixedSampler(parts)


def test_other_sizes_and_ways_to_draw_are_refused():
    sampler = mixture("static")
    with pytest.raises(ValueError, match=r"num_sampled must be that of the parts, 5 \+ 7 \+ 4 = 16, got 15"):
        sampler.sample([[1]], 15)
    with pytest.raises(ValueError, match="unique must be that of the MixedSampler, True, got False"):
        sampler.sample([[1]], 16, unique=False)
    for size in (15, 17, 3):
        with pytest.raises(ValueError, match=rf"num_sampled must be that of the parts, 5 \+ 7 \+ 4 = 16, got {size}"):
            ss.SampledSoftmax(NUM_CLASSES, 2, size, sampler=sampler)
        layer = ss.SampledSoftmax(NUM_CLASSES, 2, size)
        layer.sampler = sampler
        with pytest.raises(ValueError, match=rf"num_sampled must be that of the parts, 5 \+ 7 \+ 4 = 16, got {size}"):
            layer.step(np.ones((1, 2), np.float32), [1])
    assert sampler.state["block"] == 0
    for name, value in (("unique", False), ("parts", ()), ("num_sampled", 3), ("expected_count", "inclusion")):
        with pytest.raises(AttributeError, match=f"{name} of a MixedSampler cannot be changed"):
            setattr(sampler, name, value)


def test_classes_that_no_part_draws_are_refused_as_labels():
    first, last = ss.FixedUnigramSampler([1, 0, 0]), ss.FixedUnigramSampler([0, 0, 1])
    sampler = ss.MixedSampler([(first, 1), (last, 1)])
    assert sampler.num_drawable == 2
    layer = ss.SampledSoftmax(3, 2, 2, sampler=sampler, seed=1)
    with pytest.raises(ValueError, match=r"labels\[0, 0\] = 1 has an expected count of 0"):
        layer.step(np.ones((1, 2), np.float32), [1])
    assert np.isfinite(layer.step(np.ones((1, 2), np.float32), [2])[0])


def test_a_part_whose_classes_are_too_rare_ends_the_draw_in_one_line(monkeypatch):
    monkeypatch.setattr(stream, "MAX_TRIES", 1000)
    rare = ss.FixedUnigramSampler([1.0, 1e-30, 1e-30])
    for later in (2, 3):
        sampler = ss.MixedSampler([(ss.UniformSampler(3), later), (rare, 2)], seed=1)
        with pytest.raises(ValueError, match="are too rare"):
            sampler.sample([[0]], later + 2)
        assert sampler.state["block"] == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda state: 3, TypeError, "state must be the dict of a sampler's state, got int 3"),
        (
            lambda state: {**state, "parts": None},
            ValueError,
            r"state\['parts'\] must be a list of 2 states, got NoneType",
        ),
        (lambda state: {**state, "parts": state["parts"][:1]}, ValueError, r"state\['parts'\] must be a list of 2"),
        (lambda state: {**state, "parts": [state["parts"][0], {}]}, ValueError, "state must hold seed, seed2, block"),
        (lambda state: {**state, "block": -1}, ValueError, r"state\['block'\] must be"),
    ],
)
@pytest.mark.parametrize("kind", ["learned", "streaming"])
def test_a_state_that_does_not_fit_is_refused_and_the_old_one_stays(kind, change, error, message):
    sampler = mixture(kind)
    sampler.sample([[1], [2]], sampler.num_sampled)
    before, other = sampler.state, mixture(kind, seed=9)
    other.sample([[5], [5]], sampler.num_sampled)
    with pytest.raises(error, match=message):
        sampler.state = change(other.state)
    assert sampler.state == before


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ss.InBatchSampler(3), ValueError, "exactly one of counts and frequency must be given"),
        (
            lambda: ss.InBatchSampler(3, ss.StreamingFrequency(8)),
            TypeError,
            "got a StreamingFrequency: write frequency=",
        ),
        (lambda: ss.InBatchSampler(3, [1, 2]), ValueError, r"counts must have shape \[3\], range_max, got \[2\]"),
        (lambda: ss.InBatchSampler(2, [1, -2]), ValueError, r"counts\[1\] = -2 must be finite and at least 0"),
        (lambda: ss.InBatchSampler(2, ["a", "b"]), TypeError, "counts must hold numbers, got dtype <U1"),
        (lambda: ss.InBatchSampler(2, [0, 0]), ValueError, "counts must add up to a finite number above 0, got 0"),
        (lambda: ss.InBatchSampler(2, frequency=3), TypeError, "frequency must be an ss.StreamingFrequency, got int 3"),
        (
            lambda: ss.InBatchSampler(20, frequency=ss.StreamingFrequency(10, 0)),
            ValueError,
            "frequency has 10 buckets, fewer than range_max = 20, and does not hash",
        ),
    ],
)
def test_bad_in_batch_samplers_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_what_an_in_batch_sampler_counts_by_stays():
    sampler = ss.InBatchSampler(2, [1, 1])
    with pytest.raises(AttributeError, match="weights of an InBatchSampler cannot be changed"):
        sampler.weights = np.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        sampler.weights[0] = 3
