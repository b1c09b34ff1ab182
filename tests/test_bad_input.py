"""Every mistake at the public functions: one clear error, and the arguments are left as they were."""

import re

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.cases import make_case

CASE = make_case(20, 4, 3, 5, dtype=np.float64)
GOOD = dict(
    zip(
        ("weights", "biases", "labels", "inputs", "num_sampled", "num_classes", "num_true"), CASE.arguments, strict=True
    )
)

BAD_LOSS_ARGUMENTS = [
    ({"labels": [[1], [20], [3]]}, ValueError, "labels[1, 0] = 20 is not a class id: ids are in [0, 20)"),
    ({"labels": [[1], [2], [-1]]}, ValueError, "labels[2, 0] = -1 is not a class id: ids are in [0, 20)"),
    ({"labels": np.array([[1], [2], [2**63]], np.uint64)}, ValueError, "labels[2, 0] = 9223372036854775808 is not"),
    ({"labels": [[1.0], [2.0], [3.0]]}, TypeError, "labels must hold integer ids, got dtype float64"),
    ({"labels": [[True], [False], [True]]}, TypeError, "labels must hold integer ids, got dtype bool"),
    ({"labels": np.array([["a"], ["b"], ["c"]], object)}, TypeError, "labels must hold integer ids, got dtype object"),
    ({"labels": [[[1]], [[2]], [[3]]]}, ValueError, "labels must have shape [batch_size, 1], got [3, 1, 1]"),
    ({"labels": [[1, 2], [2, 3], [3, 4]]}, ValueError, "labels must have shape [batch_size, 1], got [3, 2]"),
    ({"labels": [1, 2, 3], "num_true": 2}, ValueError, "labels must have shape [batch_size, 2], got [3]"),
    ({"labels": [[1], [2]]}, ValueError, "labels has 2 rows and inputs has 3: they must be equal"),
    ({"weights": CASE.weights.T}, ValueError, "got [4, 20]; it looks transposed: pass weights.T"),
    ({"weights": CASE.weights[:, :3]}, ValueError, "weights must have shape [num_classes, dim] with dim = 4 as in"),
    ({"weights": CASE.weights[0]}, ValueError, "weights must have shape [num_classes, dim], got [4]"),
    ({"weights": CASE.weights[:0], "num_classes": 1}, ValueError, "weights must have at least one row and one column"),
    (
        {"weights": CASE.weights.astype(int)},
        TypeError,
        "weights must be float32, float64, float16 or bfloat16, got int64",
    ),
    (
        {"weights": CASE.weights.astype(np.float16)},
        TypeError,
        "inputs must have the precision of the other arrays, float16",
    ),
    (
        {"weights": CASE.weights.astype(">f8")},
        TypeError,
        "weights must be float32, float64, float16 or bfloat16, got >f8",
    ),
    (
        {"inputs": CASE.inputs.astype(np.float32)},
        TypeError,
        "inputs must have the precision of the other arrays, float64",
    ),
    ({"inputs": CASE.inputs[0]}, ValueError, "inputs must have shape [batch_size, dim], got [4]"),
    ({"biases": CASE.biases[:-1]}, ValueError, "biases must have shape [20], got [19]"),
    ({"biases": CASE.biases[:, None]}, ValueError, "biases must have shape [num_classes], got [20, 1]"),
    (
        {"weights": [CASE.weights[:9], CASE.weights[9:]]},
        ValueError,
        "weights must be partitioned by 'div' into 2 shards of [10, 10] rows, got [9, 11]",
    ),
    (
        {"weights": [CASE.weights[:10], CASE.weights[10:, :3]]},
        ValueError,
        "weights[1] must have 4 columns as weights[0]",
    ),
    ({"weights": [CASE.weights, CASE.weights[:0]]}, ValueError, "into 2 shards of [10, 10] rows, got [20, 0]"),
    ({"weights": [CASE.weights[:0], CASE.weights[:0]]}, ValueError, "weights[0] must have at least one row and one"),
    ({"weights": [CASE.weights[:10], CASE.weights[10:].astype("f4")]}, TypeError, "weights[1] must have the precision"),
    ({"biases": [CASE.biases[:5], CASE.biases[5:10]]}, ValueError, "biases must have shape [20], got [10]"),
    ({"partition_strategy": "round"}, ValueError, "partition_strategy must be one of 'div', 'mod', got 'round'"),
    ({"hit_copies": "first"}, ValueError, "hit_copies must be one of 'all', 'last', got 'first'"),
    ({"num_sampled": 0}, ValueError, "num_sampled must be at least 1, got 0"),
    ({"num_sampled": -3}, ValueError, "num_sampled must be at least 1, got -3"),
    ({"num_sampled": 21}, ValueError, "num_sampled = 21 unique candidates cannot be drawn from num_classes = 20"),
    ({"num_sampled": 5.0}, TypeError, "num_sampled must be a whole number, got float 5.0"),
    ({"num_sampled": True}, TypeError, "num_sampled must be a whole number, got the bool True"),
    ({"num_classes": 21}, ValueError, "num_classes = 21, but weights has 20 rows: at least as many are needed"),
    ({"num_classes": 1, "num_sampled": 1}, ValueError, "is not a class id: ids are in [0, 1)"),
    ({"num_true": 0}, ValueError, "num_true must be at least 1, got 0"),
    ({"remove_accidental_hits": "yes"}, TypeError, "remove_accidental_hits must be True or False, got str 'yes'"),
    ({"seed": 1.5}, TypeError, "seed must be an int, got float 1.5"),
    ({"seed": True}, TypeError, "seed must be an int, got the bool True"),
    ({"seed": (1, 2, 3)}, ValueError, "seed must be None, an int or a pair (seed, seed2), got 3 numbers"),
    ({"sampled_values": 3}, TypeError, "sampled_values must be (sampled_candidates, true_expected_count,"),
    ({"sampled_values": CASE.values, "num_sampled": 4}, ValueError, "sampled_candidates must have shape [4], got [5]"),
    (
        {"sampled_values": (np.array([1, 2, 3, 4, 20]), *CASE.values[1:])},
        ValueError,
        "sampled_candidates[4] = 20 is not a class id",
    ),
    (
        {"sampled_values": (CASE.values[0], CASE.values[1] * 0, CASE.values[2])},
        ValueError,
        f"must be above 0 and finite: its logarithm is taken, for labels[0, 0] = {CASE.labels[0, 0]}",
    ),
    (
        {"sampled_values": (*CASE.values[:2], CASE.values[2] * np.float32(np.nan))},
        ValueError,
        "sampled_expected_count[0] = nan must be above 0",
    ),
    (
        {"sampled_values": (CASE.values[0], CASE.values[1].T, CASE.values[2])},
        ValueError,
        "true_expected_count must have shape [3, 1], got [1, 3]",
    ),
]


@pytest.mark.parametrize(("changed", "error", "message"), BAD_LOSS_ARGUMENTS)
@pytest.mark.parametrize(
    "function",
    [
        ss.sampled_softmax_loss,
        ss.sampled_softmax_loss_and_grad,
        ss.nce_loss,
        ss.nce_loss_and_grad,
        ss.compute_sampled_logits,
    ],
)
def test_a_sampled_loss_refuses(function, changed, error, message):
    before = [np.array(x, copy=True) for x in GOOD.values()]
    with pytest.raises(error, match=re.escape(message)):
        function(**{**GOOD, **changed})
    for argument, kept in zip(GOOD.values(), before, strict=True):
        np.testing.assert_array_equal(argument, kept)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"labels": [[1], [20], [3]]}, ValueError, "labels[1, 0] = 20 is not a class id"),
        ({"weights": CASE.weights.T}, ValueError, "it looks transposed"),
        ({"labels": np.int64(3)}, ValueError, "labels must have shape [batch_size, 1], got []"),
        ({"biases": "none"}, TypeError, "biases must be float32, float64, float16 or bfloat16, got <U4"),
    ],
)
@pytest.mark.parametrize("function", [ss.full_softmax_loss, ss.full_softmax_loss_and_grad])
def test_the_full_loss_refuses(function, changed, error, message):
    arguments = {name: GOOD[name] for name in ("weights", "biases", "labels", "inputs")}
    with pytest.raises(error, match=re.escape(message)):
        function(**{**arguments, **changed})


def test_a_gradient_from_above_must_fit_the_batch():
    with pytest.raises(ValueError, match=re.escape("loss_grad must have shape [3], got [2]")):
        ss.sampled_softmax_loss_and_grad(**GOOD, loss_grad=np.ones(2))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"true_classes": [[10]]}, ValueError, "true_classes[0, 0] = 10 is not a class id: ids are in [0, 10)"),
        ({"true_classes": [[-1]]}, ValueError, "true_classes[0, 0] = -1 is not a class id"),
        ({"true_classes": [[1.5]]}, TypeError, "true_classes must hold integer ids, got dtype float64"),
        ({"num_true": 2}, ValueError, "true_classes must have shape [batch_size, 2], got [1, 1]"),
        ({"num_sampled": 11}, ValueError, "num_sampled = 11 unique candidates cannot be drawn from range_max = 10"),
        ({"num_sampled": 0}, ValueError, "num_sampled must be at least 1, got 0"),
        ({"unique": 1}, TypeError, "unique must be True or False, got int 1"),
        ({"range_max": 0}, ValueError, "range_max must be at least 1, got 0"),
        ({"range_max": 2**53 + 1}, ValueError, "range_max must be at most 9007199254740992"),
        ({"range_max": 10.0}, TypeError, "range_max must be a whole number, got float 10.0"),
    ],
)
def test_the_sampler_refuses(changed, error, message):
    good = {"true_classes": [[1]], "num_true": 1, "num_sampled": 4, "unique": True, "range_max": 10, "seed": 1}
    with pytest.raises(error, match=re.escape(message)):
        ss.log_uniform_candidate_sampler(**{**good, **changed})


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"num_classes": 0}, ValueError, "num_classes must be at least 1, got 0"),
        ({"dim": 0}, ValueError, "dim must be at least 1, got 0"),
        ({"num_sampled": 11}, ValueError, "num_sampled = 11 unique candidates cannot be drawn from num_classes = 10"),
        ({"dtype": np.float16}, TypeError, "dtype must be float32 or float64, got float16"),
        ({"dtype": "quick"}, TypeError, "dtype must be float32 or float64, got str 'quick'"),
        ({"sampler": "zipf"}, ValueError, "sampler must be one of 'log_uniform', 'uniform', got 'zipf'"),
        ({"sampler": 3}, TypeError, "sampler must be a name or a sampler object, got int"),
        ({"sampler": ss.LogUniformSampler(9)}, ValueError, "sampler has range_max = 9, but num_classes = 10"),
        ({"subtract_log_q": "no"}, TypeError, "subtract_log_q must be True or False, got str 'no'"),
        ({"remove_accidental_hits": 1}, TypeError, "remove_accidental_hits must be True or False, got int 1"),
        (
            {"optimizer": "adagrad"},
            TypeError,
            "optimizer must be an ss.Optimizer, such as ss.Adagrad(0.05), got 'adagrad'",
        ),
        ({"optimizer": ss.Adagrad}, TypeError, "optimizer must be an instance, got the class Adagrad: call it with"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be an ss.Optimizer, such as ss.Adagrad(0.05), got float"),
    ],
)
@pytest.mark.parametrize("model", [ss.SampledSoftmax, ss.SkipGram])
def test_a_model_refuses(model, changed, error, message):
    with pytest.raises(error, match=re.escape(message)):
        model(**{"num_classes": 10, "dim": 3, "num_sampled": 4, **changed})


@pytest.mark.parametrize(
    ("inputs", "labels", "error", "message"),
    [
        ([1, 10], [2, 3], ValueError, "inputs[1] = 10 is not a class id: ids are in [0, 10)"),
        ([1, 2], [2, -3], ValueError, "labels[1, 0] = -3 is not a class id: ids are in [0, 10)"),
        ([1.0, 2.0], [2, 3], TypeError, "inputs must hold integer ids, got dtype float64"),
        ([True, False], [2, 3], TypeError, "inputs must hold integer ids, got dtype bool"),
        ([[1], [2]], [2, 3], ValueError, "got [2, 1]"),
        ([1, 2, 3], [2, 3], ValueError, "labels has 2 rows and inputs has 3: they must be equal"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
def test_a_training_step_refuses_and_no_table_changes(inputs, labels, error, message, many):
    model = ss.SkipGram(10, 3, 4, ss.SGD(1.0), seed=1)
    before = [table.copy() for table in (model.embeddings, model.weights, model.biases)]
    with pytest.raises(error, match=re.escape(message)):
        model.steps(inputs, labels, 1) if many else model.step(inputs, labels)
    for table, kept in zip((model.embeddings, model.weights, model.biases), before, strict=True):
        np.testing.assert_array_equal(table, kept)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (np.zeros((10, 4), np.float32), ValueError, "weights must have shape [10, 3], got [10, 4]"),
        (np.zeros((10, 3)), TypeError, "weights must have the dtype of the other arrays, float32, got float64"),
        (
            np.broadcast_to(np.float32(0), (10, 3)),
            ValueError,
            "weights must be writeable, and no two entries in one place: it is trained in place",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table, error, message):
    model = ss.SkipGram(10, 3, 4, seed=1)
    with pytest.raises(error, match=re.escape(message)):
        model.weights = table
