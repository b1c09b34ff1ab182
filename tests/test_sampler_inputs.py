"""What people pass to samplers: TensorFlow's names and tensors, empty and ragged lists, labels that are never drawn."""

import re
import threading

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import SAMPLERS

FUNCTIONS = {
    "log_uniform": (ss.log_uniform_candidate_sampler, {"range_max": 20}),
    "uniform": (ss.uniform_candidate_sampler, {"range_max": 20}),
    "learned_unigram": (ss.learned_unigram_candidate_sampler, {"range_max": 20}),
    "fixed_unigram": (ss.fixed_unigram_candidate_sampler, {"range_max": 20, "unigrams": range(1, 21)}),
    "all": (ss.all_candidate_sampler, {}),
}
SIZES = {"all": 20}


def draw(sampler, true_classes, num_true=2, **options):
    function, arguments = FUNCTIONS[sampler]
    return function(true_classes, num_true, SIZES.get(sampler, 5), True, **arguments, seed=3, **options)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_name_of_an_operation_is_taken_last_without_effect(name, tf):
    function, arguments = FUNCTIONS[name]
    expected = draw(name, [[1, 2]])
    assert draw(name, [[1, 2]], name="sampler") == expected
    theirs = getattr(tf.random, function.__name__)
    if name == "fixed_unigram":
        arguments = {**arguments, "unigrams": list(map(float, arguments["unigrams"]))}
    values = theirs([[1, 2]], 2, SIZES.get(name, 5), True, **arguments, seed=3, name="sampler")
    assert values[0].shape == expected.sampled_candidates.shape
    with pytest.raises(TypeError, match=r"name must be None or a str, which has no effect, got float 1\.5"):
        draw(name, [[1, 2]], name=1.5)


@pytest.mark.parametrize(
    "convert",
    [
        *(lambda ids, kind=kind: np.array(ids, kind) for kind in ("i1", "u1", "<i4", ">i4", "u4", "<i8", ">i8", "u8")),
        tuple,
        lambda ids: tuple(map(tuple, ids)),
        np.asfortranarray,
        lambda ids: np.array(ids)[:, ::-1][:, ::-1],
    ],
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_true_classes_may_be_of_any_int_type_and_container(name, convert):
    ids = [[1, 2], [19, 0]]
    assert draw(name, convert(ids)) == draw(name, ids)
    np.testing.assert_array_equal(*(SAMPLERS[name](20, 1).probability(values) for values in (convert(ids), ids)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_true_classes_may_be_tensors(name, tf):
    for dtype in (tf.int32, tf.int64, tf.uint8):
        assert draw(name, tf.constant([[1, 2]], dtype)) == draw(name, [[1, 2]])
    assert draw(name, tf.Variable([[1, 2]])) == draw(name, [[1, 2]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_empty_list_is_no_examples(name):
    for num_true in (1, 2):
        values = draw(name, [], num_true)
        assert values.true_expected_count.shape == (0, num_true)
        np.testing.assert_array_equal(values.sampled_candidates, draw(name, [[3] * num_true], num_true)[0])
    sampler = SAMPLERS[name](20, 1)
    assert sampler.sample([], 20).true_expected_count.shape == (0, 1)
    assert sampler.probability([]).shape == (0,)
    sampler.learn([])


def test_no_examples_at_all_are_an_empty_batch_everywhere():
    weights, biases, inputs = np.ones((20, 3), np.float32), np.zeros(20, np.float32), np.ones((0, 3), np.float32)
    assert ss.sampled_softmax_loss(weights, biases, [], inputs, 5, 20, seed=1).shape == (0,)
    assert ss.sampled_softmax_loss(weights, biases, [], inputs, 5, 20, num_true=2, seed=1).shape == (0,)
    assert ss.full_softmax_loss(weights, biases, [], inputs).shape == (0,)
    layer, model = ss.SampledSoftmax(20, 3, 5, seed=1), ss.SkipGram(20, 3, 5, seed=1)
    loss, gradient = layer.step(inputs, [])
    assert (loss, gradient.shape) == (0.0, (0, 3))
    assert model.step([], []) == 0.0
    assert model.steps([], [], 4).shape == (0,)
    assert ss.compute_accidental_hits([], np.array([1, 2]), 1)[0].shape == (0,)


BAD_LABELS = [
    ([[1], [2, 3]], ValueError, "true_classes must be an array, got rows of different lengths: list [[1], [2, 3]]"),
    ([[1, 2], []], ValueError, "true_classes must be an array, got rows of different lengths: list [[1, 2], []]"),
    ("one", TypeError, "true_classes must hold integer ids, got str 'one'"),
    (b"one", TypeError, "true_classes must hold integer ids, got bytes b'one'"),
    ([["1", "2"]], TypeError, "true_classes must hold integer ids, got dtype <U1"),
    ([[1.0, 2.0]], TypeError, "true_classes must hold integer ids, got dtype float64"),
    (np.zeros((0, 2)), TypeError, "true_classes must hold integer ids, got dtype float64"),
    ([[True, False]], TypeError, "true_classes must hold integer ids, got dtype bool"),
    ([[None, 1]], TypeError, "true_classes must hold integer ids, got dtype object"),
    ({1, 2}, TypeError, "true_classes must hold integer ids, got set {1, 2}"),
    (iter([1, 2]), TypeError, "true_classes must hold integer ids, got list_iterator"),
    (None, TypeError, "true_classes must hold integer ids, got NoneType None"),
    ([[2**80, 1]], TypeError, "true_classes must hold integer ids, got dtype object"),
    ([[-1, 1]], ValueError, "true_classes[0, 0] = -1 is not a class id: ids are in [0, 20)"),
    (np.array([[2**64 - 1, 1]], np.uint64), ValueError, "true_classes[0, 0] = 18446744073709551615 is not a class id"),
    ([[1, 20]], ValueError, "true_classes[0, 1] = 20 is not a class id: ids are in [0, 20)"),
    ([[1, 2, 3]], ValueError, "true_classes must have shape [batch_size, 2], got [1, 3]"),
    ([[]], ValueError, "true_classes must have shape [batch_size, 2], got [1, 0]"),
    ([1, 2], ValueError, "true_classes must have shape [batch_size, 2], got [2]"),
    (3, ValueError, "true_classes must have shape [batch_size, 2], got []"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("labels", "error", "message"), BAD_LABELS, ids=[message for _, _, message in BAD_LABELS])
def test_what_are_no_labels_get_one_clear_line(name, labels, error, message):
    with pytest.raises(error, match=re.escape(message)):
        draw(name, labels)


def test_a_failed_conversion_names_the_argument(tf):
    with pytest.raises(
        (TypeError, ValueError), match=r"true_classes must (be an array|hold integer ids), got"
    ) as raised:
        draw("uniform", tf.ragged.constant([[1], [2, 3]]))
    assert "\n" not in str(raised.value)


# --- Labels that are never drawn ----------------------------------------------------------------------------


NEVER = " = 0 has an expected count of 0, and its logarithm is taken: the sampler never draws this class"


def zero_weight(range_max=6):
    return ss.FixedUnigramSampler([0, *range(1, range_max)], seed=1)


@pytest.mark.parametrize(
    "sampler", [zero_weight, lambda: ss.FixedUnigramSampler(range(1, 6), num_reserved_ids=1, seed=1)]
)
def test_a_label_of_weight_0_is_the_reason_of_a_loss_that_is_not_finite(sampler):
    layer = ss.SampledSoftmax(6, 4, 2, sampler=sampler(), seed=1)
    before = layer.weights.copy()
    with pytest.raises(ValueError, match=re.escape(f"labels[1, 0]{NEVER}")):
        layer.step(np.ones((2, 4), np.float32), [1, 0])
    np.testing.assert_array_equal(layer.weights, before)
    assert np.isfinite(layer.step(np.ones((2, 4), np.float32), [1, 2])[0])


def test_a_label_of_weight_0_in_a_later_batch_is_named_by_its_place_among_all():
    model = ss.SkipGram(6, 4, 2, sampler=zero_weight(), seed=1)
    with pytest.raises(ValueError, match=re.escape(f"labels[3, 0]{NEVER}")):
        model.steps([1, 2, 3, 4, 5, 1], [1, 2, 3, 0, 4, 5], 2)


def test_a_label_of_weight_0_is_no_reason_where_no_logarithm_is_taken():
    layer = ss.SampledSoftmax(6, 4, 2, sampler=zero_weight(), objective="negative_sampling", seed=1)
    assert np.isfinite(layer.step(np.ones((2, 4), np.float32), [1, 0])[0])
    layer = ss.SampledSoftmax(6, 4, 2, ss.SGD(1.0), sampler=zero_weight(), seed=1)
    with pytest.raises(FloatingPointError, match="at learning_rate = 1"):
        layer.step(np.full((2, 4), np.nan, np.float32), [1, 2])


def test_counts_of_0_given_to_a_loss_say_what_they_mean():
    weights, inputs = np.ones((6, 4), np.float32), np.ones((2, 4), np.float32)
    values = zero_weight().sample([[1], [0]], 2)
    with pytest.raises(ValueError, match=r"true_expected_count\[1, 0\] = 0.0 must .*, for labels\[1, 0\] = 0"):
        ss.sampled_softmax_loss(weights, None, [[1], [0]], inputs, 2, 6, sampled_values=values)


def test_a_weight_too_small_for_float32_counts_as_never_drawn():
    layer = ss.SampledSoftmax(3, 4, 2, sampler=ss.FixedUnigramSampler([1e-45, 1e5, 1e5], seed=1))
    with pytest.raises(ValueError, match=re.escape(f"labels[0, 0]{NEVER}")):
        layer.step(np.ones((1, 4), np.float32), [0])
    assert np.isfinite(layer.step(np.ones((2, 4), np.float32), [1, 2])[0])


# --- Attributes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_compiled_code_relies_on_cannot_be_assigned(name):
    sampler = SAMPLERS[name](20, 1)
    for attribute, value in (("range_max", 10), ("range_max", 10**9), ("lock", threading.RLock())):
        with pytest.raises(AttributeError, match=f"{attribute} of a {type(sampler).__name__} cannot be changed, got"):
            setattr(sampler, attribute, value)
    sampler.sample([1], 20)
    with pytest.raises(AttributeError, match=r"num_drawable of a .* cannot be changed, got 10"):
        sampler.num_drawable = 10
    with pytest.raises(ValueError, match="expected_count must be one of 'tensorflow', 'inclusion', got 'inclusive'"):
        sampler.expected_count = "inclusive"
    assert (sampler.range_max, sampler.expected_count) == (20, "tensorflow")


def test_the_kind_of_expected_count_can_be_changed_between_calls():
    one, other = (ss.LogUniformSampler(20, seed=1, expected_count=kind) for kind in ("tensorflow", "inclusion"))
    one.expected_count = "inclusion"
    assert one.sample([1], 5) == other.sample([1], 5)


@pytest.mark.parametrize(
    "state", [None, 5, "state", [("seed", 1)], {}, {"seed": 1}, {"seed": 1, "seed2": 2, "block": -1}]
)
@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_no_state_is_refused_and_the_stream_stays(name, state):
    sampler = SAMPLERS[name](20, 1)
    before = sampler.state
    with pytest.raises((TypeError, ValueError), match="state"):
        sampler.state = state
    assert sampler.state == before


# --- Vocabulary files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("no such file", FileNotFoundError, "vocab_file 'no such file' is not a file"),
        ("a\0b", ValueError, r"vocab_file must be a path, but 'a\x00b' holds a NUL"),
        ("n" * 300, ValueError, "has a name of 300 bytes"),
        ("n" * 10_000, ValueError, "has 10000 characters"),
        ("\ud800", ValueError, "holds a character that no file name has"),
        (5, TypeError, "vocab_file must be a path, got int 5"),
        (None, TypeError, "vocab_file must be a path, got NoneType None"),
    ],
)
def test_what_is_no_vocabulary_file_is_refused(path, error, message):
    with pytest.raises(error) as raised:
        ss.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 3, vocab_file=path)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_path_may_be_bytes(tmp_path):
    path = tmp_path / "counts"
    path.write_text("3\n2\n1\n")
    values = [ss.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 3, vocab_file=one, seed=1)
              for one in (path, str(path), str(path).encode())]  # fmt: skip
    assert values[0] == values[1] == values[2]
