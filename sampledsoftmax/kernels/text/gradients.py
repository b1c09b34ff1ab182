"""The gradients of the rows that a shard uses, as sums over its batch, in chunks for the threads of its group."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.packed_rows import add_to_rows
from sampledsoftmax.kernels.linalg.packing import clear_row, width_of
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, next_chunk


@jit
def sum_gradients(size, first_label, center_is_input, shard):
    """Take chunks until none is left: panels of candidates first, then other labels, then inputs."""
    sizes, width = shard.scratch.sizes, width_of(shard.class_rows)
    class_chunks = ceil_div(sizes[NUM_CLASS_GROUPS], width)
    num_chunks = class_chunks + ceil_div(sizes[NUM_INPUT_GROUPS], width)
    chunk = next_chunk(shard.counters, CLASS_CHUNKS)
    while chunk < num_chunks:
        if chunk < class_chunks:
            _sum_classes(chunk, size, first_label, shard)
        else:
            _sum_inputs(chunk - class_chunks, center_is_input, shard)
        chunk = next_chunk(shard.counters, CLASS_CHUNKS)


@jit
def _sum_classes(chunk, size, first_label, shard):
    """Write the gradients of a panel of classes: as candidates, then as labels in the order of the batch."""
    scratch, rows, entries, width = shard.scratch, shard.class_rows, shard.class_entries, width_of(shard.class_rows)
    first, end = chunk * width, min((chunk + 1) * width, scratch.sizes[NUM_CLASS_GROUPS])
    if first < first_label:
        candidate_gradients(chunk, chunk + 1, round_up(size, MR_TAIL), scratch, rows[first:])
        for c in range(width):
            entries[first + c, 0] = scratch.bias_sums[chunk, c]
    else:
        for u in range(first, end):
            entries[u, 0] = 0
            clear_row(rows, u)
    inputs, factors, example_of = scratch.inputs, scratch.true_grad, shard.examples.example_of_label
    heads, next_of = scratch.class_groups.head, scratch.class_groups.next
    for u in range(first, end):
        i = heads[u]
        while i >= 0:
            entries[u, 0] += factors[i]
            add_to_rows(rows, u, factors[i], inputs, example_of[i])
            i = next_of[i]


@jit
def _sum_inputs(chunk, center_is_input, shard):
    """Write the gradients of rows of inputs; one of n inputs of an example gets an n-th of its gradient."""
    scratch, rows, width = shard.scratch, shard.input_rows, width_of(shard.input_rows)
    first, end = chunk * width, min((chunk + 1) * width, scratch.sizes[NUM_INPUT_GROUPS])
    example_of, starts = shard.examples.example_of_input, shard.examples.input_starts
    heads, next_of = scratch.input_groups.head, scratch.input_groups.next
    for u in range(first, end):
        clear_row(rows, u)
        j = heads[u]
        while j >= 0:
            b, share = example_of[j], rows.dtype.type(1)
            if not center_is_input:
                share /= rows.dtype.type(starts[b + 1] - starts[b])
            add_to_rows(rows, u, share, scratch.input_sums, b)
            j = next_of[j]
