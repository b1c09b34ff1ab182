"""Samplers that are defined outside the package: hooks in Python, compiled distributions, and every mistake."""

import copy
import pickle
import re
from typing import NamedTuple

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sampling.distribution import Support, fill, learn, probabilities
from sampledsoftmax.kernels.sampling.philox import next_double
from sampledsoftmax.samplers import sampler_for, stream
from sampledsoftmax.samplers.inclusion import Groups
from tests import naive
from tests.goodness_of_fit import chi_square_score
from tests.registry import DRAWN, SAMPLERS


class Triangle(ss.CandidateSampler):
    """Probability proportional to id + 1, in Python."""

    def draw(self, rng, size):
        return np.maximum(rng.integers(0, self.range_max, size), (rng.random(size) * self.range_max).astype(np.int64))

    def probability(self, ids):
        return (2 * ids + 1) / self.range_max**2


class Weighted(NamedTuple):
    support: Support
    weights: np.ndarray


class Learned(NamedTuple):
    support: Support
    weights: np.ndarray


@fill.register(Weighted, Learned)
@jit
def fill_weighted(distribution, cursor, out):
    for i in range(out.size):
        left, out[i] = next_double(cursor) * distribution.weights.sum(), 0
        while left >= distribution.weights[out[i]]:
            left -= distribution.weights[out[i]]
            out[i] += 1


@probabilities.register(Weighted, Learned)
@jit
def weighted_probabilities(distribution, ids, out):
    for i in range(ids.size):
        out[i] = distribution.weights[ids[i]] / distribution.weights.sum()


@learn.register(Learned)
@jit
def add_to_weights(distribution, labels):
    for label in labels.flat:
        distribution.weights[label] += 1.0


class WeightedSampler(ss.CandidateSampler):
    """Weights that learn, in compiled code."""

    def __init__(self, range_max, seed=None, **options):
        super().__init__(range_max, seed, **options)
        self.weights = np.arange(1.0, range_max + 1)

    def compiled_distribution(self):
        return Learned(self.support, self.weights)


class CompiledTriangle(Triangle):
    """The same distribution in both."""

    def compiled_distribution(self):
        return Weighted(self.support, 2.0 * np.arange(self.range_max) + 1)


def equal(ours, expected):
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(ours, expected, strict=True))


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("kind", [Triangle, WeightedSampler, CompiledTriangle])
def test_equal_seeds_give_equal_calls_from_any_position(kind, unique):
    sampler, other, third = (kind(20, seed=(3, 4)) for _ in range(3))
    first, second = (sampler.sample([[3], [4]], 9, unique) for _ in range(2))
    assert not np.array_equal(first[0], second[0])
    assert equal(other.sample([[3], [4]], 9, unique), first)
    state = other.state
    assert equal(other.sample([[3], [4]], 9, unique), second)
    third.advance(1, 9)
    assert third.state == state
    if kind is not WeightedSampler:  # the weights that it learned are not in its state
        assert equal(third.sample([[3], [4]], 9, unique), second)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])
@pytest.mark.parametrize("kind", [Triangle, WeightedSampler])
def test_a_copy_continues_independently(kind, copied):
    sampler = kind(20, seed=1)
    sampler.sample([[3], [4]], 9)
    other = copied(sampler)
    for _ in range(2):
        assert equal(other.sample([[3], [4]], 9), sampler.sample([[3], [4]], 9))
    assert other.state == sampler.state


@pytest.mark.parametrize("kind", [Triangle, WeightedSampler, CompiledTriangle])
def test_draws_follow_the_probabilities(kind):
    sampler = kind(10, seed=5)
    p = sampler.probability(np.arange(10)).astype(np.float64)
    assert p.sum() == pytest.approx(1)
    draws = sampler.sample(np.empty((0, 1), np.int64), 20_000, unique=False).sampled_candidates
    assert chi_square_score(np.bincount(draws, minlength=10), p * 20_000) < 3.09  # the upper 0.1 % point


@pytest.mark.parametrize("kind", [Triangle, CompiledTriangle])
def test_expected_counts_are_those_of_the_probabilities(kind):
    p = (2 * np.arange(10) + 1) / 100
    values = kind(10, seed=1).sample([[0], [9]], 4, unique=False)
    np.testing.assert_allclose(values.true_expected_count, 4 * p[[[0], [9]]], rtol=1e-6)
    np.testing.assert_allclose(values.sampled_expected_count, 4 * p[values.sampled_candidates], rtol=1e-6)


@pytest.mark.parametrize("kind", [Triangle, WeightedSampler, CompiledTriangle])
def test_inclusion_counts_need_no_hook(kind):
    sampler = kind(7, seed=1, expected_count="inclusion")
    assert sampler.fused_distribution() is None
    for _ in range(2):
        p = sampler.probability(np.arange(7)).astype(np.float64)
        counts = sampler.sample(np.arange(7), 3).true_expected_count.ravel()
        np.testing.assert_allclose(counts, naive.inclusion_probabilities(p / p.sum(), 3), rtol=1e-4)
    plain = kind(7, seed=1)
    np.testing.assert_array_equal(plain.sample([[1]], 3)[0], kind(7, 1, expected_count="inclusion").sample([[1]], 3)[0])


def test_groups_can_be_given():
    class Grouped(Triangle):
        def probability(self, ids):
            return np.full(ids.shape, 1 / self.range_max)

        def probability_groups(self):
            return Groups(np.array([1 / self.range_max]), np.array([float(self.range_max)]))

    sampler = Grouped(2**40, seed=1, expected_count="inclusion")
    assert sampler.sample([[1]], 8).true_expected_count == pytest.approx(8 / 2**40, rel=1e-4)


@pytest.mark.parametrize(
    "groups",
    [
        None,
        (np.array([0.1]),),
        (np.array([0.1, 0.2]), np.array([1.0])),
        (np.array([0.2, 0.1]), np.array([1.0, 1.0])),
        (np.array([0.0, 0.1]), np.array([1.0, 1.0])),
        (np.array([1, 2]), np.array([1.0, 1.0])),
    ],
)
def test_groups_are_checked(groups):
    class Grouped(Triangle):
        def probability_groups(self):
            return groups

    with pytest.raises((TypeError, ValueError), match=r"Grouped\.probability_groups must return Groups"):
        Grouped(10, expected_count="inclusion").sample([[1]], 3)


class Cyclic(ss.CandidateSampler):
    """0, 1, 2, ... and again from 0."""

    def __init__(self, range_max, seed=None):
        super().__init__(range_max, seed)
        self.learned, self.sizes = [], []

    def draw(self, rng, size):
        self.sizes.append(size)
        return np.arange(size, dtype=np.int32) % self.range_max

    def probability(self, ids):
        assert ids.dtype == np.int64
        return np.full(ids.shape, 1 / self.range_max, np.float32)

    def learn(self, labels):
        assert self.state["block"] > 0  # a hook may read its own sampler
        self.learned += labels.ravel().tolist()


def test_a_sampler_in_python_draws_counts_and_learns():
    sampler = Cyclic(10, seed=(4, 5))
    assert sampler.fused_distribution() is None
    values = sampler.sample([[7], [8]], 6)
    assert values.sampled_candidates.tolist() == [0, 1, 2, 3, 4, 5]
    assert values.sampled_candidates.dtype == np.int64
    assert values.true_expected_count.tolist() == np.full((2, 1), 0.6, np.float32).tolist()
    assert sampler.sample([[1]], 3, unique=False).sampled_candidates.tolist() == [0, 1, 2]
    assert sampler.learned == [7, 8, 1]
    assert sampler.state["block"] == 9 * 512


def test_one_generator_serves_all_rounds_of_a_call():
    class Rare(Triangle):
        def draw(self, rng, size):
            generators.append(rng)
            return (rng.random(size) < 0.001).astype(np.int64)

    generators = []
    Rare(2, seed=1).sample([[0]], 2)
    assert len(generators) > 1
    assert len(set(map(id, generators))) == 1


def test_classes_that_are_too_rare_are_refused_and_the_stream_stays(monkeypatch):
    class Never(Cyclic):
        def draw(self, rng, size):
            return np.full(size, 3)

    monkeypatch.setattr(stream, "MAX_TRIES", 1000)
    sampler = Never(10)
    with pytest.raises(ValueError, match="2 unique candidates were asked for, but 1024 draws hold only 1"):
        sampler.sample([[1]], 2)
    assert sampler.state["block"] == 0
    assert sampler.learned == []


def test_only_a_part_of_the_classes_may_be_drawable():
    class Lower(Cyclic):
        def __init__(self, range_max, seed=None):
            super().__init__(range_max, seed)
            self.num_drawable = range_max // 2

        def draw(self, rng, size):
            return rng.integers(0, self.num_drawable, size)

        def probability(self, ids):
            return np.where(ids < self.num_drawable, 1 / self.num_drawable, 0)

    sampler = Lower(10, seed=1)
    assert sampler.sample([[9], [0]], 5, unique=False).true_expected_count.ravel().tolist() == [0, 1]
    with pytest.raises(ValueError, match="cannot be drawn from the number of classes that are ever drawn = 5"):
        sampler.sample([[0]], 6)
    wrong = Lower(10, seed=1)
    wrong.num_drawable = 11
    with pytest.raises(ValueError, match=r"Lower\.num_drawable must be at most 10, got 11"):
        wrong.sample([[0]], 1)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "Bad.draw must return int64 ids [size], got NoneType None"),
        (np.zeros(4), TypeError, "Bad.draw must return int64 ids [size], got dtype float64"),
        (np.zeros(4, bool), TypeError, "Bad.draw must return int64 ids [size], got dtype bool"),
        (np.zeros(3, int), ValueError, "Bad.draw must return int64 ids [size] with size = 4, got shape [3]"),
        (np.zeros((4, 1), int), ValueError, "Bad.draw must return int64 ids [size] with size = 4, got shape [4, 1]"),
        (np.array([0, 1, 10, 3]), ValueError, "Bad.draw must return ids in [0, 10), got 10 at position 2"),
        (np.array([-1, 1, 2, 3]), ValueError, "Bad.draw must return ids in [0, 10), got -1 at position 0"),
        (np.array([2**63], np.uint64).repeat(4), ValueError, "got 9223372036854775808 at position 0"),
    ],
)
def test_draws_of_a_hook_are_checked(returned, error, message):
    class Bad(Cyclic):
        def draw(self, rng, size):
            return returned

    sampler = Bad(10, seed=1)
    with pytest.raises(error, match=re.escape(message)):
        sampler.sample([[1]], 4, unique=False)
    assert sampler.state["block"] == 0
    assert sampler.learned == []


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda ids: None, TypeError, "must return floats in the shape of ids, got NoneType None"),
        (lambda ids: ids, TypeError, "must return floats in the shape of ids, got dtype int64"),
        (lambda ids: 0.1, ValueError, "must return floats in the shape of ids, [1, 1], got shape []"),
        (lambda ids: np.ones(ids.size), ValueError, "must return floats in the shape of ids, [1, 1], got shape [1]"),
        (lambda ids: ids * 0.0, ValueError, "must return float32 probabilities in (0, 1], got 0.0 for id 7"),
        (lambda ids: ids * 0.0 + 1e-60, ValueError, "must return float32 probabilities in (0, 1], got 1e-60 for id 7"),
        (lambda ids: ids * 1.0, ValueError, "must return float32 probabilities in (0, 1], got 7.0 for id 7"),
        (lambda ids: ids * np.nan, ValueError, "must return float32 probabilities in (0, 1], got nan for id 7"),
        (lambda ids: -ids * np.inf, ValueError, "must return float32 probabilities in (0, 1], got -inf for id 7"),
    ],
)
def test_probabilities_of_a_hook_are_checked(returned, error, message):
    class Bad(Cyclic):
        def probability(self, ids):
            return returned(ids)

    sampler = Bad(10, seed=1)
    with pytest.raises(error, match=re.escape(f"Bad.probability {message}")):
        sampler.sample([[7]], 4)
    assert sampler.state["block"] == 0
    assert sampler.learned == []


class OnlyDraws(ss.CandidateSampler):
    def draw(self, rng, size):
        return rng.integers(0, self.range_max, size)


class Empty(ss.CandidateSampler):
    pass


class Unprepared(Triangle):
    def __init__(self, range_max):
        self.range_max = range_max


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (ss.CandidateSampler(10), "CandidateSampler must define draw and probability, or compiled_distribution"),
        (Empty(10), "Empty must define draw and probability, or compiled_distribution: see ss.CandidateSampler"),
        (OnlyDraws(10), "OnlyDraws must define probability, or compiled_distribution: see ss.CandidateSampler"),
        (Unprepared(10), "Unprepared.__init__ must call super().__init__(range_max, seed)"),
    ],
)
def test_an_incomplete_class_is_refused_by_name(sampler, message):
    for use in (
        lambda: sampler.sample([[1]], 3),
        sampler.fused_distribution,
        lambda: ss.SampledSoftmax(10, 3, 4, sampler=sampler),
        lambda: ss.SkipGram(10, 3, 4, sampler=sampler),
    ):
        with pytest.raises(TypeError, match=re.escape(message)):
            use()


def test_what_a_class_does_not_define_cannot_be_called():
    class Whole(ss.CandidateSampler):
        def sample(self, true_classes, num_sampled, unique=True):
            return ss.UniformSampler(self.range_max, 1).sample(true_classes, num_sampled, unique)

    sampler = Whole(10)
    assert sampler.sample([[1]], 4).sampled_candidates.size == 4
    assert sampler_for(sampler, 10, None) is sampler
    sampler.learn(np.array([[1]]))
    with pytest.raises(NotImplementedError, match="Whole defines neither probability nor a compiled distribution"):
        sampler.probability([1])
    with pytest.raises(NotImplementedError, match="Whole defines neither draw nor a compiled distribution"):
        sampler.draw(np.random.default_rng(1), 3)


class Unregistered(NamedTuple):
    support: Support


class NoProbabilities(NamedTuple):
    support: Support


fill.register(NoProbabilities)(fill_weighted)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (
            lambda support: 3,
            TypeError,
            "must return None or a NamedTuple whose field support is self.support, got int 3",
        ),
        (lambda support: (support,), TypeError, "must return None or a NamedTuple whose field support is self.support"),
        (
            lambda support: Weighted(support.range_max, np.ones(10)),
            TypeError,
            "must return None or a NamedTuple whose field support is self.support, got Weighted Weighted(support=10",
        ),
        (
            lambda support: Weighted(support._replace(range_max=9), np.ones(10)),
            ValueError,
            "returned support.range_max = 9, but range_max = 10",
        ),
        (
            Unregistered,
            TypeError,
            "returned Unregistered, for which no kernel fill is registered: decorate one with"
            " @fill.register(Unregistered), fill from sampledsoftmax.kernels.sampling.distribution",
        ),
        (NoProbabilities, TypeError, "returned NoProbabilities, for which no kernel probabilities is registered"),
    ],
)
def test_a_compiled_distribution_is_checked(returned, error, message):
    class Bad(ss.CandidateSampler):
        def compiled_distribution(self):
            return returned(self.support)

    for use in (lambda: Bad(10).sample([[1]], 3), lambda: ss.SampledSoftmax(10, 3, 4, sampler=Bad(10))):
        with pytest.raises(error, match=re.escape(f"Bad.compiled_distribution {message}")):
            use()


@pytest.mark.parametrize("name", ["sample", "draw", "probability", "learn"])
@pytest.mark.parametrize("inherits", [True, False])
def test_an_overridden_hook_of_a_built_in_sampler_is_called(name, inherits):
    inherited = getattr(ss.LearnedUnigramSampler, name)
    calls = []

    def override(self, *arguments):
        calls.append(name)
        return inherited(self, *arguments)

    Changed = type("Changed", (ss.LearnedUnigramSampler,), {name: override})
    kind = type("Further", (Changed,), {}) if inherits else Changed
    plain, sampler = ss.LearnedUnigramSampler(50, seed=8), kind(50, seed=8)
    expected = [plain.sample([[3]], 9) for _ in range(3)]
    assert sampler.fused_distribution() is None
    assert all(equal(sampler.sample([[3]], 9), values) for values in expected)
    assert len(calls) >= 3
    assert type("Plain", (ss.LearnedUnigramSampler,), {})(50).fused_distribution() is not None


def test_a_mixin_that_overrides_a_hook_is_honored():
    class Mixin:
        def probability(self, ids):
            return np.full(np.shape(ids), 0.5, np.float32)

    sampler = type("Mixed", (Mixin, ss.UniformSampler), {})(50, seed=1)
    assert sampler.fused_distribution() is None
    assert sampler.sample([[1]], 4, unique=False).true_expected_count == 2


def test_all_classes_with_an_overridden_hook():
    class Changed(ss.AllSampler):
        def probability(self, ids):
            return super().probability(ids)

    for unique in (True, False):
        assert equal(Changed(5).sample([[1]], 5, unique), ss.AllSampler(5).sample([[1]], 5, unique))


@pytest.mark.parametrize("name", DRAWN)
def test_inclusion_counts_are_made_in_python(name):
    exact, plain = SAMPLERS[name](70, 3, expected_count="inclusion"), SAMPLERS[name](70, 3)
    assert exact.fused_distribution() is None
    assert plain.fused_distribution() is not None
    np.testing.assert_array_equal(exact.sample([[1]], 9)[0], plain.sample([[1]], 9)[0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_of_any_generator_are_those_of_the_distribution(name):
    sampler = SAMPLERS[name](10, 1)
    draws = sampler.draw(np.random.default_rng(7), 20_000)
    p = sampler.probability(np.arange(10)).astype(np.float64)
    assert draws.dtype == np.int64
    assert chi_square_score(np.bincount(draws, minlength=10), p / p.sum() * 20_000) < 3.09
    np.testing.assert_array_equal(draws, sampler.draw(np.random.default_rng(7), 20_000))
    with pytest.raises(ValueError, match="size must be at least 0, got -1"):
        sampler.draw(np.random.default_rng(7), -1)


@pytest.mark.compiled
@pytest.mark.parametrize("make", [Triangle, WeightedSampler])
@pytest.mark.parametrize("model", [ss.SampledSoftmax, ss.SkipGram])
def test_a_layer_trains_on_the_samples_of_a_custom_sampler(model, make):
    """One step is the loss, gradient and update of the functions, on what a second sampler draws."""
    layer = model(30, 4, 8, ss.SGD(0.5), make(30, seed=2), dtype=np.float64, seed=1)
    ids, labels = np.array([3, 5, 3]), np.array([[1], [2], [29]])
    is_layer = model is ss.SampledSoftmax
    inputs = np.linspace(-1, 1, 12).reshape(3, 4) if is_layer else layer.embeddings[ids]
    tables = layer.weights.copy(), layer.biases.copy()
    values = make(30, seed=2).sample(labels, 8)
    loss, gradients = ss.sampled_softmax_loss_and_grad(
        *tables, labels, inputs, 8, 30, sampled_values=values, loss_grad=np.full(3, 1 / 3)
    )
    trained = layer.step(inputs, labels)[0] if is_layer else layer.step(ids, labels)
    assert trained == pytest.approx(loss.mean(), rel=1e-12)
    np.testing.assert_allclose(layer.weights, tables[0] - 0.5 * gradients.weights.to_dense(), atol=1e-14)


@pytest.mark.compiled
@pytest.mark.parametrize("kind", [WeightedSampler, CompiledTriangle])
def test_a_compiled_distribution_is_used_by_the_fused_step(kind, monkeypatch):
    sampler = kind(30, seed=2)
    model = ss.SkipGram(30, 4, 8, sampler=sampler, seed=1)
    monkeypatch.setattr(kind, "sample", None)
    model.steps(np.arange(30), np.arange(30)[::-1].copy(), 10)
    assert sampler.state["block"] == 3 * 8 * 512
    if kind is WeightedSampler:
        assert sampler.weights.sum() == np.arange(1, 31).sum() + 30


def test_layers_find_samplers_by_name_and_refuse_others():
    assert isinstance(sampler_for("uniform", 10, 1), ss.UniformSampler)
    assert isinstance(sampler_for("log_uniform", 10, 1), ss.LogUniformSampler)
    with pytest.raises(ValueError, match=r"got 'log-uniform': did you mean 'log_uniform'\?"):
        sampler_for("log-uniform", 10, 1)
    with pytest.raises(TypeError, match="sampler must be a name or a sampler object, got the class UniformSampler"):
        sampler_for(ss.UniformSampler, 10, 1)
    with pytest.raises(TypeError, match="sampler must be a name or a sampler object, got NoneType"):
        sampler_for(None, 10, 1)
    with pytest.raises(ValueError, match="sampler has range_max = 9, but num_classes = 10"):
        sampler_for(Triangle(9), 10, 1)


def test_long_values_in_messages_are_cut_to_a_line():
    with pytest.raises(TypeError) as raised:
        Triangle(np.zeros((50, 50)).tolist())
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 150
    with pytest.raises(
        ValueError, match=r"expected_count must be one of 'tensorflow', 'inclusion', got array\("
    ) as raised:
        Triangle(10, expected_count=np.zeros(1000))
    assert "\n" not in str(raised.value)
