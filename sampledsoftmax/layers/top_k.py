"""Exact top k over all classes, one block of classes at a time, for serving."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.full.top_k import NO_CLASS, Best, run_merge, run_top_k
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.full_pass import FullPass
from sampledsoftmax.types import Similarity

# Classes per block; Ctrl-C takes effect between two blocks.
BLOCK = 4096


@np.errstate(over="ignore", invalid="ignore")  # NaN is reported
def top_k(batch: Batch, k: int, similarity: Similarity) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return ids and logits [batch_size, k] of the k largest logits of each row, in descending order.

    Among equal logits the smaller id is first. The labels of the batch are not used.
    """
    classes = FullPass(batch, similarity, BLOCK)
    # With few examples, threads split the classes, and their heaps are merged; with many, that would be more work.
    splits = 1 if classes.num_groups >= 4 * classes.num_threads else classes.num_threads
    shape = (splits, batch.inputs.shape[0], k)
    best = Best(
        logits=np.full(shape, -np.inf, batch.inputs.dtype),
        ids=np.full(shape, NO_CLASS),
        has_nan=np.zeros(shape[:2], np.bool_),
    )
    buffers = classes.buffers()
    for block in classes.blocks():
        classes.run(run_top_k, block, classes.panels, buffers, best)
        _refuse_nan(best.has_nan, block.first, block.first + block.weights.shape[0])
    classes.run(run_merge, best)
    return best.ids[0], best.logits[0]


def _refuse_nan(has_nan: NDArray[np.bool_], first: int, last: int) -> None:
    if has_nan.any():
        row = int(has_nan.any(axis=0).argmax())
        raise FloatingPointError(
            f"inputs[{row}] has a logit that is NaN, of a class in [{first}, {last}): it has no order"
        )
