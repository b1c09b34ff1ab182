"""Ranking metrics: many users at once, compiled, agree with the definitions for one user in plain Python."""

import re
import warnings

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.full.top_k import NO_CLASS, Best
from sampledsoftmax.kernels.full.unseen import Excluded, run_top_k_unseen
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.full_pass import FullPass
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.retrieval import evaluation
from sampledsoftmax.retrieval.evaluation import evaluate_ranking, unit_rows
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.metrics import UserScores, scores_of_users, user_scores
from sampledsoftmax.retrieval.sampled_metrics import (
    CORRECTIONS,
    corrected_values,
    estimated_rank,
    sampled_metrics,
)
from sampledsoftmax.retrieval.top_items import NO_ITEM, Items, top_items
from sampledsoftmax.types import DOT_PRODUCT


@pytest.fixture
def small_blocks(monkeypatch):
    """Use small blocks, groups and passes, so that a few items and users fill several."""
    monkeypatch.setattr("sampledsoftmax.retrieval.top_items._BLOCK", 48)
    monkeypatch.setattr("sampledsoftmax.retrieval.top_items._USERS", 20)
    monkeypatch.setattr("sampledsoftmax.retrieval.evaluation._USERS", 30)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._GROUP_ROWS", 8)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._CHUNK_PANELS", 1)


def interactions(num_users, num_items, density, seed):
    rng = np.random.default_rng(seed)
    table = rng.random((num_users, num_items)) < density
    splits = np.concatenate([[0], table.sum(axis=1).cumsum()])
    return Interactions(list(range(num_users)), list(range(num_items)), splits, np.nonzero(table)[1])


def tied_factors(num_users, num_items, dtype, seed):
    """Return factors and biases with few values, so that most scores are tied."""
    rng = np.random.default_rng(seed)
    shapes = (num_users, 3), (num_items, 3), (num_items,)
    return [rng.integers(-1, 2, shape).astype(dtype) for shape in shapes]


def ranked(scores, seen):
    """Return the unseen items of one user by a stable sort."""
    order = np.argsort(-scores, kind="stable")
    return [item for item in order.tolist() if item not in set(seen.tolist())]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("num_users", "num_items"), [(1, 1), (1, 65), (7, 31), (9, 49), (65, 97)])
@pytest.mark.parametrize("k", [1, 5, 100])
def test_top_items_agree_with_a_stable_sort_without_seen_items(num_users, num_items, k, dtype):
    users, items, biases = tied_factors(num_users, num_items, dtype, seed=num_items)
    seen = interactions(num_users, num_items, 0.3, seed=1)
    k = min(k, num_items)
    rows = np.random.default_rng(2).permutation(num_users)
    ids, scores = top_items(users[rows], Items(items, biases), k, seen, rows)
    table = users @ items.T + biases
    for row, found, values in zip(rows.tolist(), ids.tolist(), scores, strict=True):
        expected = ranked(table[row], seen.items_of(row))[:k]
        assert found == expected + [NO_ITEM] * (k - len(expected))
        assert values[: len(expected)].tolist() == table[row, expected].tolist()
        assert np.isneginf(values[len(expected) :]).all()
    assert (top_items(users, Items(items), k)[0] >= 0).all()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("k", [1, 4, 70])
def test_the_evaluation_agrees_with_the_definitions(k, normalize, dtype):
    num_users, num_items = 67, 50
    users, items, biases = tied_factors(num_users, num_items, dtype, seed=3)
    seen, held_out = interactions(num_users, num_items, 0.2, 4), interactions(num_users, num_items, 0.05, 5)
    scores = evaluate_ranking(users, items, seen, held_out, k, normalize=normalize, item_biases=biases)
    ours = [unit_rows(table) for table in (users, items)] if normalize else [users, items]
    plain, wanted = [], held_out.user_counts
    ids, _ = top_items(ours[0], Items(ours[1], biases), min(k, num_items), seen, np.arange(num_users))
    for row in np.flatnonzero(wanted):
        ranking = [item for item in ids[row].tolist() if item != NO_ITEM]
        plain.append(user_scores(ranking, held_out.items_of(row).tolist(), k))
    expected = np.mean(plain, axis=0)
    np.testing.assert_allclose([getattr(scores, name) for name in UserScores._fields], expected, rtol=1e-12)
    assert (scores.num_users, scores.k) == (np.count_nonzero(wanted), k)
    if not normalize:
        same = [
            user_scores(ranked(users[row] @ items.T + biases, seen.items_of(row)), held_out.items_of(row).tolist(), k)
            for row in np.flatnonzero(wanted)
        ]
        np.testing.assert_allclose(np.mean(same, axis=0), expected, rtol=1e-12)


def test_definitions_by_hand():
    scores = user_scores([7, 3, 5, 1, 2], {3, 1, 9}, k=4)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.precision == 0.5
    assert scores.hit_rate == 1
    assert scores.mrr == 0.5
    assert scores.map == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert scores.ndcg == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 1 / np.log2(4)))
    # With more held-out items than places, recall cannot be 1; NDCG and MAP can.
    scores = user_scores([1, 2], {1, 2, 3}, k=2)
    assert (scores.recall, scores.ndcg, scores.map, scores.precision) == (2 / 3, 1, 1, 1)
    assert user_scores([4, 5], {1}, k=2) == (0, 0, 0, 0, 0, 0)


def test_many_users_agree_with_one():
    rng = np.random.default_rng(1)
    hits, extra = rng.random((200, 7)) < 0.3, rng.integers(0, 9, 200)
    counts = np.maximum(hits.sum(axis=1) + extra, 1)
    many = scores_of_users(hits, counts)
    for row, places in enumerate(hits):
        held_out = [*np.flatnonzero(places).tolist(), *range(100, 100 + counts[row] - places.sum())]
        one = user_scores(range(7), held_out, k=7)
        np.testing.assert_allclose([values[row] for values in many], one, rtol=1e-13)


def test_unit_rows_have_length_one_or_are_zero():
    table = np.array([[3, 4], [0, 0], [1e-13, 0], [1e20, 0]], np.float32)
    assert unit_rows(table).tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0], [0, 0], [1, 0]]


@pytest.mark.compiled
def test_the_same_bits_on_any_number_of_threads():
    rng = np.random.default_rng(1)
    users, items = (rng.standard_normal((size, 16)).astype(np.float32) for size in (900, 5000))
    seen, held_out = interactions(900, 5000, 0.01, 1), interactions(900, 5000, 0.002, 2)
    before = ss.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 4):
            ss.set_num_threads(threads)
            few = top_items(users[:3], Items(items), 20, seen, np.arange(3))  # the items are split among threads
            results.append((evaluate_ranking(users, items, seen, held_out), [array.tolist() for array in few]))
    finally:
        ss.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_users_are_chosen_and_repeated():
    seen, held_out = interactions(20, 30, 0.2, 4), interactions(20, 30, 0.1, 5)
    users, items, _ = tied_factors(20, 30, np.float32, 1)
    one_by_one = [
        evaluate_ranking(users, items, seen, held_out, 5, users=[row]).recall
        for row in np.flatnonzero(held_out.user_counts)
    ]
    whole = evaluate_ranking(users, items, seen, held_out, 5)
    assert whole.recall == pytest.approx(np.mean(one_by_one))
    row = int(np.flatnonzero(held_out.user_counts)[0])
    assert evaluate_ranking(users, items, seen, held_out, 5, users=[row, row]).num_users == 2


def test_an_item_that_is_seen_and_held_out_is_a_miss():
    seen = Interactions([0], [0, 1], [0, 1], [0])
    held_out = Interactions([0], [0, 1], [0, 2], [0, 1])
    scores = evaluate_ranking(np.ones((1, 1)), np.ones((2, 1)), seen, held_out, k=2)
    assert (scores.recall, scores.mrr) == (0.5, 1)


def test_an_aborted_pass_leaves_the_heaps_alone():
    items, users = Shards((np.ones((4, 2), np.float32),)), np.ones((3, 2), np.float32)
    classes = FullPass(Batch(items, None, np.zeros((3, 0), np.int64), users), DOT_PRODUCT, 48)
    logits, ids = np.full((1, 3, 2), -np.inf, np.float32), np.full((1, 3, 2), NO_CLASS)
    best = Best(logits, ids, np.zeros((1, 3), np.bool_))
    shared = np.zeros(SHARED_SIZE, np.int64)
    shared[ABORTED] = 1
    nothing = Excluded(np.zeros(0, np.int64), np.zeros(3, np.int64), np.zeros(3, np.int64))
    (block,) = classes.blocks()
    run_top_k_unseen(0, 2, shared, block, classes.panels, classes.buffers(), nothing, best)
    assert (best.ids == NO_CLASS).all()


def test_scores_that_are_nan_are_reported():
    users = np.array([[1.0, 1.0], [np.nan, 1.0]], np.float32)
    with pytest.raises(FloatingPointError, match=r"^user_factors\[1\] has a score that is NaN: it has no order$"):
        top_items(users, Items(np.ones((40, 2), np.float32)), 3)


SEEN, HELD_OUT = interactions(3, 4, 0.5, 1), interactions(3, 4, 0.9, 2)
GOOD = np.ones((3, 2)), np.ones((4, 2)), SEEN, HELD_OUT
MISTAKES = [
    ((np.ones((2, 2)), *GOOD[1:]), {}, "user_factors must have shape [3, dim], got [2, 2]"),
    ((GOOD[0], np.ones((4, 3)), *GOOD[2:]), {}, "item_factors must have shape [4, 2], got [4, 3]"),
    ((GOOD[0], np.ones((4, 2), np.float32), *GOOD[2:]), {}, "item_factors must have the dtype of the other arrays, "),
    ((np.ones((3, 2), int), *GOOD[1:]), {}, "user_factors must be float32 or float64, got int64"),
    ((np.full((3, 2), np.nan), *GOOD[1:]), {}, "user_factors[0] has an entry that is NaN or infinite"),
    ((GOOD[0], GOOD[1] * [1, np.inf], *GOOD[2:]), {}, "item_factors[0] has an entry that is NaN or infinite"),
    ((*GOOD[:2], [1], HELD_OUT), {}, "seen must be Interactions, got list [1]"),
    ((*GOOD[:2], SEEN, None), {}, "held_out must be Interactions, got NoneType None"),
    ((*GOOD[:3], interactions(3, 5, 0.5, 1)), {}, "held_out must have the items of seen, got 5 item ids that are not"),
    ((*GOOD[:3], interactions(2, 4, 0.5, 1)), {}, "held_out must have the users of seen, got 2 user ids that are not"),
    ((*GOOD[:3], interactions(3, 4, 0, 1)), {}, "held_out has no items of the 3 users to evaluate: at least one is"),
    (GOOD, {"users": []}, "held_out has no items of the 0 users to evaluate: at least one is expected"),
    (GOOD, {"users": [3]}, "users[0] = 3 is not a user row: rows are in [0, 3)"),
    (GOOD, {"k": 0}, "k must be at least 1, got 0"),
    (GOOD, {"normalize": 1}, "normalize must be True or False, got int 1"),
    (GOOD, {"item_biases": np.ones(3)}, "item_biases must have shape [4], got [3]"),
    (GOOD, {"item_biases": np.full(4, np.nan)}, "item_biases[0] has an entry that is NaN or infinite"),
]


@pytest.mark.parametrize(("given", "options", "message"), MISTAKES)
def test_mistakes_are_one_line(given, options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        evaluate_ranking(*given, **options)


def test_a_popularity_ranking_and_a_perfect_one():
    train = Interactions.from_pairs([0, 0, 1, 2], [0, 1, 0, 0])
    test = Interactions.from_pairs([1, 2], [1, 1]).with_rows_of(train)
    popular = evaluate_ranking(np.ones((3, 1)), train.item_counts[:, None].astype(float), train, test, k=1)
    assert popular == (1, 1, 1, 1, 1, 1, 2, 1)
    text = "recall@1 1.0000, NDCG@1 1.0000, MRR@1 1.0000, MAP@1 1.0000, hit rate@1 1.0000, precision@1 1.0000"
    assert str(popular) == f"{text} of 2 users"


def sampled(ranks, num_sampled=20, num_items=101, k=10, **options):
    with pytest.warns(UserWarning, match=r"^sampled metrics can rank models differently than metrics over all items"):
        return sampled_metrics(ranks, num_sampled, num_items, k, **options)


def test_rank_estimates_are_unbiased():
    rng = np.random.default_rng(1)
    num_items, num_sampled = 101, 20
    for rank in (1, 7, 60, 101):
        drawn = 1 + rng.binomial(num_sampled, (rank - 1) / (num_items - 1), 20_000)
        estimates = estimated_rank(drawn, num_sampled, num_items)
        assert abs(estimates.mean() - rank) <= 5 * estimates.std() / np.sqrt(estimates.size)


def test_corrected_metrics_are_nearer_to_those_of_all_items():
    """Model A has ranks 1 and 100, B has rank 30 throughout: among 20 sampled items B looks better at 10."""
    rng = np.random.default_rng(2)
    num_items, num_sampled, k = 101, 20, 5
    ranks = {"A": np.tile([1, 100], 4000), "B": np.full(8000, 30)}
    estimates = {}
    for model, true in ranks.items():
        drawn = 1 + rng.binomial(num_sampled, (true - 1) / (num_items - 1))
        for correction in CORRECTIONS:
            scores = sampled(drawn, num_sampled, num_items, k, correction=correction, variance_weight=0.01)
            estimates[model, correction] = scores.hit_rate
    assert (ranks["A"] <= k).mean() == 0.5
    errors = {c: abs(estimates["A", c] - 0.5) + abs(estimates["B", c] - 0) for c in CORRECTIONS}
    assert errors["least_squares"] < errors["none"] / 2
    assert errors["rank"] < errors["none"]


def test_the_least_squares_correction_minimizes_what_it_says():
    num_items, num_sampled, weight = 30, 5, 0.2
    metric = (np.arange(1, num_items + 1) <= 4).astype(float)
    values = corrected_values(metric[:, None], num_sampled, weight)[:, 0]
    ahead = np.arange(num_items)[:, None] / (num_items - 1)
    choices = np.array([1, 5, 10, 10, 5, 1])
    probabilities = choices * ahead ** np.arange(6) * (1 - ahead) ** np.arange(5, -1, -1)

    def objective(v):
        means = probabilities @ v
        variances = probabilities @ v**2 - means**2
        return ((means - metric) ** 2 + weight * variances).sum()

    best = objective(values)
    for step in np.vstack([np.eye(6), -np.eye(6)]) * 1e-3:
        assert objective(values + step) > best


def test_auc_needs_no_correction():
    ranks = [1, 3, 21, 8]
    for correction in CORRECTIONS:
        scores = sampled(ranks, correction=correction, variance_weight=1e-9)
        assert scores.auc == pytest.approx(1 - np.mean(np.array(ranks) - 1) / 20)


SAMPLED_MISTAKES = [
    (([0],), {}, "sampled_ranks[0] = 0 is no rank among 21 items: they are in [1, 21]"),
    (([1, 22],), {}, "sampled_ranks[1] = 22 is no rank among 21 items: they are in [1, 21]"),
    (([],), {}, "sampled_ranks must have shape [num_users], at least one, got [0]"),
    (([1.5],), {}, "sampled_ranks must hold integer ids, got dtype float64"),
    (([1], 0), {}, "num_sampled must be at least 1, got 0"),
    (([1], 20, 1), {}, "num_items must be at least 2, got 1"),
    (([1], 20, 101, 0), {}, "k must be at least 1, got 0"),
    (([1], 20, 2**30), {}, "num_items=1,073,741,824 by num_sampled=20 needs a table of 22,548,578,304 probabilities"),
    (([1],), {"correction": "log_q"}, "correction must be one of 'least_squares', 'rank', 'none', got 'log_q'"),
    (([1],), {"variance_weight": 0}, "variance_weight must be above 0, got 0"),
]


@pytest.mark.parametrize(("given", "options", "message"), SAMPLED_MISTAKES)
def test_mistakes_with_sampled_ranks_are_one_line(given, options, message):
    defaults = (None, 20, 101, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
            sampled_metrics(*given, *defaults[len(given) :], **options)


def test_users_in_several_parts_are_one_evaluation(monkeypatch):
    seen, held_out = interactions(50, 30, 0.2, 4), interactions(50, 30, 0.1, 5)
    users, items, _ = tied_factors(50, 30, np.float32, 1)
    whole = evaluate_ranking(users, items, seen, held_out, 5)
    monkeypatch.setattr(evaluation, "_USERS", 7)
    assert evaluate_ranking(users, items, seen, held_out, 5) == whole
