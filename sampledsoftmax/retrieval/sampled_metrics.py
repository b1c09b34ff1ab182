"""Metrics among sampled items, with a warning, and their correction.

Source: Walid Krichene and Steffen Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020. If the held-out item
has rank r among n items (itself and n - 1 others) and m of the others are drawn uniformly with replacement, its rank
among the m + 1 is 1 plus a binomial number: m draws, each of which is ahead with probability (r - 1) / (n - 1). So the
sampled metric of almost every model is high, all metrics but AUC look alike, and the order of two models can turn
around. The corrections replace the metric of a rank by values of the sampled rank.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.not_a_number import not_a_number

CORRECTIONS = ("least_squares", "rank", "none")

_MAX_TABLE = 2**26  # entries of the table of probabilities: 0.5 GB
_WARNING = (
    "sampled metrics can rank models differently than metrics over all items (Krichene and Rendle 2020): "
    "use evaluate_ranking wherever all items can be scored"
)

Floats64 = NDArray[np.float64]


@not_a_number()
class SampledScores(NamedTuple):
    """Estimates of metrics of all items, from ranks among sampled ones; one held-out item per user.

    Attributes
    ----------
    hit_rate : float
        Of rankings of k items: with one held-out item per user this is also recall@k.
    ndcg : float
        NDCG@k.
    mrr : float
        Reciprocal rank, 0 beyond k; with one held-out item per user this is also MAP@k.
    auc : float
        Share of the other items that are ranked behind the held-out one.

    Examples
    --------
    >>> SampledScores(hit_rate=0.25, ndcg=0.2, mrr=0.15, auc=0.9).hit_rate
    0.25
    """

    hit_rate: float
    ndcg: float
    mrr: float
    auc: float


def sampled_metrics(
    sampled_ranks: ArrayLike,
    num_sampled: int,
    num_items: int,
    k: int = 10,
    *,
    correction: str = "least_squares",
    variance_weight: float = 0.1,
) -> SampledScores:
    """Return estimates of ranking metrics from the ranks of held-out items among sampled items, with a warning.

    Uncorrected metrics of sampled ranks are no estimate of those over all items, and can rank models differently. The
    corrections remove most of that bias and keep the noise. Wherever all items can be scored, use `evaluate_ranking`.

    Parameters
    ----------
    sampled_ranks : int [num_users]
        The rank of one held-out item per user among itself and `num_sampled` others, from 1: 1 plus the number of
        sampled items with a higher score.
    num_sampled : int
        Other items, drawn uniformly with replacement for each user.
    num_items : int
        Items that would be ranked: the held-out one and all others that may be drawn.
    k : int
        Length of the rankings of all items.
    correction : str
        "least_squares": the values per sampled rank that minimize, for ranks that are equally frequent, squared bias
        plus `variance_weight` times variance. "rank": the metric at the rank estimate
        1 + (num_items - 1) / num_sampled * (sampled rank - 1), which is unbiased for the rank, not for the metric.
        "none": the metric of the sampled rank, as many papers report it.
    variance_weight : float
        From above 0 to 1. Lower: less bias, more noise.

    Returns
    -------
    SampledScores
        Means over users.

    Raises
    ------
    TypeError, ValueError
        A rank is not in [1, num_sampled + 1]; another argument is out of its range; the table of all ranks by all
        sampled ranks would not fit in half a gigabyte.

    Warns
    -----
    UserWarning
        Always: what is sampled is an estimate.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     plain = sampled_metrics([1, 1, 3, 1], 100, 10_001, k=10, correction="none")
    ...     corrected = sampled_metrics([1, 1, 3, 1], 100, 10_001, k=10)
    >>> plain.hit_rate, corrected.hit_rate < 0.3
    (1.0, True)
    """
    num_sampled = validation.whole_number("num_sampled", num_sampled, 1)
    num_items = validation.whole_number("num_items", num_items, 2)
    k = validation.whole_number("k", k, 1)
    validation.choice("correction", correction, CORRECTIONS)
    weight = validation.number("variance_weight", variance_weight, above=0, at_most=1)
    ranks = _checked_ranks(sampled_ranks, num_sampled)
    if correction == "least_squares":
        _check_table(num_items, num_sampled)
    warnings.warn(_WARNING, stacklevel=2)
    if correction == "none":
        values = _metrics(np.arange(1.0, num_sampled + 2), k, num_sampled + 1)
    elif correction == "rank":
        values = _metrics(estimated_rank(np.arange(1, num_sampled + 2), num_sampled, num_items), k, num_items)
    else:
        values = corrected_values(_metrics(np.arange(1.0, num_items + 1), k, num_items), num_sampled, weight)
    return SampledScores(*values[ranks - 1].mean(axis=0).tolist())


def estimated_rank(sampled_rank: ArrayLike, num_sampled: int, num_items: int) -> Floats64:
    """Return unbiased estimates of ranks among all items, from ranks among sampled ones.

    Examples
    --------
    >>> estimated_rank([1, 2, 101], 100, 10_001)
    array([1.0000e+00, 1.0100e+02, 1.0001e+04])
    """
    ahead: Floats64 = np.asarray(sampled_rank, np.float64) - 1
    return 1 + (num_items - 1) / num_sampled * ahead


def corrected_values(metrics: Floats64, num_sampled: int, variance_weight: float) -> Floats64:
    """Return what to report per sampled rank so that its expectation is near the metric of the rank.

    With P(s | r) the binomial probabilities and f the metric, the values v minimize, summed over the ranks r,
    (sum_s P(s | r) v_s - f_r)^2 + weight * variance of v_s given r. The normal equations are
    ((1 - weight) P^T P + weight diag(sum_r P(s | r))) v = P^T f.

    Parameters
    ----------
    metrics : float64 [num_items, num_metrics]
        The metrics of ranks 1, 2, ..., num_items.
    num_sampled : int
    variance_weight : float

    Returns
    -------
    values : float64 [num_sampled + 1, num_metrics]

    Examples
    --------
    >>> auc = np.linspace(1, 0, 5)[:, None]  # the expectation of a value that falls linearly is the metric itself
    >>> np.abs(corrected_values(auc, 2, 1e-9)).round(6).ravel()
    array([1. , 0.5, 0. ])
    """
    probabilities = _binomial(metrics.shape[0], num_sampled)
    normal = (1 - variance_weight) * probabilities.T @ probabilities
    normal += variance_weight * np.diag(probabilities.sum(axis=0))
    return np.linalg.solve(normal, probabilities.T @ metrics)


def _metrics(ranks: Floats64, k: int, num_items: int) -> Floats64:
    """Return hit rate, NDCG, reciprocal rank and AUC [num_ranks, 4] of ranks."""
    is_hit = ranks <= k
    columns = (is_hit, is_hit / np.log2(ranks + 1), is_hit / ranks, (num_items - ranks) / (num_items - 1))
    return np.stack(columns, axis=1).astype(np.float64)


def _binomial(num_items: int, num_sampled: int) -> Floats64:
    """Return the probability [num_items, num_sampled + 1] of each sampled rank, given each rank."""
    ahead = np.arange(num_items) / (num_items - 1)
    draws = np.arange(num_sampled + 1)
    factorials = np.array([math.lgamma(n + 1) for n in range(num_sampled + 1)])
    log_choices = factorials[-1] - factorials - factorials[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = log_choices + draws * np.log(ahead)[:, None] + draws[::-1] * np.log1p(-ahead)[:, None]
    probabilities: Floats64 = np.exp(logs)
    probabilities[0], probabilities[-1] = draws == 0, draws == num_sampled  # 0 * log 0
    return probabilities


def _check_table(num_items: int, num_sampled: int) -> None:
    size = num_items * (num_sampled + 1)
    if size > _MAX_TABLE:
        raise ValueError(
            f"num_items={num_items:,} by num_sampled={num_sampled:,} needs a table of {size:,} probabilities, "
            f"at most {_MAX_TABLE:,} are computed: set correction to 'rank'"
        )


def _checked_ranks(sampled_ranks: Any, num_sampled: int) -> NDArray[np.int64]:
    ranks = validation.as_ids("sampled_ranks", sampled_ranks)
    if ranks.ndim != 1 or not ranks.size:
        raise ValueError(f"sampled_ranks must have shape [num_users], at least one, got {list(ranks.shape)}")
    wrong = np.flatnonzero((ranks < 1) | (ranks > num_sampled + 1))
    if wrong.size:
        raise ValueError(
            f"sampled_ranks[{wrong[0]}] = {ranks[wrong[0]]} is no rank among {num_sampled + 1} items: they are in "
            f"[1, {num_sampled + 1}]"
        )
    checked: NDArray[np.int64] = ranks.astype(np.int64)
    return checked
