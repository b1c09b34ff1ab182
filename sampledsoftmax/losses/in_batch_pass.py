"""The in-batch softmax of a checked batch: runs the kernels, with their memory and threads."""

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.in_batch.forward import run_part
from sampledsoftmax.kernels.in_batch.rows import gradients_of_rows, pack_columns, pack_queries, scale_rows
from sampledsoftmax.kernels.in_batch.structs import Memory, Operands, Options, Part
from sampledsoftmax.kernels.loss.objectives import LogQ2025, SoftmaxCrossEntropy
from sampledsoftmax.losses.in_batch_arguments import InBatch
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import aligned, panel_width

_PART_BYTES = 16 << 20  # of logits in memory together
_MIN_PART_ROWS = 192
_BLOCK_ROWS = 96
_STEP = 12  # a multiple of the rows of any micro-kernel
_kept = threading.local()  # each thread of the caller keeps the logits of its largest call


@not_a_number(has_arrays=True)
class InBatchGradients(NamedTuple):
    """Gradients of an in-batch loss.

    Attributes
    ----------
    queries : float [batch_size, dim]
        With respect to the queries.
    candidates : float [batch_size, dim]
        With respect to the rows of the candidates, each in all its roles: positive, and negative of others.
    extra_rows : float [num_extra, dim] or None
        With respect to the extra candidates; None without.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> loss, grad = ss.in_batch_softmax_loss_and_grad(np.eye(2), np.eye(2), correction="none")
    >>> grad.candidates.shape, grad.extra_rows
    ((2, 2), None)
    """

    queries: NDArray[Any]
    candidates: NDArray[Any]
    extra_rows: NDArray[Any] | None


class _Scaled(NamedTuple):
    """Rows as the products read them, and 1 / their lengths."""

    rows: NDArray[Any]
    inverse: NDArray[Any]


def losses(batch: InBatch) -> NDArray[Any]:
    """Return the losses [batch_size]."""
    return _run(batch, np.ones(batch.queries.shape[0], batch.queries.dtype), False)[0]


def losses_and_gradients(batch: InBatch, loss_grad: NDArray[Any]) -> tuple[NDArray[Any], InBatchGradients]:
    """Return the losses and the gradients of sum(loss_grad * loss)."""
    of_batch, of_queries, of_rows = _run(batch, loss_grad, True)
    size = of_queries.shape[0]
    extra = of_rows[size:] if batch.has_extra else None
    return of_batch, InBatchGradients(of_queries, of_rows[:size], extra)


def _run(batch: InBatch, loss_grad: NDArray[Any], gradients: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return losses, gradients of the queries, and of the rows."""
    size, dim = batch.queries.shape
    num_columns, dtype = batch.rows.shape[0], batch.queries.dtype
    if size == 0:
        return np.zeros(0, dtype), np.zeros((0, dim), dtype), np.zeros((num_columns, dim), dtype)
    normalize, scale = batch.choices.normalize, dtype.type(1 / batch.choices.temperature)
    queries, rows = _scaled(batch.queries, normalize, scale), _scaled(batch.rows, normalize, dtype.type(1))
    threads = threads_for(size * num_columns * dim)
    part_rows = _rows_of_part(size, num_columns, dtype)
    operands = _operands(batch, queries.rows, rows.rows, loss_grad, part_rows)
    options = _options(batch, gradients, part_rows, threads)
    memory = _memory(options, operands, threads, (size, dim))
    for number, first in enumerate(range(0, size, part_rows)):
        part = Part(number, first, min(part_rows, size - first))
        thread_pool.run(run_part, threads, part, operands, options, memory)
    if not gradients:
        return memory.losses, memory.query_grad, batch.rows
    row_grad = memory.column_grad.reshape(-1, operands.columns.shape[0] * panel_width(dtype))
    row_grad = np.ascontiguousarray(row_grad[:num_columns, :dim])
    gradients_of_rows(memory.query_grad, scale, normalize, batch.queries, queries.inverse)
    gradients_of_rows(row_grad, dtype.type(1), normalize, batch.rows, rows.inverse)
    return memory.losses, memory.query_grad, row_grad


def _rows_of_part(size: int, num_columns: int, dtype: np.dtype[Any]) -> int:
    """Return the queries of a part: whole micro-kernels; it depends on no number of threads, sums follow it."""
    fits = max(_PART_BYTES // (num_columns * dtype.itemsize), _MIN_PART_ROWS)
    return min(round_up(size, _STEP), fits // _STEP * _STEP)


def _scaled(table: NDArray[Any], normalize: bool, factor: Any) -> _Scaled:
    table = np.require(table, requirements=["C", "A", "W", "E"])
    scaled = _Scaled(np.empty_like(table), np.empty(table.shape[0], table.dtype))
    scale_rows(table, normalize, factor, scaled.inverse, scaled.rows)
    return scaled


def _operands(
    batch: InBatch, queries: NDArray[Any], rows: NDArray[Any], loss_grad: NDArray[Any], part_rows: int
) -> Operands:
    dtype, width = queries.dtype, panel_width(queries.dtype)
    (size, dim), num_columns = queries.shape, rows.shape[0]
    depth, panels = ceil_div(dim, width), ceil_div(num_columns, width)
    packed = aligned((ceil_div(size, part_rows), depth, round_up(part_rows, MR_TAIL), width), dtype)
    columns = aligned((depth, panels * width, width), dtype)
    columns_t = aligned((panels, depth * width, width), dtype)
    pack_queries(queries, np.arange(size), part_rows, packed)
    pack_columns(rows, np.arange(num_columns), columns, columns_t)
    zero_or_left_out, log_q = aligned((panels, width), dtype), aligned((panels, width), dtype)
    flat = zero_or_left_out.reshape(-1)
    flat[:num_columns][batch.left_out] = -np.inf
    flat[num_columns:] = -np.inf
    finite = np.where(np.isfinite(batch.log_q), batch.log_q, 0)  # a column that no other query sees
    log_q.reshape(-1)[:num_columns] = finite
    own = finite[:size] if batch.choices.correction != "log_q_2025" else np.full(size, np.inf)
    return Operands(
        packed,
        columns,
        columns_t,
        zero_or_left_out,
        log_q,
        own.astype(dtype),
        batch.next_equal,
        batch.log_total,
        batch.log_negatives,
        np.ascontiguousarray(loss_grad),
    )


def _options(batch: InBatch, gradients: bool, part_rows: int, threads: int) -> Options:
    num_columns, num_hard = batch.rows.shape[0], batch.choices.num_hard
    objective = LogQ2025() if batch.choices.correction == "log_q_2025" else SoftmaxCrossEntropy()
    fewest = round_up(ceil_div(part_rows, 4 * threads), _STEP)  # where a batch is small, threads share it
    kept = num_columns if num_hard is None else min(num_hard, num_columns)
    return Options(objective, gradients, num_columns, kept, min(_BLOCK_ROWS, fewest))


def _memory(options: Options, operands: Operands, threads: int, shape: tuple[int, int]) -> Memory:
    _, depth, part_rows, width = operands.queries.shape
    panels, dtype = operands.log_q.shape[0], operands.queries.dtype
    logits = _logits((panels, part_rows, width), dtype)
    lanes = options.block_rows * width
    heap = options.num_hard if options.num_hard < options.num_columns else 0
    wanted = options.gradients
    return Memory(
        logits,
        logits.reshape(panels, part_rows * width),
        aligned((depth, part_rows, width), dtype),
        aligned((threads, lanes), dtype),
        aligned((threads, lanes), dtype),
        np.zeros((threads, heap), dtype),
        np.zeros(shape[0], dtype),
        np.zeros(shape[0], dtype),
        np.zeros(shape if wanted else (0, shape[1]), dtype),
        aligned((panels if wanted else 0, width, depth, width), dtype),
    )


def _logits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return memory for the logits of a part, that of the last call where it is large enough."""
    size = int(np.prod(shape))
    kept: NDArray[Any] | None = getattr(_kept, "logits", None)
    if kept is None or kept.dtype != dtype or kept.size < size:
        _kept.logits = kept = aligned((size,), dtype)
    return kept[:size].reshape(shape)
