"""Training on a text: readers take gradients from the same tables, then all of them are applied, by owners of rows.

The number of readers is fixed, each has its own part of the text and its own candidates. A thread does the work of one
or more readers, and then updates the rows that it owns, with the gradients of one reader after the other. So the
number of threads decides who computes, and no bit of a result.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.kernels import candidates
from sampledsoftmax.kernels.bundles import CLASS_SLOTS, INPUT_SLOTS, TRIES
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.reader import EXAMPLES, LOSS, PAIRS, read_batch
from sampledsoftmax.kernels.team import meet
from sampledsoftmax.kernels.text import read_page
from sampledsoftmax.kernels.train import FINISHED, NOT_FINITE, TOO_FEW_CLASSES, Draw
from sampledsoftmax.kernels.updates import update_row
from sampledsoftmax.machine.atomics import fetch_to_read, fetch_to_write

_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)
_ROWS_AHEAD = 6  # rows asked for before they are needed, against the latency of memory
# Sixteen rows beside one another have one owner: threads that write to one line of the cache wait for it.
_BITS_OF_NEIGHBOURS = 4


class Block(NamedTuple):
    """A part of an epoch that is trained in one call.

    Attributes
    ----------
    first, last : int64 [readers]
        Positions in the text.
    seed, stream : uint64
        Where the random numbers of the text come from.
    batch_size : int
        Words that a reader takes at a time, at most.
    learn_biases : bool
    """

    first: Any
    last: Any
    seed: Any
    stream: Any
    batch_size: int
    learn_biases: bool


@jit
def train_text(part, parts, shared, trained, rule, text, block, draw, settings, desks, lanes, sums, status):
    """Train on one block; sums[LOSS], sums[PAIRS] and sums[EXAMPLES] are added to.

    status[0] becomes FINISHED, NOT_FINITE (no table was changed by that step) or TOO_FEW_CLASSES; status[1] is
    the number of steps that were taken.
    """
    readers = len(desks)
    first_reader, end_of_readers = readers * part // parts, readers * (part + 1) // parts
    for k in range(first_reader, end_of_readers):
        read_page(text, block.seed, block.stream, block.first[k], block.last[k], desks[k].page)
    if not meet(shared, parts, 1):
        return
    steps = 0
    for k in range(readers):
        bounds = desks[k].page.bounds
        steps = max(steps, -(-(bounds[2] - bounds[1]) // block.batch_size))
    for step in range(steps):
        for k in range(first_reader, end_of_readers):
            desk = desks[k]
            place = draw.block + np.uint64(step * readers + k) * np.uint64(desk.scratch.candidates.size) * _BLOCKS
            first, words = desk.page.bounds[1], desk.page.bounds[2] - desk.page.bounds[1]
            read_batch(
                first + words * step // steps, first + words * (step + 1) // steps, trained, text,
                Draw(draw.distribution, draw.seed, draw.stream, place), settings, desk,
                lanes.maxima[part], lanes.sums[part],
            )  # fmt: skip
        if not meet(shared, parts, 2 + 2 * step):
            return
        verdict = _verdict(desks)
        if verdict != FINISHED:
            status[0] = verdict
            return
        for k in range(readers):
            _update(part, parts, trained, rule, block.learn_biases, desks[k])
        if part == 0:
            _take_stock(desks, draw.distribution, sums)
            status[1] = step + 1
        if not meet(shared, parts, 3 + 2 * step):
            return


@jit
def _verdict(desks):
    for k in range(len(desks)):
        if desks[k].scratch.sizes[TRIES] < 0:
            return TOO_FEW_CLASSES
        if not math.isfinite(desks[k].totals[LOSS]):
            return NOT_FINITE
    return FINISHED


@jit
def _update(part, parts, trained, rule, learn_biases, desk):
    """Apply the gradients of a reader to the rows that this thread owns."""
    scratch = desk.scratch
    ids = scratch.examples.ids[: scratch.sizes[INPUT_SLOTS]]
    table, slot, rows = trained.inputs, trained.inputs_slot, desk.flat_input_rows
    for u in range(ids.size):
        _ask_ahead(part, parts, table, slot, rows, ids, u)
        if _owns(part, parts, ids[u]):
            update_row(rule, table, slot, ids[u], rows, u)
    ids = scratch.classes.ids[: scratch.sizes[CLASS_SLOTS]]
    table, slot, rows = trained.weights, trained.weights_slot, desk.flat_class_rows
    biases, biases_slot, entries = trained.biases, trained.biases_slot, desk.class_entries
    for u in range(ids.size):
        _ask_ahead(part, parts, table, slot, rows, ids, u)
        if ids[u] >= 0 and _owns(part, parts, ids[u]):
            update_row(rule, table, slot, ids[u], rows, u)
            if learn_biases:
                update_row(rule, biases, biases_slot, ids[u], entries, u)


@jit
def _owns(part, parts, row):
    return parts == 1 or (row >> _BITS_OF_NEIGHBOURS) % parts == part


@jit
def _ask_ahead(part, parts, table, slot, rows, ids, u):
    if u + _ROWS_AHEAD < ids.size:
        row = ids[u + _ROWS_AHEAD]
        if row >= 0 and _owns(part, parts, row):
            fetch_to_write(table, row)
            if slot.shape[0] > 0:
                fetch_to_write(slot, row)
            if parts > 1:
                fetch_to_read(rows, u + _ROWS_AHEAD)


@jit
def _take_stock(desks, distribution, sums):
    """Add up what the readers have done, and let the distribution learn their labels."""
    for k in range(len(desks)):
        desk = desks[k]
        for i in (LOSS, PAIRS, EXAMPLES):
            sums[i] += desk.totals[i]
        candidates.learn(distribution, desk.examples.label_ids[: np.int64(desk.totals[PAIRS])])
