r"""Metrics of rankings, for one user in plain Python and for many users in NumPy.

A model ranks all items that a user has not seen. T is the set of the items held out for that user, n their number, and
r(1), r(2), ..., r(k) the first k items of the ranking. With rel(j) = 1 if r(j) is in T, else 0, and
hits(j) = rel(1) + ... + rel(j):

    recall@k    = hits(k) / n
    precision@k = hits(k) / k
    hit rate@k  = 1 if hits(k) > 0, else 0
    NDCG@k      = DCG / ideal DCG, DCG = sum over j <= k of rel(j) / log2(j + 1),
                  ideal DCG = sum over j <= min(k, n) of 1 / log2(j + 1)
    MRR@k       = 1 / (the first j <= k with rel(j) = 1), 0 if there is none
    MAP@k       = 1 / min(k, n) * sum over j <= k of rel(j) hits(j) / j

Each is the mean over users with n > 0. Recall is divided by n, not by min(k, n): a user with more than k held-out items
cannot reach 1. Papers on collaborative filtering use recall and NDCG in this form (He et al., "LightGCN", SIGIR 2020,
and its code). If fewer than k items are ranked, the missing ones are no hits.
"""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.not_a_number import not_a_number

Floats64 = NDArray[np.float64]


class UserScores(NamedTuple):
    """Metrics of one user, or of many users as float64 arrays [num_users].

    Attributes
    ----------
    recall, ndcg, mrr, map, hit_rate, precision : float
        See the definitions in this module.
    """

    recall: float | Floats64
    ndcg: float | Floats64
    mrr: float | Floats64
    map: float | Floats64
    hit_rate: float | Floats64
    precision: float | Floats64


@not_a_number()
class RankingScores(NamedTuple):
    """Metrics of a ranking of all items, means over the users with held-out items.

    For a user with n held-out items, hits(j) of them among the first j items of the ranking:

    Attributes
    ----------
    recall : float
        Mean of hits(k) / n.
    ndcg : float
        Mean of the sum of 1 / log2(j + 1) over the places j <= k of hits, divided by the sum over j <= min(k, n).
    mrr : float
        Mean of 1 / the place of the first hit; 0 if it is not among the first k.
    map : float
        Mean of the sum of hits(j) / j over the places j <= k of hits, divided by min(k, n).
    hit_rate : float
        Share of users with a hit among the first k.
    precision : float
        Mean of hits(k) / k.
    num_users : int
        Users with held-out items.
    k : int
        Length of the rankings.

    Examples
    --------
    >>> scores = RankingScores(recall=0.5, ndcg=0.4, mrr=0.3, map=0.2, hit_rate=1.0, precision=0.1, num_users=2, k=10)
    >>> print(scores)
    recall@10 0.5000, NDCG@10 0.4000, MRR@10 0.3000, MAP@10 0.2000, hit rate@10 1.0000, precision@10 0.1000 of 2 users
    """

    recall: float
    ndcg: float
    mrr: float
    map: float
    hit_rate: float
    precision: float
    num_users: int
    k: int

    def __str__(self) -> str:
        """Return one line."""
        names = {"recall": self.recall, "NDCG": self.ndcg, "MRR": self.mrr, "MAP": self.map}
        names |= {"hit rate": self.hit_rate, "precision": self.precision}
        values = ", ".join(f"{name}@{self.k} {value:.4f}" for name, value in names.items())
        return f"{values} of {self.num_users:,} users"


def user_scores(ranked: Sequence[int], held_out: Collection[int], k: int) -> UserScores:
    """Return the metrics of one user, as they are defined.

    Parameters
    ----------
    ranked : sequence of int
        Items, the best first, without those that the user has seen.
    held_out : collection of int
        At least one item.
    k : int

    Examples
    --------
    >>> scores = user_scores([7, 3, 5, 1], {3, 1, 9}, k=4)
    >>> scores.recall == 2 / 3, scores.precision, scores.mrr, scores.map == (1 / 2 + 2 / 4) / 3
    (True, 0.5, 0.5, True)
    """
    held_out, n = set(held_out), len(set(held_out))
    hits = 0
    dcg = average_precision = reciprocal_rank = 0.0
    for j, item in enumerate(ranked[:k], start=1):
        if item in held_out:
            hits += 1
            dcg += 1 / math.log2(j + 1)
            average_precision += hits / j
            reciprocal_rank = reciprocal_rank or 1 / j
    ideal = sum(1 / math.log2(j + 1) for j in range(1, min(k, n) + 1))
    return UserScores(
        recall=hits / n,
        ndcg=dcg / ideal,
        mrr=reciprocal_rank,
        map=average_precision / min(k, n),
        hit_rate=float(hits > 0),
        precision=hits / k,
    )


def scores_of_users(hits: NDArray[np.bool_], num_held_out: NDArray[np.int64]) -> UserScores:
    """Return the metrics of many users at once.

    Parameters
    ----------
    hits : bool [num_users, k]
        Whether place j + 1 of a user's ranking is a held-out item.
    num_held_out : int64 [num_users]
        Held-out items of each user, at least 1.

    Examples
    --------
    >>> scores_of_users(np.array([[False, True, False, True]]), np.array([3])).precision
    array([0.5])
    """
    k = hits.shape[1]
    places = np.arange(1, k + 1)
    gains = 1 / np.log2(places + 1)
    counts = hits.sum(axis=1)
    most = np.minimum(num_held_out, k)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)
    return UserScores(
        recall=counts / num_held_out,
        ndcg=(hits * gains).sum(axis=1) / np.cumsum(gains)[most - 1],
        mrr=1 / first,
        map=(hits * hits.cumsum(axis=1) / places).sum(axis=1) / most,
        hit_rate=(counts > 0).astype(np.float64),
        precision=counts / k,
    )
