"""In-batch softmax: the candidates of the other examples of a batch are the negatives of each."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.in_batch_arguments import Choices, ExtraCandidates, InBatch, checked_in_batch
from sampledsoftmax.losses.in_batch_pass import InBatchGradients, losses, losses_and_gradients


def in_batch_softmax_loss(
    queries: ArrayLike,
    candidates: ArrayLike,
    candidate_ids: ArrayLike | None = None,
    candidate_probability: ArrayLike | None = None,
    *,
    extra_candidates: ExtraCandidates | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
    correction: str = "log_q",
    remove_accidental_hits: bool = True,
    merge_equal_candidates: bool = True,
    num_hard_negatives: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[Any]:
    """Return the softmax loss of each query over the candidates of the whole batch; candidate b is its positive.

    In this order: s(b, j) = queries[b] . candidates[j] / temperature, minus log Q(j); accidental hits are left out;
    of the negatives the hardest stay, if so wished. Then loss[b] = log(sum_j exp s(b, j)) - s(b, b).

    Q(j) is how often the id of column j is expected among the columns of a batch. Without its correction a popular
    item is a negative as often as it is popular, and is learned to be unlikely.

    Parameters
    ----------
    queries : float [batch_size, dim]
        Output of the encoder of users, float64, float32, float16 or bfloat16; half precision is widened to float32.
    candidates : float [batch_size, dim]
        Row b is the positive of query b. The precision is that of `queries`.
    candidate_ids : int [batch_size], optional
        Ids of the candidates, any integers: equal ids are one item. Without them every row counts as an item of its
        own: nothing is found to be a hit or to be merged.
    candidate_probability : float [batch_size] or a number, optional
        How likely the positive of an example is this item, above 0 and at most 1: its share in the training data.
        Needed unless `correction` is "none".
    extra_candidates : ExtraCandidates, optional
        Negatives beside those of the batch.
    temperature : float
        Above 0. What dot products are divided by.
    normalize : bool
        Whether rows are divided by their lengths first: cosines. A row shorter than 1e-12 counts as zeros.
    correction : str
        "log_q": log Q is subtracted from all logits, the positive's too. "log_q_2025": from the negatives only, see
        Notes. "none": not at all, for data in which each item is as likely as another.
    remove_accidental_hits : bool
        Whether candidates with the id of the positive are left out of the negatives of an example.
    merge_equal_candidates : bool
        Whether equal ids of the batch are one column: the first of them, and for an example that has the id as its
        positive the row of its own. Then Q = 1 - (1 - p)^batch_size, else batch_size * p for each copy.
    num_hard_negatives : int, optional
        Keep this many negatives of an example, those of the largest corrected logits. **Biased**: the sum no longer
        estimates that over all items, whatever the correction; the gradient of the negatives is too large.
    sample_weight : float or bool [batch_size], optional
        Weight of each example, finite and at least 0, or a mask; its loss is multiplied by it. An example of weight 0
        is no part of the batch: its loss is 0, its candidate is a negative of none, and it does not count in Q.

    Returns
    -------
    float32 or float64 [batch_size]
        The losses, of the same bits for any number of threads. A call allocates 16 MB of logits, or those of 192
        queries if they are more; never the whole matrix.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.

    Notes
    -----
    Log Q for in-batch negatives: Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
    recommendations", RecSys 2019, equation 3.

    Where copies are neither merged nor left out, each is a draw, and the sum is an importance-sampling estimate of that
    over all items. Where hits are left out of unmerged columns, an item that is expected more than once loses
    weight in its own sum: the positive, one column, is divided by its whole expected count.

    "log_q_2025" is the correction of arXiv 2507.09331: the positive is in the batch by construction, so it is not
    corrected. The loss is (1 - P) * (log sum_j exp(s(b, j) - log q'(j)) - s(b, b)) over the negatives j, where q' is
    the probability given that the item is not the positive, and the weight 1 - P, whose P is the estimated
    probability of the positive, is not differentiated. Its gradient estimates that of the softmax over all items;
    its *value* is no log-likelihood, so report another loss beside it.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.eye(3)
    >>> in_batch_softmax_loss(rows, rows, [7, 8, 7], [0.5, 0.25, 0.5], temperature=0.5).round(3)
    array([0.186, 0.086, 0.186])
    """
    batch, weights = checked_in_batch(
        (queries, candidates, candidate_ids, candidate_probability, extra_candidates),
        Choices(
            temperature,
            normalize,
            correction,
            remove_accidental_hits,
            merge_equal_candidates,
            num_hard_negatives,
        ),
        sample_weight,
    )
    return _of_all(losses(batch), batch, weights)


def in_batch_softmax_loss_and_grad(
    queries: ArrayLike,
    candidates: ArrayLike,
    candidate_ids: ArrayLike | None = None,
    candidate_probability: ArrayLike | None = None,
    *,
    extra_candidates: ExtraCandidates | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
    correction: str = "log_q",
    remove_accidental_hits: bool = True,
    merge_equal_candidates: bool = True,
    num_hard_negatives: int | None = None,
    sample_weight: ArrayLike | None = None,
    loss_grad: ArrayLike | None = None,
) -> tuple[NDArray[Any], InBatchGradients]:
    """Return (`in_batch_softmax_loss`, its gradients).

    Parameters
    ----------
    queries : float [batch_size, dim]
        As for `in_batch_softmax_loss`, like all arguments up to `sample_weight`.
    candidates : float [batch_size, dim]
        The positives.
    candidate_ids : int [batch_size], optional
        Their ids.
    candidate_probability : float [batch_size] or a number, optional
        Their shares in the training data.
    extra_candidates : ExtraCandidates, optional
        Negatives beside those of the batch.
    temperature : float
        Above 0.
    normalize : bool
        Whether logits are cosines.
    correction : str
        "log_q", "log_q_2025" or "none".
    remove_accidental_hits : bool
        Whether candidates with the id of the positive are left out.
    merge_equal_candidates : bool
        Whether equal ids of the batch are one column.
    num_hard_negatives : int, optional
        How many negatives stay; biased.
    sample_weight : float or bool [batch_size], optional
        Weight of each example.
    loss_grad : dtype of the loss, [batch_size], optional
        Gradient of the objective with respect to each loss; ones by default.

    Returns
    -------
    loss : float32 or float64 [batch_size]
        The losses.
    gradients : InBatchGradients
        Of sum(loss_grad * loss), with respect to the rows as they came: through temperature and normalization.

    Raises
    ------
    TypeError, ValueError
        As `in_batch_softmax_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> loss, grad = in_batch_softmax_loss_and_grad(np.eye(2), np.eye(2), correction="none")
    >>> grad.queries.round(3)
    array([[-0.269,  0.269],
           [ 0.269, -0.269]])
    """
    batch, weights = checked_in_batch(
        (queries, candidates, candidate_ids, candidate_probability, extra_candidates),
        Choices(
            temperature,
            normalize,
            correction,
            remove_accidental_hits,
            merge_equal_candidates,
            num_hard_negatives,
        ),
        sample_weight,
    )
    size, dtype = weights.size, batch.queries.dtype
    above = np.ones(size, dtype) if loss_grad is None else validation.floats("loss_grad", loss_grad, (size,), dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is infinite in the result
        of_batch, grads = losses_and_gradients(batch, (above * weights.astype(dtype))[batch.examples])
    of_queries, of_candidates = np.zeros((2, size, batch.queries.shape[1]), dtype)
    of_queries[batch.examples], of_candidates[batch.examples] = grads.queries, grads.candidates
    return _of_all(of_batch, batch, weights), InBatchGradients(of_queries, of_candidates, grads.extra_rows)


@np.errstate(over="ignore", invalid="ignore")  # a loss that becomes infinite by its weight is returned
def _of_all(of_batch: NDArray[Any], batch: InBatch, weights: NDArray[np.float64]) -> NDArray[Any]:
    """Return the losses of all examples, each times its weight; 0 for those of weight 0."""
    every = np.zeros(weights.size, of_batch.dtype)
    every[batch.examples] = of_batch * weights[batch.examples].astype(of_batch.dtype)
    return every
