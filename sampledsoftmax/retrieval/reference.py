"""In-batch softmax in plain NumPy, to be read from top to bottom; the compiled code is tested against it.

Conventions: B queries [B, D], and N columns: the rows of B candidates, row i for query i, then those of extra ones.
Every column has an id. Arguments are not validated here.

1. counts    how often each id is expected among the columns
2. left out  which columns an example does not see
3. logits    dot product or cosine, divided by the temperature; then log Q, then what is left out, then hard negatives
4. loss      softmax cross-entropy, or the corrected one of 2025
5. gradients in closed form, of queries and columns
"""

import numpy as np

from sampledsoftmax.reference import scaled, through_scaling


def expected_count(probability, num_draws, in_extra=0.0, merged=False):
    """Return how many columns of an id are expected, if each of `num_draws` examples has it with `probability`.

    With `merged`, the copies of an id in the batch are one column. `in_extra` is the count among the extra columns.
    """
    in_batch = -np.expm1(num_draws * np.log1p(-probability)) if merged else num_draws * probability
    return in_batch + in_extra


def left_out(ids, num_queries, remove_hits, merged):
    """Return which columns an example does not see (bool [B, N]); its own column is always seen.

    With `merged`, an id of the batch has one column: the first, or the own one of an example whose positive it is.
    """
    equal = ids[:num_queries, np.newaxis] == ids
    hidden = equal.copy() if remove_hits else np.zeros_like(equal)
    if merged:
        repeated = np.ones(num_queries, bool)
        repeated[np.unique(ids[:num_queries], return_index=True)[1]] = False
        hidden[:, :num_queries] |= equal[:, :num_queries] | repeated
    np.fill_diagonal(hidden, False)
    return hidden


def in_batch_logits(queries, columns, log_q, hidden, temperature, corrects_positives, num_hard_negatives=None):
    """Return the logits [B, N]; what is left out has -inf."""
    own = np.eye(*hidden.shape, dtype=np.bool_)
    logits = queries @ columns.T / temperature
    logits = logits - np.where(own & (not corrects_positives), 0, log_q)
    logits = np.where(hidden, -np.inf, logits)
    if num_hard_negatives is not None:
        negatives = np.where(own, -np.inf, logits)
        order = np.argsort(-negatives, axis=1, kind="stable")[:, :num_hard_negatives]
        hard = own.copy()
        np.put_along_axis(hard, order, True, axis=1)
        logits = np.where(hard, logits, -np.inf)
    return logits


def softmax_loss(logits):
    """Return (loss [B], gradient [B, N]) of softmax cross-entropy; the label of row i is column i."""
    i = np.arange(logits.shape[0])
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    gradient = np.exp(shifted) / total
    loss = np.log(total[:, 0]) - shifted[i, i]
    gradient[i, i] -= 1
    return loss, gradient


def log_q_2025_loss(logits, log_total, num_negatives):
    """Return (loss [B], gradient [B, N], weight [B]) of the correction of arXiv 2507.09331.

    The positive is not corrected. With q'_j the probability of a negative given that it is not the positive,
    -log q'_j = -log Q_j + log_total, and n negatives, an example has the loss

        weight * (log sum_j exp(s_j - log q'_j) - s_p),   weight = 1 - P held fixed,
        P = exp(s_p) / (exp(s_p) + 1/n sum_j exp(s_j - log q'_j)).

    Without negatives all are 0.
    """
    i = np.arange(logits.shape[0])
    positive, negatives = logits[i, i], logits.copy()
    negatives[i, i] = -np.inf
    gradient, loss, weight = np.zeros_like(logits), np.zeros_like(positive), np.zeros_like(positive)
    for b in np.flatnonzero(negatives.max(axis=1) > -np.inf):
        largest = negatives[b].max()
        total = np.exp(negatives[b] - largest).sum()
        log_sum = largest + np.log(total) + log_total[b]
        weight[b] = np.exp(-np.logaddexp(0, positive[b] - log_sum + np.log(num_negatives[b])))
        loss[b] = weight[b] * (log_sum - positive[b])
        gradient[b] = weight[b] * np.exp(negatives[b] - largest) / total
        gradient[b, b] = -weight[b]
    return loss, gradient, weight


def in_batch_loss_and_grad(
    queries,
    candidates,
    ids,
    probability,
    *,
    extra_rows=None,
    in_extra=None,
    temperature=1.0,
    normalize=False,
    correction="log_q",
    remove_hits=True,
    merged=True,
    num_hard_negatives=None,
    loss_grad=None,
):
    """Return loss [B], gradients of the queries [B, D] and of the columns [N, D], and the weights of log_q_2025 [B].

    `ids`, `probability` and `in_extra` are [N]: of the candidates, then of the extra rows. Ids that are not known
    are numbers that occur once.
    """
    size, rows = queries.shape[0], candidates if extra_rows is None else np.concatenate([candidates, extra_rows])
    num_extra = rows.shape[0] - size
    num_draws = size - 1 if correction == "log_q_2025" else size
    hidden = left_out(ids, size, remove_hits, merged)
    log_q, log_total, num_negatives = np.zeros(rows.shape[0]), np.zeros(size), np.ones(size)
    if correction != "none":
        count = expected_count(probability, num_draws, 0.0 if in_extra is None else in_extra, merged)
        with np.errstate(divide="ignore"):  # a batch of one example has no negatives
            log_q = np.log(count)
            if not merged:
                num_negatives = (~hidden).sum(axis=1) - 1
                log_total = np.log(num_draws + num_extra - count[:size])
    q, c = scaled(queries, normalize), scaled(rows, normalize)
    with np.errstate(invalid="ignore"):
        logits = in_batch_logits(q, c, log_q, hidden, temperature, correction != "log_q_2025", num_hard_negatives)
    weight = np.ones(size)
    if correction == "log_q_2025":
        loss, gradient, weight = log_q_2025_loss(logits, log_total, num_negatives)
    else:
        loss, gradient = softmax_loss(logits)
    if loss_grad is not None:
        gradient = gradient * loss_grad[:, np.newaxis]
    of_queries, of_columns = gradient @ c / temperature, gradient.T @ q / temperature
    of_queries, of_columns = (
        through_scaling(gradient, given, normalize) for gradient, given in ((of_queries, queries), (of_columns, rows))
    )
    return loss, of_queries, of_columns, weight
