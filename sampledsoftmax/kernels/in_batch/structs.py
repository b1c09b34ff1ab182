"""The structs of arrays that the kernels of the in-batch softmax pass on."""

from typing import Any, NamedTuple


class Options(NamedTuple):
    """What is computed.

    Attributes
    ----------
    objective : NamedTuple
        SoftmaxCrossEntropy or LogQ2025 of kernels/loss/objectives.py: its class selects the kernels.
    gradients : bool
    num_columns : int
        Candidates of the batch and extra ones; columns beyond are padding.
    num_hard : int
        How many negatives an example keeps: the largest logits.
    block_rows : int
        Queries that a thread computes at once, a multiple of MR_TAIL.
    """

    objective: Any
    gradients: bool
    num_columns: int
    num_hard: int
    block_rows: int


class Part(NamedTuple):
    """Consecutive queries whose logits are in memory together.

    Attributes
    ----------
    number, first, rows : int
        Number of the part, its first query, and how many.
    """

    number: int
    first: int
    rows: int


class Operands(NamedTuple):
    """What all threads read; panels as in linalg/packing.py.

    Attributes
    ----------
    queries : float [parts, dim panels, part rows, width]
        Queries divided by the temperature.
    columns, columns_t : float [dim panels, columns, width] and [column panels, dim, width]
        Candidates, then extra ones; and transposed.
    zero_or_left_out, log_q : float [column panels, width]
        -inf for a column that only its own query sees, and for padding, else 0; and the correction.
    own_log_q : float [batch_size]
        The correction of the positive; +inf where the positive is in no sum.
    next_equal : int64 [columns]
        A ring of the columns that an example does not see because they equal its own; a column alone is its own next.
    log_total, log_negatives : float [batch_size]
        For LogQ2025: what makes probabilities of the counts, and the log of the number of negatives.
    loss_grad : float [batch_size]
    """

    queries: Any
    columns: Any
    columns_t: Any
    zero_or_left_out: Any
    log_q: Any
    own_log_q: Any
    next_equal: Any
    log_total: Any
    log_negatives: Any
    loss_grad: Any


class Memory(NamedTuple):
    """What is written.

    Attributes
    ----------
    logits, flat_logits : float [column panels, part rows, width] and [column panels, part rows * width]
        Logits of a part, then gradients of the loss with respect to them; two views of one memory.
    query_sums : float [dim panels, part rows, width]
        Gradients of the queries of a part.
    row_max, row_sums : float [threads, block_rows * width]
    largest : float [threads, num_hard]
        A heap of the largest negatives of a row.
    positives, losses : float [batch_size]
        Logits of the positives without log Q; losses.
    query_grad : float [batch_size, dim]
    column_grad : float [column panels, width, dim panels, width]
    """

    logits: Any
    flat_logits: Any
    query_sums: Any
    row_max: Any
    row_sums: Any
    largest: Any
    positives: Any
    losses: Any
    query_grad: Any
    column_grad: Any
