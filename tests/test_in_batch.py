"""In-batch softmax: the kernels against plain NumPy, gradients, threads, weights, and what is refused."""

import itertools

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.losses.in_batch_arguments import CORRECTIONS
from sampledsoftmax.retrieval import reference
from tests.aborted_runs import run_aborted_after

NUM_ITEMS = 12
FLAGS = list(itertools.product([True, False], repeat=3))  # remove hits, merge, normalize


class Case:
    """A batch of random rows, ids of NUM_ITEMS items, and extra rows drawn uniformly."""

    def __init__(self, batch_size, num_extra, dim, dtype, seed=0):
        rng = np.random.default_rng((seed, batch_size, num_extra))
        self.share = rng.dirichlet(np.ones(NUM_ITEMS))
        self.ids, self.extra_ids = rng.integers(0, NUM_ITEMS, batch_size), rng.integers(0, NUM_ITEMS, num_extra)
        self.queries, self.candidates, self.extra_rows = (
            rng.normal(size=(size, dim)).astype(dtype) for size in (batch_size, batch_size, num_extra)
        )
        self.above = rng.normal(size=batch_size).astype(dtype)
        self.in_extra = num_extra / NUM_ITEMS

    @property
    def arrays(self):
        return self.queries, self.candidates, self.ids, self.share[self.ids]

    @property
    def extra(self):
        if not self.extra_ids.size:
            return None
        share = self.share[self.extra_ids]
        return ss.ExtraCandidates(self.extra_rows, self.extra_ids, self.in_extra, self.in_extra, share)

    def expected(self, correction, remove_hits, merged, normalize, num_hard=None):
        ids = np.concatenate([self.ids, self.extra_ids])
        return reference.in_batch_loss_and_grad(
            self.queries.astype(np.float64),
            self.candidates.astype(np.float64),
            ids,
            self.share[ids],
            extra_rows=self.extra_rows.astype(np.float64),
            in_extra=np.full(ids.size, self.in_extra),
            temperature=0.7,
            normalize=normalize,
            correction=correction,
            remove_hits=remove_hits,
            merged=merged,
            num_hard_negatives=num_hard,
            loss_grad=self.above.astype(np.float64),
        )

    def options(self, correction, remove_hits, merged, normalize, num_hard=None):
        return {
            "extra_candidates": self.extra,
            "temperature": 0.7,
            "normalize": normalize,
            "correction": correction,
            "remove_accidental_hits": remove_hits,
            "merge_equal_candidates": merged,
            "num_hard_negatives": num_hard,
        }


# A panel is 8 or 16 columns of float64 or float32: one less, one, and some and one; no extra rows, and some.
SIZES = [(1, 0, 3), (1, 2, 1), (5, 3, 7), (15, 0, 8), (16, 0, 16), (33, 40, 5)]


@pytest.mark.subset(18, correction="log_q", dtype=np.float64)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_kernels_are_the_formula(dtype, correction, sizes):
    case = Case(*sizes, dtype)
    tolerance = {"rtol": 1e-9, "atol": 1e-11} if dtype == np.float64 else {"rtol": 3e-4, "atol": 3e-5}
    for flags, num_hard in itertools.product(FLAGS, [None, 3]):
        options = case.options(correction, *flags, num_hard)
        loss, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options, loss_grad=case.above)
        expected, of_queries, of_columns, _ = case.expected(correction, *flags, num_hard)
        assert loss.dtype == gradients.queries.dtype == gradients.candidates.dtype == dtype
        np.testing.assert_allclose(loss, expected, **tolerance)
        np.testing.assert_allclose(gradients.queries, of_queries, **tolerance)
        np.testing.assert_allclose(gradients.candidates, of_columns[: sizes[0]], **tolerance)
        if sizes[1]:
            np.testing.assert_allclose(gradients.extra_rows, of_columns[sizes[0] :], **tolerance)
        np.testing.assert_array_equal(ss.in_batch_softmax_loss(*case.arrays, **options), loss)


def use(monkeypatch, num_threads=1, part_bytes=1, min_rows=12):
    module = "sampledsoftmax.losses.in_batch_pass"
    monkeypatch.setattr(f"{module}.threads_for", lambda _: num_threads)
    monkeypatch.setattr(f"{module}._PART_BYTES", part_bytes)
    monkeypatch.setattr(f"{module}._MIN_PART_ROWS", min_rows)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_batch_in_several_parts_has_the_same_sums(monkeypatch, correction):
    case = Case(41, 6, 5, np.float64)
    options = case.options(correction, True, True, True)
    whole = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options)
    use(monkeypatch)
    loss, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options)
    np.testing.assert_array_equal(loss, whole[0])
    for got, expected in zip(gradients, whole[1], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.compiled
@pytest.mark.parametrize("num_hard", [None, 9])
@pytest.mark.parametrize("part_rows", [24, 192])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, part_rows, num_hard):
    case = Case(301, 30, 13, np.float32)
    results = []
    for num_threads in (1, 2, 4):
        use(monkeypatch, num_threads, min_rows=part_rows)
        options = case.options("log_q", True, True, True, num_hard)
        results.append(ss.in_batch_softmax_loss_and_grad(*case.arrays, **options))
    for loss, gradients in results[1:]:
        np.testing.assert_array_equal(loss, results[0][0])
        for got, expected in zip(gradients, results[0][1], strict=True):
            np.testing.assert_array_equal(got, expected)


def test_an_aborted_run_adds_no_gradients_of_columns(monkeypatch):
    case = Case(20, 0, 3, np.float32)
    use(monkeypatch, num_threads=2)
    run = run_aborted_after(0, monkeypatch)
    monkeypatch.setattr("sampledsoftmax.losses.in_batch_pass.thread_pool.run", run)
    _, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays)
    assert gradients.queries.any()
    assert not gradients.candidates.any()


def differences(function, array, step=1e-5):
    """Return the central differences of a function of an array."""
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        before = array[place]
        array[place] = before + step
        above = function()
        array[place] = before - step
        gradient[place] = (above - function()) / (2 * step)
        array[place] = before
    return gradient


@pytest.mark.compiled
@pytest.mark.subset(24)
@pytest.mark.parametrize("num_hard", [None, 3])
@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("flags", FLAGS)
def test_gradients_are_central_differences(flags, correction, num_hard):
    case = Case(5, 2, 2, np.float64)
    options = case.options(correction, *flags, num_hard)
    _, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options, loss_grad=case.above)
    fixed = case.expected(correction, *flags, num_hard)[3]  # the weights of log_q_2025 are not differentiated

    def total():
        loss = ss.in_batch_softmax_loss(*case.arrays, **options | {"extra_candidates": case.extra})
        now = case.expected(correction, *flags, num_hard)[3]
        inner = np.divide(loss, now, out=np.zeros_like(loss), where=now > 0)
        return (case.above * fixed * inner).sum()

    for array, gradient in zip((case.queries, case.candidates, case.extra_rows), gradients, strict=True):
        np.testing.assert_allclose(gradient, differences(total, array), rtol=1e-6, atol=1e-8)


def test_with_distinct_ids_and_nothing_corrected_it_is_the_softmax_over_the_batch():
    case = Case(9, 0, 4, np.float64)
    loss, gradients = ss.in_batch_softmax_loss_and_grad(case.queries, case.candidates, correction="none")
    full, of_full = ss.full_softmax_loss_and_grad(case.candidates, None, np.arange(9), case.queries)
    np.testing.assert_allclose(loss, full, rtol=1e-12)
    np.testing.assert_allclose(gradients.queries, of_full.inputs, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(gradients.candidates, of_full.weights.values, rtol=1e-10, atol=1e-14)


def test_an_example_of_weight_0_is_no_part_of_the_batch():
    case = Case(9, 2, 4, np.float32)
    weights = np.array([1, 0, 2, 0.5, 0, 1, 1, 3, 1])
    kept = np.flatnonzero(weights)
    case.queries[1], case.candidates[4] = np.nan, np.inf
    options = case.options("log_q", True, True, False)
    loss, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options, sample_weight=weights)
    some = [array[kept] for array in case.arrays]
    alone, of_alone = ss.in_batch_softmax_loss_and_grad(*some, **options, loss_grad=weights[kept].astype(np.float32))
    np.testing.assert_array_equal(loss[kept], alone * weights[kept].astype(np.float32))
    np.testing.assert_array_equal(loss[[1, 4]], 0)
    np.testing.assert_array_equal(gradients.queries[kept], of_alone.queries)
    np.testing.assert_array_equal(gradients.candidates[kept], of_alone.candidates)
    np.testing.assert_array_equal(gradients.queries[[1, 4]], 0)
    np.testing.assert_array_equal(gradients.extra_rows, of_alone.extra_rows)


def test_a_batch_without_examples_has_no_losses():
    none, rows = np.zeros((0, 3)), np.ones((2, 3))
    extra = ss.ExtraCandidates(rows, expected_count=1, batch_expected_count=[], probability=0.5)
    loss, gradients = ss.in_batch_softmax_loss_and_grad(none, none, [], [], extra_candidates=extra)
    assert loss.shape == (0,)
    assert gradients.queries.shape == gradients.candidates.shape == (0, 3)
    np.testing.assert_array_equal(gradients.extra_rows, np.zeros((2, 3)))
    assert ss.in_batch_softmax_loss(rows, rows, correction="none", sample_weight=[0, 0]).tolist() == [0, 0]


def test_no_negatives_no_loss():
    row = np.ones((1, 2))
    for correction in CORRECTIONS:
        loss, gradients = ss.in_batch_softmax_loss_and_grad(row, row, [3], 0.5, correction=correction)
        np.testing.assert_array_equal(loss, 0)
        np.testing.assert_array_equal(gradients.queries, 0)


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_row_that_is_no_number_shows_in_the_losses_that_see_it(correction, dtype):
    case = Case(6, 0, 3, dtype)
    case.queries[2] = np.nan
    loss = ss.in_batch_softmax_loss(case.queries, case.candidates, np.arange(6), 0.1, correction=correction)
    assert np.isnan(loss).tolist() == [False, False, True, False, False, False]
    case = Case(6, 0, 3, dtype)
    case.candidates[2] = np.nan
    hard = ss.in_batch_softmax_loss(
        case.queries, case.candidates, np.arange(6), 0.1, correction=correction, num_hard_negatives=1
    )
    assert np.isnan(hard).all()


def test_half_precision_is_widened():
    case = Case(6, 2, 3, np.float16)
    options = case.options("log_q", True, True, True)
    loss, gradients = ss.in_batch_softmax_loss_and_grad(*case.arrays, **options)
    assert loss.dtype == gradients.queries.dtype == gradients.extra_rows.dtype == np.float32
    np.testing.assert_allclose(loss, case.expected("log_q", True, True, True)[0], rtol=1e-5)


def test_equal_hard_negatives_stay_in_order():
    queries = np.ones((1, 1))
    extra = ss.ExtraCandidates(np.array([[1.0], [2.0], [2.0], [2.0], [0.0]]))
    _, gradients = ss.in_batch_softmax_loss_and_grad(
        queries, queries, extra_candidates=extra, correction="none", num_hard_negatives=2
    )
    assert (gradients.extra_rows[:, 0] > 0).tolist() == [False, True, True, False, False]


ROWS = np.ones((2, 3), np.float32)
EXTRA = ss.ExtraCandidates(np.ones((1, 3), np.float32), [4], 0.5, 0.5, 0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": np.ones((2, 3), int)}, "queries must be float32, float64, float16 or bfloat16, got int64"),
        ({"queries": np.ones((2, 0))}, r"queries must have at least one column, got shape \[2, 0\]"),
        ({"candidates": np.ones((3, 3), np.float32)}, r"candidates must have shape \[2, 3\], got \[3, 3\]"),
        ({"candidates": np.ones((2, 3))}, "candidates must have the precision of the other arrays, float32"),
        ({"candidate_ids": [1, 2, 3]}, r"candidate_ids must have shape \[2\], got \[3\]"),
        ({"candidate_ids": [1.5, 2]}, "candidate_ids must hold integer ids, got dtype float64"),
        ({"candidate_probability": None}, "candidate_probability is needed for correction='log_q': give it, or"),
        ({"candidate_probability": [0.5, 0]}, r"candidate_probability\[1\] = 0 must be above 0"),
        ({"candidate_probability": [0.5, 1.5]}, r"candidate_probability\[1\] = 1.5 must be from 0 to 1"),
        ({"candidate_probability": [np.nan, 1]}, r"candidate_probability\[0\] = nan must be from 0 to 1"),
        ({"candidate_probability": [0.5]}, r"candidate_probability must be a number or have shape \[2\], got \[1\]"),
        ({"candidate_probability": "x"}, "candidate_probability must be numbers, got <U1"),
        ({"temperature": 0}, "temperature must be above 0, got 0"),
        ({"normalize": 1}, "normalize must be True or False, got int 1"),
        ({"correction": "logq"}, "correction must be one of 'log_q', 'log_q_2025', 'none', got 'logq': did you mean"),
        ({"num_hard_negatives": 0}, "num_hard_negatives must be at least 1, got 0"),
        ({"sample_weight": [1, -1]}, r"sample_weight\[1\] = -1 must be at least 0 and finite"),
        ({"extra_candidates": ROWS}, "extra_candidates must be ss.ExtraCandidates, got ndarray"),
        ({"extra_candidates": EXTRA._replace(rows=np.ones((1, 2)))}, r"extra_candidates.rows must have"),
        ({"extra_candidates": EXTRA._replace(ids=[1, 2])}, r"extra_candidates.ids must have shape \[1\], got \[2\]"),
        ({"extra_candidates": EXTRA._replace(expected_count=None)}, "extra_candidates.expected_count is needed for"),
        ({"extra_candidates": EXTRA._replace(expected_count=2)}, r"extra_candidates.expected_count\[0\] = 2 must be"),
        ({"extra_candidates": EXTRA._replace(batch_expected_count=-1)}, "extra_candidates.batch_expected_count"),
        ({"extra_candidates": EXTRA._replace(expected_count=0, probability=0)}, r"\+ probability\[0\] = 0 must be"),
        ({"loss_grad": np.ones(3, np.float32)}, r"loss_grad must have shape \[2\], got \[3\]"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {
        "queries": ROWS,
        "candidates": ROWS,
        "candidate_ids": [1, 2],
        "candidate_probability": 0.5,
        "extra_candidates": EXTRA,
        **change,
    }
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        ss.in_batch_softmax_loss_and_grad(**arguments)
    assert "\n" not in str(raised.value)
