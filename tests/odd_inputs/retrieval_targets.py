"""Calls of interactions and their evaluation that are right: tests change their arguments."""

from types import SimpleNamespace

import numpy as np

import sampledsoftmax as ss
from tests.odd_inputs.target import Target, method

USERS, ITEMS = [1, 1, 2, 3, 3], ["a", "b", "a", "c", "b"]


def interactions():
    return ss.Interactions.from_pairs(USERS, ITEMS)


def matrix():
    return SimpleNamespace(indptr=[0, 2, 3], indices=[0, 2, 1], data=[1.0, 2.0, 0.0], shape=(2, 3), format="csr")


def evaluation():
    train, test = interactions().split(0.5)
    return {
        "user_factors": np.eye(3, 2, dtype="f4"),
        "item_factors": np.ones((3, 2), "f4"),
        "seen": train,
        "held_out": test,
    }


RETRIEVAL_TARGETS = {
    "Interactions": lambda: Target(
        ss.Interactions,
        {"user_ids": [1, 2], "item_ids": ["a", "b"], "row_splits": [0, 1, 2], "items": [1, 0], "notes": ()},
    ),
    "Interactions.from_pairs": lambda: Target(
        ss.Interactions.from_pairs,
        {"users": USERS, "items": ITEMS, "ratings": [1.0, 5.0, 2.0, 3.0, 4.0], "min_rating": 2},
    ),
    "Interactions.from_pairs, arrays": lambda: Target(
        ss.Interactions.from_pairs, {"users": np.array(USERS), "items": np.array(ITEMS), "ratings": np.ones(5)}
    ),
    "Interactions.from_csr": lambda: Target(ss.Interactions.from_csr, {"matrix": matrix()}),
    "Interactions.read": lambda: Target(
        ss.Interactions.read,
        {
            "path": "ratings.csv",
            "format": "csv",
            "header": True,
            "min_rating": 1,
            "encoding": "utf-8",
            "errors": "strict",
        },
    ),
    "Interactions.read, files": lambda: Target(ss.Interactions.read, {"path": ["ratings.csv", "lists.txt"]}),
    "Interactions.items_of": lambda: method(interactions(), "items_of", user=1),
    "Interactions.split": lambda: method(interactions(), "split", fraction=0.5, seed=3),
    "Interactions.with_rows_of": lambda: method(interactions(), "with_rows_of", other=interactions()),
    "evaluate_ranking": lambda: Target(
        ss.evaluate_ranking,
        {**evaluation(), "k": 2, "normalize": True, "users": [0, 2], "item_biases": np.zeros(3, "f4")},
    ),
}


def write_retrieval_files(folder):
    """Write the files that the calls read to a directory."""
    lines = [f"{user},{item},{user + 1}\n" for user in (1, 2, 3, 4) for item in "abc"]
    (folder / "ratings.csv").write_text("".join(["user,item,rating\n", *lines]))
    (folder / "lists.txt").write_text("1 a b c\n2 b\n9 a\n")
