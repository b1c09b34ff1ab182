"""`Interactions` from pairs and matrices: rows in the order of the ids, each pair once; splits follow the seed."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from sampledsoftmax.retrieval.ids import numbered
from sampledsoftmax.retrieval.interactions import Interactions


def pairs_of(interactions):
    """Return the set of pairs of ids."""
    found = set()
    for row, user in enumerate(interactions.user_ids):
        found |= {(user, interactions.item_ids[item]) for item in interactions.items_of(row).tolist()}
    return found


@pytest.mark.parametrize("seed", range(4))
def test_pairs_come_back(seed):
    rng = np.random.default_rng(seed)
    users, items = rng.integers(-5, 40, (2, 300)) * (10**9 if seed % 2 else 1)  # dense and sparse ids
    made = Interactions.from_pairs(users, items)
    expected = set(zip(users.tolist(), items.tolist(), strict=True))
    assert pairs_of(made) == expected
    assert made.num_pairs == len(expected) < 300
    assert made.user_ids == sorted({user for user, _ in expected})
    assert made.notes == (f"{300 - len(expected)} pairs that occurred before: merged",)
    assert made.item_counts.tolist() == [sum(item == i for _, i in expected) for item in made.item_ids]
    assert made.user_counts.sum() == made.row_splits[-1] == made.num_pairs
    as_words = Interactions.from_pairs([f"u{user}" for user in users], [str(item) for item in items])
    assert pairs_of(as_words) == {(f"u{user}", str(item)) for user, item in expected}


@pytest.mark.parametrize(
    ("users", "items"),
    [
        ((2, 1), (1, 1)),
        (np.array([2, 1], np.uint8), np.array([1, 1], np.int16)),
        (np.array([2, 1], object), [1, 1]),
        (range(2, 0, -1), np.array([1, 1], object)),
        ([np.int64(2), 1], [1, 1]),
    ],
)
def test_what_numpy_takes_for_ids_is_ids(users, items):
    made = Interactions.from_pairs(users, items)
    assert made.user_ids == [1, 2]
    assert set(map(type, made.user_ids)) == {int}


def test_columns_of_tables_are_taken():
    pandas = pytest.importorskip("pandas")
    users = pandas.Series([2, 1], dtype="Int64")
    made = Interactions.from_pairs(users, pandas.Categorical(["b", "a"]), pandas.Series([1.0, 5.0]), min_rating=2)
    assert pairs_of(made) == {(1, "a")}


def test_ratings_only_select():
    given = [1, 1, 2], [5, 6, 5], [4.5, 2.0, 3.0]
    assert pairs_of(Interactions.from_pairs(*given)) == {(1, 5), (1, 6), (2, 5)}
    kept = Interactions.from_pairs(*given, min_rating=3)
    assert pairs_of(kept) == {(1, 5), (2, 5)}
    assert kept.item_ids == [5]
    assert kept.notes == ("2 of 3 pairs with a rating of at least 3: kept",)
    again = Interactions.from_pairs([1, 1], [5, 5], [2.0, 4.0], min_rating=3)  # the higher rating of a pair counts
    assert pairs_of(again) == {(1, 5)}


PAIR_MISTAKES = [
    (([], []), {}, "users and items are empty: at least one pair is expected"),
    (([1], [1, 2]), {}, "users and items must have the same length, one entry per pair, got 1 and 2"),
    (([1, "a"], [1, 2]), {}, "users must hold ints or str, all of one kind, got str 'a' among ints at users[1]"),
    (
        ([1, 2], ["a", None]),
        {},
        "items must hold ints or str, all of one kind, got NoneType None among str at items[1]",
    ),
    (
        ([1.0, 2.0], [1, 2]),
        {},
        "users must hold ints or str, got dtype float64: write .astype(int) if the ids are whole",
    ),
    (([1, math.nan], [1, 2]), {}, "users must hold ints or str, got dtype float64: entry 1 is missing (NaN)"),
    (([True], [1]), {}, "users must hold ints or str, got dtype bool"),
    (({1, 2}, [1, 2]), {}, "users must be an array, a list or a column of ids, got set "),
    (((u for u in "ab"), [1, 2]), {}, "users must be an array, a list or a column of ids, got generator "),
    (([[1]], [1]), {}, "users must have shape [num_pairs], got [1, 1]"),
    (([2**64 - 1], [1]), {}, "users[0] = 18446744073709551615 does not fit in int64: write ids of this size as str"),
    (([2**70], [1]), {}, "users[0] = 1180591620717411303424 does not fit in int64: write it as a str"),
    (([1, 2], [1, 2], [1, math.nan]), {}, "ratings[1] = nan: ratings must be finite, leave missing ones out"),
    (([1, 2], [1, 2], ["x", "y"]), {}, "ratings must hold numbers, got dtype <U1"),
    (([1, 2], [1, 2], [None, {}]), {}, "ratings must hold numbers, got [None, {}]"),
    (([1, 2], [1, 2], [1]), {}, "ratings must have shape [2], one per pair, got [1]"),
    (([1], [1]), {"min_rating": 3}, "min_rating=3 needs ratings, and there are none"),
    (([1], [1], [2]), {"min_rating": 3}, "min_rating=3 leaves no pair: the highest rating is 2"),
    (([1], [1], [2]), {"min_rating": math.nan}, "min_rating must be finite, got nan"),
]


@pytest.mark.parametrize(("given", "options", "message"), PAIR_MISTAKES)
def test_mistakes_in_pairs_are_one_line(given, options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}") as caught:
        Interactions.from_pairs(*given, **options)
    assert "\n" not in str(caught.value)


def csr(indptr, indices, data, shape):
    return SimpleNamespace(indptr=indptr, indices=indices, data=data, shape=shape, format="csr")


def test_a_matrix_keeps_empty_rows_and_columns():
    made = Interactions.from_csr(csr([0, 3, 3, 4], [2, 0, 2, 3], [1.0, 2.0, -1.0, 0.0], (3, 5)))
    assert (made.num_users, made.num_items) == (3, 5)
    assert pairs_of(made) == {(0, 0), (0, 2)}
    assert made.user_counts.tolist() == [2, 0, 0]
    assert made.notes == ("1 stored zero: no interactions", "1 pair that occurred before: merged")


def test_a_matrix_of_scipy_is_taken():
    sparse = pytest.importorskip("scipy.sparse")
    table = np.random.default_rng(1).random((7, 9)) < 0.3
    made = Interactions.from_csr(sparse.csr_array(table))
    assert pairs_of(made) == set(zip(*map(np.ndarray.tolist, np.nonzero(table)), strict=True))
    with pytest.raises(TypeError, match=r"^matrix must be in CSR form, got 'coo': write matrix.tocsr\(\)$"):
        Interactions.from_csr(sparse.coo_array(table))


MATRIX_MISTAKES = [
    (np.eye(1), "matrix must be a sparse matrix in CSR form, with indptr, indices, data and shape, got ndarray "),
    (csr([0, 1], [5], [1], (1, 3)), "matrix.indices[0] = 5 is not a column: columns are in [0, 3)"),
    (csr([0, 2], [1], [1], (1, 3)), "matrix.indices must have shape [2], got [1]"),
    (csr([0, 1, 1], [1], [1], (1, 3)), "matrix.indptr must have 2 entries that start at 0 and never fall"),
    (csr([0, 1], [1], ["a"], (1, 3)), "matrix.data must have 1 numbers, got ndarray "),
    (csr([0, 1], [1], [1], (3,)), "matrix must have shape [num_users, num_items], got [3]"),
    (csr([0, 1, 3], [1, 0, 2], [1, 1, math.nan], (2, 3)), "matrix[1, 2] is NaN: leave missing entries out"),
    (csr([0, 0], [], [], (1, 3)), "matrix of shape [1, 3] has no entries other than 0"),
]


@pytest.mark.parametrize(("matrix", "message"), MATRIX_MISTAKES)
def test_mistakes_in_matrices_are_one_line(matrix, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        Interactions.from_csr(matrix)


ROW_MISTAKES = [
    (("a", [1], [0, 1], [0]), "user_ids must be a list of ints or of str, got str 'a'"),
    ((["a", 1], [1], [0, 1, 1], [0]), "user_ids must be all ints or all str, got int, str"),
    ((["a", "a"], [1], [0, 1, 1], [0]), "user_ids must be distinct: 1 occur before"),
    ((["a"], [1], [0, 1, 1], [0]), "row_splits must have 2 entries that start at 0 and never fall"),
    ((["a"], [1], [0, 1], [1]), "items[0] = 1 is not an item row: rows are in [0, 1)"),
    ((["a", "b"], [1, 2], [0, 1, 3], [1, 1, 0]), "items[2] = 0 does not ascend within its user"),
    ((["a"], [1, 2], [0, 2], [1, 1]), "items[1] = 1 does not ascend within its user"),
]


@pytest.mark.parametrize(("given", "message"), ROW_MISTAKES)
def test_rows_that_are_given_are_checked(given, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        Interactions(*given)


def test_rows_that_are_given_are_kept_and_read_only():
    items = np.array([1, 0, 1])
    made = Interactions(["b", "a"], [7, 8], [0, 1, 3], items)
    assert pairs_of(made) == {("b", 8), ("a", 7), ("a", 8)}
    assert repr(made) == "Interactions(2 users, 2 items, 3 pairs)"
    with pytest.raises(ValueError, match="read-only"):
        made.items[0] = 0
    items[0] = 1  # the array of the caller can still be written
    with pytest.raises(TypeError, match=r"^from_pairs returns a new Interactions"):
        made.from_pairs([1], [1])


def many_pairs(num_users=60):
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 30, num_users)
    users = np.repeat(np.arange(num_users), counts)
    return Interactions.from_pairs(users, rng.integers(0, 400, users.size))


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.999999])
def test_a_split_holds_out_a_share_of_each_user(fraction):
    whole = many_pairs()
    train, held_out = whole.split(fraction, seed=5)
    assert pairs_of(train) | pairs_of(held_out) == pairs_of(whole)
    assert not pairs_of(train) & pairs_of(held_out)
    for n, held in zip(whole.user_counts, held_out.user_counts, strict=True):
        assert held == (0 if n == 1 else min(max(1, math.floor(fraction * n)), n - 1))
    assert train.user_ids is held_out.user_ids is whole.user_ids


def test_a_split_follows_the_seed():
    whole = many_pairs()
    same, again, other = (whole.split(0.2, seed)[1].items.tolist() for seed in (1, 1, 2))
    assert same == again != other
    # Recorded: a split is part of what a seed means.
    small = Interactions.from_pairs([1] * 6 + [2] * 3, [0, 1, 2, 3, 4, 5, 0, 1, 2])
    assert small.split(0.4, seed=7)[1].items.tolist() == [1, 4, 2]


def test_every_item_is_held_out_equally_often():
    whole = Interactions.from_pairs(np.repeat(np.arange(4000), 5), np.tile(np.arange(5), 4000))
    counts = whole.split(0.2)[1].item_counts
    assert ((counts - 800) ** 2 / 800).sum() < 18.5  # chi-square with 4 degrees of freedom, p = .001


SPLIT_MISTAKES = [
    ({"fraction": 0}, "fraction must be above 0, got 0"),
    ({"fraction": 1.0}, "fraction must be below 1, got 1"),
    ({"fraction": "a"}, "fraction must be a number, got str 'a'"),
    ({"seed": -1}, "seed must be at least 0, got -1"),
    ({"seed": None}, "seed must be a whole number, got NoneType None"),
]


@pytest.mark.parametrize(("options", "message"), SPLIT_MISTAKES)
def test_mistakes_in_a_split_are_one_line(options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        many_pairs(3).split(**options)


def test_test_pairs_get_the_rows_of_the_training():
    train = Interactions.from_pairs([3, 1, 2], ["x", "y", "z"])
    test = Interactions.from_pairs([2, 2, 4, 1], ["x", "new", "x", "z"])
    made = test.with_rows_of(train)
    assert (made.user_ids, made.item_ids) == (train.user_ids, train.item_ids)
    assert pairs_of(made) == {(2, "x"), (1, "z")}
    assert made.notes == ("2 of 4 pairs without a row of the user or the item: left out",)
    assert train.with_rows_of(train).notes == ()
    with pytest.raises(TypeError, match=r"^other must be Interactions, got list \[1\]$"):
        test.with_rows_of([1])
    with pytest.raises(ValueError, match=r"^user must be at most 2, got 3$"):
        train.items_of(3)


def test_no_ids_have_no_rows():
    assert numbered(np.zeros(0, np.int64))[0] == []
    assert numbered([])[0] == []
