"""The classes of the largest logits, exactly, a block of classes at a time, for serving."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.full.top_k import NO_CLASS, Best, run_join, run_top_k
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.full_pass import AllClasses

# Classes a block: Ctrl-C is heard between two of them.
BLOCK = 4096


@np.errstate(over="ignore", invalid="ignore")  # NaN is looked for
def top_k(batch: Batch, k: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return ids and logits [batch_size, k] of the k largest logits of each row, the best first.

    Of equal logits the smaller id comes first. Labels are not looked at.
    """
    classes = AllClasses(batch, BLOCK)
    # Few examples are shared out by classes, into heaps that are joined; with many that would be more work.
    shares = 1 if classes.num_groups >= 4 * classes.parts else classes.parts
    shape = (shares, batch.inputs.shape[0], k)
    best = Best(
        logits=np.full(shape, -np.inf, batch.inputs.dtype),
        ids=np.full(shape, NO_CLASS),
        has_nan=np.zeros(shape[:2], np.bool_),
    )
    buffers = classes.buffers()
    for block in classes.blocks():
        classes.run(run_top_k, block, classes.panels, buffers, best)
        _refuse_nan(best.has_nan, block.first, block.first + block.weights.shape[0])
    classes.run(run_join, best)
    return best.ids[0], best.logits[0]


def _refuse_nan(has_nan: NDArray[np.bool_], first: int, last: int) -> None:
    if has_nan.any():
        row = int(has_nan.any(axis=0).argmax())
        raise FloatingPointError(
            f"inputs[{row}] has a logit that is NaN, of a class in [{first}, {last}): it has no order"
        )
