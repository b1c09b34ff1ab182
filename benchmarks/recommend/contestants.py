"""The contestants of `recommend`: what each trains, with settings chosen on a validation split cut from train.

Ours has its defaults, with 64 numbers per user and item, and with 128. The settings of `implicit` are the best of those
that were tried on that split with 64 factors and 10 iterations: regularization and alpha of ALS (.05, 1), (10, 10),
(30, 10), (30, 20), (100, 100); BPR was tried with two learning rates.
"""

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from sampledsoftmax.retrieval.interactions import Interactions

Factors = tuple[NDArray[np.float32], NDArray[np.float32]]


class Trained(NamedTuple):
    """Factors whose products rank items, and what training took.

    Attributes
    ----------
    factors : float32 [num_users, dim], [num_items, dim]
    seconds, cpu_seconds : float
        Of training alone: the data is read and code is compiled before.
    """

    factors: Factors
    seconds: float
    cpu_seconds: float


class Contestant(NamedTuple):
    """A program, and its settings by data set.

    Attributes
    ----------
    train : callable
        (train, settings, seed, threads) -> Trained.
    settings : dict of str to dict
    package : str
        What must be installed.
    rounds : str
        The name of the setting with the number of passes.
    """

    train: Callable[[Interactions, dict[str, Any], int, int], Trained]
    settings: dict[str, dict[str, Any]]
    package: str
    rounds: str

    @property
    def missing(self) -> str:
        """Why it cannot run, or nothing."""
        return "" if importlib.util.find_spec(self.package) else f"{self.package} is not installed"


def train_ours(train: Interactions, settings: dict[str, Any], seed: int, threads: int) -> Trained:
    """Train `ss.MatrixFactorization`; a tiny model compiles all code before."""
    ss.set_num_threads(threads)
    rng = np.random.default_rng(0)
    tiny = {"num_sampled": 16, "dim": settings.get("dim", 64), "epochs": 1}
    ss.MatrixFactorization(**tiny).fit(rng.integers(0, 40, 400), rng.integers(0, 60, 400))
    model = ss.MatrixFactorization(seed=seed, **settings)
    start = _clocks()
    model.fit(train)
    return Trained((model.user_factors, model.item_factors), *_since(start))


def train_als(train: Interactions, settings: dict[str, Any], seed: int, threads: int) -> Trained:
    """Train alternating least squares of implicit."""
    from implicit.als import AlternatingLeastSquares  # noqa: PLC0415 - only in its own process

    return _train_implicit(AlternatingLeastSquares, train, settings, seed, threads)


def train_bpr(train: Interactions, settings: dict[str, Any], seed: int, threads: int) -> Trained:
    """Train Bayesian personalized ranking of implicit, whose biases are columns of the factors."""
    from implicit.bpr import BayesianPersonalizedRanking  # noqa: PLC0415 - only in its own process

    return _train_implicit(BayesianPersonalizedRanking, train, settings, seed, threads)


def _train_implicit(kind: Any, train: Interactions, settings: dict[str, Any], seed: int, threads: int) -> Trained:
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - a dependency of implicit

    shape = (train.num_users, train.num_items)
    matrix = csr_matrix((np.ones(train.num_pairs, np.float32), train.items, train.row_splits), shape)
    model = kind(random_state=seed, num_threads=threads, use_gpu=False, **settings)
    start = _clocks()
    model.fit(matrix, show_progress=False)
    factors = np.array(model.user_factors, np.float32), np.array(model.item_factors, np.float32)
    return Trained(factors, *_since(start))


def _clocks() -> tuple[float, float]:
    times = os.times()
    return time.perf_counter(), times.user + times.system


def _since(start: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = _clocks()
    return wall - start[0], cpu - start[1]


ALS = {
    "yelp2018": {"factors": 64, "regularization": 30.0, "alpha": 20.0, "iterations": 15},
    "gowalla": {"factors": 64, "regularization": 100.0, "alpha": 100.0, "iterations": 15},
}
BPR = {
    "yelp2018": {"factors": 64, "learning_rate": 0.05, "regularization": 0.01, "iterations": 100},
    "gowalla": {"factors": 64, "learning_rate": 0.02, "regularization": 0.001, "iterations": 60},
}
DEFAULTS: dict[str, dict[str, Any]] = {data: {} for data in ALS}
CONTESTANTS = {
    "ours": Contestant(train_ours, DEFAULTS, "numba", "epochs"),
    "ours 128": Contestant(train_ours, {data: {"dim": 128} for data in ALS}, "numba", "epochs"),
    "implicit ALS": Contestant(train_als, ALS, "implicit", "iterations"),
    "implicit ALS 128": Contestant(
        train_als, {data: {**settings, "factors": 128} for data, settings in ALS.items()}, "implicit", "iterations"
    ),
    "implicit BPR": Contestant(train_bpr, BPR, "implicit", "iterations"),
}
