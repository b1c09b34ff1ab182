"""The order of operations of an in-batch softmax, in sentences about one batch."""

import numpy as np

from sampledsoftmax.explanation.in_batch_trace import InBatchTrace
from sampledsoftmax.explanation.text import counted


def order_of_operations(found: InBatchTrace) -> list[str]:
    """Return one sentence for each operation, from the product of query and column to the loss."""
    return [
        _product(found),
        f"The product is divided by the temperature, {found.choices.temperature:g}.",
        _correction(found),
        _left_out(found),
        *_hard_negatives(found),
        _loss(found),
    ]


def _product(found: InBatchTrace) -> str:
    size, num_columns = found.logits.shape
    extra = num_columns - size
    columns = counted(num_columns, "column") + (f" ({extra:,} extra)" if extra else "")
    scaled = "cosine, so both are scaled to length 1 first" if found.choices.normalize else "dot product"
    queries = f"{size:,} {'query' if size == 1 else 'queries'}"
    return f"Each of {queries} is multiplied with each of {columns}: a {scaled}."


def _correction(found: InBatchTrace) -> str:
    if found.choices.correction == "none":
        return "No log Q is subtracted: the correction is `none`, and frequent items lose by being frequent."
    whose = "every negative, but not from the positive" if found.choices.correction == "log_q_2025" else "every column"
    return f"log Q is subtracted from {whose}; Q is how often the column's id is expected among the columns."


def _left_out(found: InBatchTrace) -> str:
    gone = found.hits & np.isneginf(found.logits)
    kept = int(found.hits.sum() - gone.sum())
    reasons = [
        (int(gone.sum()), "accidental hit", "the id of the query's own positive in another column"),
        (int(found.merged.sum()), "merged column", "a copy of an earlier column, which only its own query sees"),
    ]
    left = [f"{counted(number, noun)} ({meaning})" for number, noun, meaning in reasons if number]
    sentence = f"What is left out gets -inf: {' and '.join(left) or 'nothing here'}."
    if kept:
        sentence += f" {counted(kept, 'accidental hit')} stayed in: a query is pushed away from its own positive."
    return sentence


def _hard_negatives(found: InBatchTrace) -> list[str]:
    if found.choices.num_hard is None:
        return []
    return [f"Of the negatives that are left, each query keeps the {found.choices.num_hard:,} with the largest logits."]


def _loss(found: InBatchTrace) -> str:
    if found.choices.correction == "log_q_2025":
        return (
            "The loss of a row is the log of the sum of exp over the negatives, minus the outlined logit, weighted by"
            " one minus the probability of the positive."
        )
    return "Softmax runs along each row. The loss is minus the log of the outlined positive's probability."
