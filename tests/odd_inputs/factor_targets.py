"""Calls of a recommender that are right, one or more for each method and constructor."""

import copy
import functools
from collections.abc import Callable

import sampledsoftmax as ss
from tests.odd_inputs.target import Target, method
from tests.odd_inputs.word_targets import ignore, with_files

USERS, ITEMS = [1, 1, 2, 2, 3], [10, 11, 10, 12, 12]
SETTINGS = {
    "dim": 4,
    "num_sampled": 2,
    "temperature": 0.2,
    "normalize": True,
    "optimizer": None,
    "epochs": 1,
    "batch_size": 2,
    "sampler": "popularity",
    "popularity_exponent": 0.5,
    "subtract_log_q": True,
    "patience": 1,
    "seed": 1,
}


def model():
    """Return a fitted model of its own; training is the slow part."""
    return copy.deepcopy(fitted_model())


@functools.cache
def fitted_model():
    return ss.MatrixFactorization(**SETTINGS).fit(USERS, ITEMS)


def fit_of(unfitted, **arguments):
    """Return a call of `fit`; what a callback raises is its own, so callables do nothing here."""

    @functools.wraps(unfitted.fit)
    def fit(**given):
        callbacks = ("on_epoch", "on_progress", "on_compile")
        return unfitted.fit(**{**given, **{name: ignore for name in callbacks if callable(given.get(name))}})

    return with_files(Target(fit, arguments, unfitted))


OF_FIT = {"resume": False, "checkpoint_seconds": 9.0, "on_epoch": ignore, "on_progress": ignore, "on_compile": ignore}

FACTOR_TARGETS: dict[str, Callable[[], Target]] = {
    "MatrixFactorization": lambda: Target(ss.MatrixFactorization, dict(SETTINGS)),
    "MatrixFactorization.fit": lambda: fit_of(
        ss.MatrixFactorization(**SETTINGS), users=USERS, items=ITEMS, ratings=[1.0, 2.0, 3.0, 4.0, 5.0], min_rating=1.0,
        validation=0.5, checkpoint="new.zip", show_progress=False, **OF_FIT,
    ),
    "MatrixFactorization.fit, a file": lambda: fit_of(
        ss.MatrixFactorization(**SETTINGS), users="pairs.csv", items=None, ratings=None, validation=None
    ),
    "MatrixFactorization.fit, resume": lambda: fit_of(model(), users=USERS, items=ITEMS, resume=True),
    "MatrixFactorization.recommend": lambda: method(model(), "recommend", user=1, k=2, exclude_seen=True),
    "MatrixFactorization.recommend, several": lambda: method(
        model(), "recommend", user=[1, 2], k=1, exclude_seen=False
    ),
    "MatrixFactorization.similar_items": lambda: method(model(), "similar_items", item=10, k=2),
    "MatrixFactorization.similar_items, several": lambda: method(model(), "similar_items", item=[10, 12], k=1),
    "MatrixFactorization.evaluate": lambda: method(
        model(), "evaluate", users=[1, 3], items=[12, 10], ratings=[1.0, 2.0], min_rating=1.0, k=2, unknown="refuse"
    ),
    "MatrixFactorization.save_loss_curve": lambda: with_files(method(model(), "save_loss_curve", path="loss.csv")),
    "MatrixFactorization.save": lambda: with_files(method(model(), "save", path="factors.zip")),
    "MatrixFactorization.load": lambda: with_files(
        Target(ss.MatrixFactorization.load, {"path": "good_factors.zip", "optimizer": None})
    ),
}  # fmt: skip

# Calls that train or read files.
SLOW_FACTORS = {name for name in FACTOR_TARGETS if ".fit" in name or ".save" in name or ".load" in name}


def write_factor_files(folder):
    """Write the files that the calls read to a directory."""
    lines = "".join(f"{user},{item}\n" for user, item in zip(USERS, ITEMS, strict=True))
    (folder / "pairs.csv").write_text("user,item\n" + lines)
    model().save(folder / "good_factors.zip")
