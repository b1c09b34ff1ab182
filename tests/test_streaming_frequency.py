"""StreamingFrequency: means by the formulas, known frequencies, collisions, copies of ids, state."""

import copy
import hashlib
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss


def batches(seed, number, num_ids=40, size=30):
    """Batches of ids by Zipf's law, as they would come from a stream."""
    p = 1 / np.arange(1, num_ids + 1)
    rng = np.random.default_rng(seed)
    return [rng.choice(num_ids, size, p=p / p.sum()) for _ in range(number)]


def by_formula(stream, wanted, rate):
    """Return probabilities and expected counts of ids by the means of their gaps and copies, one id at a time."""
    probability, expected = [], []
    for one in wanted:
        last, gap, copies, seen = 0, 0.0, 0.0, 0
        for step, batch in enumerate(stream, 1):
            number = int((batch == one).sum())
            if number:
                seen += 1
                weight = max(rate, 1 / seen)
                gap, copies = gap + weight * (step - last - gap), copies + weight * (number - copies)
                last = step
        if not seen:
            gap, copies = len(stream) + 1, 1
        probability.append(1 / gap)
        expected.append(copies / gap)
    return probability, expected


@pytest.mark.parametrize("num_hashes", [0, 1, 3])
@pytest.mark.parametrize("rate", [0.02, 0.5, 1.0])
def test_estimates_are_those_of_the_formula(rate, num_hashes):
    """Of ids without collisions: in 2**20 buckets each of these has its own."""
    frequency, stream = ss.StreamingFrequency(2**20, num_hashes, rate), batches(1, 150)
    for batch in stream:
        frequency.update(batch)
    ids = np.arange(50)
    probability, expected = by_formula(stream, ids, rate)
    np.testing.assert_allclose(frequency.probability(ids), probability, rtol=1e-6)
    np.testing.assert_allclose(frequency.expected_count(ids), expected, rtol=1e-6)
    np.testing.assert_allclose(frequency.share(ids), np.divide(expected, 30), rtol=1e-6)
    assert frequency.num_batches == 150


@pytest.mark.compiled
def test_they_converge_to_known_frequencies():
    frequency, p = ss.StreamingFrequency(2**16, 2, 0.001), 1 / np.arange(1, 201)
    p /= p.sum()
    rng = np.random.default_rng(0)
    for _ in range(4000):
        frequency.update(rng.choice(200, 64, p=p))
    ids = np.arange(200)
    for found, expected in (
        (frequency.probability(ids), 1 - (1 - p) ** 64),
        (frequency.expected_count(ids), 64 * p),
        (frequency.share(ids), p),
    ):
        ratio = found / expected
        assert abs(ratio.mean() - 1) < 0.01
        assert abs(ratio - 1).max() < 0.2  # 4 standard deviations of an id of 0.05 a batch, 200 gaps, are 0.28
    assert abs(frequency.share(ids).sum() - 1) < 0.01


def test_a_rate_follows_a_stream_that_changes():
    frequency = ss.StreamingFrequency(100, rate=0.1)
    for step in range(100):
        frequency.update([5] if step % 10 == 9 else [1])
    np.testing.assert_allclose(frequency.probability([5]), 0.1, rtol=1e-6)
    for _ in range(60):
        frequency.update([5])
    assert frequency.probability([5]) > 0.95


def test_the_chance_to_be_in_a_batch_is_cut_at_1_and_the_expected_count_is_not():
    frequency = ss.StreamingFrequency(100)
    for _ in range(10):
        frequency.update([3] * 30 + [4])
    assert frequency.probability([3, 4]).tolist() == [1, 1]
    np.testing.assert_allclose(frequency.expected_count([3, 4]), [30, 1], rtol=1e-6)
    np.testing.assert_allclose(frequency.share([3, 4]), [30 / 31, 1 / 31], rtol=1e-6)


def test_cold_ids_and_where_they_start():
    plain, started = ss.StreamingFrequency(1000), ss.StreamingFrequency(1000, initial=0.01)
    assert plain.probability([7]) == 1
    assert started.probability([7]) == np.float32(0.01)
    for frequency in (plain, started):
        for _ in range(999):
            frequency.update([1])
    assert plain.probability([7]) == np.float32(1 / 1000)
    assert started.probability([7]) == np.float32(0.01)
    for frequency in (plain, started):
        frequency.update([7])
    assert plain.probability([7]) == np.float32(1 / 1000)
    assert started.probability([7]) == np.float32(1 / 550)  # the mean of a gap of 1000 and one of 100
    np.testing.assert_allclose(plain.expected_count([7]), 1 / 1000, rtol=1e-6)


def test_collisions_overestimate_with_one_hash_and_less_with_several():
    stream = batches(2, 400, num_ids=300)
    exact, *hashed = (ss.StreamingFrequency(300, number, 0.001) for number in (0, 1, 4))
    for batch in stream:
        for frequency in (exact, *hashed):
            frequency.update(batch)
    ids = np.arange(300)
    for ask in ("probability", "expected_count"):
        one, four = (getattr(frequency, ask)(ids) / getattr(exact, ask)(ids) for frequency in hashed)
        assert (one > 1.5).mean() > 0.2
        assert (one > 0.99).all()
        assert four.mean() < one.mean() / 2
        assert (four > 1.5).mean() < (one > 1.5).mean() / 2


def test_the_order_in_a_batch_its_shape_and_its_dtype_change_no_bit():
    """With few buckets, so that ids of a batch share them."""
    first, second = ss.StreamingFrequency(7, 2, 0.1), ss.StreamingFrequency(7, 2, 0.1)
    rng = np.random.default_rng(3)
    for batch in batches(4, 50):
        first.update(batch)
        second.update(rng.permutation(batch).astype(np.int32).reshape(5, 6)[:, ::-1])
    for name, array in first.state.items():
        np.testing.assert_array_equal(array, second.state[name])


def test_any_int64_is_an_id_and_seeds_differ():
    ids = np.array([0, -1, 2**63 - 1, -(2**63), 5])
    frequency = ss.StreamingFrequency(2**20)
    frequency.update(ids)
    frequency.update([])
    frequency.update(ids[:2])
    assert frequency.probability(ids.reshape(5, 1)).shape == (5, 1)
    np.testing.assert_allclose(frequency.probability(ids), [2 / 3, 2 / 3, 1, 1, 1], rtol=1e-6)
    assert frequency.probability([]).shape == (0,)
    with_seeds = [ss.StreamingFrequency(2**20, seed=seed) for seed in (0, 0, 1)]
    for one in with_seeds:
        one.update([17])
    places = [int(one.state["seen"].argmax()) for one in with_seeds]
    assert places[0] == places[1] != places[2]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_and_states_go_on_with_the_same_bits_and_share_nothing(copied):
    frequency, stream = ss.StreamingFrequency(50, 2, initial=0.1, seed=3), batches(5, 20)
    for batch in stream[:10]:
        frequency.update(batch)
    other, third = copied(frequency), ss.StreamingFrequency(50, 2, initial=0.1, seed=3)
    third.state = frequency.state
    before = frequency.state
    for batch in stream[10:]:
        other.update(batch)
    for name, array in before.items():
        np.testing.assert_array_equal(frequency.state[name], array)
    for batch in stream[10:]:
        frequency.update(batch)
        third.update(batch)
    for name, array in frequency.state.items():
        np.testing.assert_array_equal(other.state[name], array)
        np.testing.assert_array_equal(third.state[name], array)


BAD = [
    (lambda: ss.StreamingFrequency(0), ValueError, "num_buckets must be at least 1, got 0"),
    (lambda: ss.StreamingFrequency(10, -1), ValueError, "num_hashes must be at least 0, got -1"),
    (lambda: ss.StreamingFrequency(10, rate=0), ValueError, "rate must be above 0, got 0"),
    (lambda: ss.StreamingFrequency(10, rate=1.5), ValueError, "rate must be at most 1, got 1.5"),
    (lambda: ss.StreamingFrequency(10, initial=0), ValueError, "initial must be above 0, got 0"),
    (lambda: ss.StreamingFrequency(10, seed="a"), TypeError, "seed must be"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("ask", ["update", "probability", "expected_count", "share"])
@pytest.mark.parametrize(
    ("num_hashes", "ids", "error", "message"),
    [
        (1, ["a", "b"], TypeError, "ids must hold integers, got strings: take a hash of 64 bits of each"),
        (1, np.array(["a"], object), TypeError, "ids must hold integers, got strings"),
        (1, [1.5], TypeError, "ids must hold integer ids, got dtype float64"),
        (1, np.array([2**63], np.uint64), ValueError, "ids must be at most 9223372036854775807"),
        (0, [3, 10], ValueError, r"ids\[1\] = 10 is not a class id: ids are in \[0, 10\)"),
    ],
)
def test_bad_ids_are_refused_and_nothing_is_counted(num_hashes, ids, error, message, ask):
    frequency = ss.StreamingFrequency(10, num_hashes)
    with pytest.raises(error, match=message):
        getattr(frequency, ask)(ids)
    assert frequency.num_batches == 0
    assert not frequency.state["seen"].any()


def test_the_hash_that_the_message_names_works():
    word = "naïve"
    one = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little", signed=True)
    frequency = ss.StreamingFrequency(10)
    frequency.update([one])
    assert frequency.probability([one]) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda state: None, TypeError, "state must be the dict of a frequency's state, got NoneType None"),
        (lambda state: {"seen": state["seen"]}, ValueError, "state must hold num_batches, batch_size, last_step"),
        (lambda state: {**state, "gap": state["gap"][:, 1:]}, ValueError, r"state\['gap'\] must have shape \[1, 10\]"),
        (lambda state: {**state, "gap": state["gap"] * np.nan}, ValueError, r"state\['gap'\] must be in \[0, "),
        (lambda state: {**state, "gap": state["gap"] * 0}, ValueError, r"state\['gap'\] must be at least 1 where"),
        (lambda state: {**state, "seen": state["seen"] * 1.0}, TypeError, r"state\['seen'\] must be int32, got float"),
        (
            lambda state: {**state, "last_step": state["seen"] + 1},
            ValueError,
            r"state\['last_step'\] must be in \[0, 1",
        ),
        (lambda state: {**state, "num_batches": -1}, ValueError, r"state\['num_batches'\] must be at least 0"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_the_old_one_stays(change, error, message):
    frequency = ss.StreamingFrequency(10)
    frequency.update([1])
    before = frequency.state
    with pytest.raises(error, match=message):
        frequency.state = change(frequency.state)
    for name, array in before.items():
        np.testing.assert_array_equal(frequency.state[name], array)


def test_settings_stay():
    frequency = ss.StreamingFrequency(10)
    with pytest.raises(AttributeError, match=r"rate of a StreamingFrequency cannot be changed, got 0\.5: make another"):
        frequency.rate = 0.5
