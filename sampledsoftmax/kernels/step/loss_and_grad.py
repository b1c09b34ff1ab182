"""A loss and its gradients over a batch: three phases, run by the threads of the pool."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.hash_table import clear
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.similarity import by_input, class_gradient
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients, pack_candidates
from sampledsoftmax.kernels.step.forward import run_examples
from sampledsoftmax.kernels.step.id_groups import insert_candidates, look_up_groups
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk


@jit
def run_loss_and_grad(
    thread_id, num_threads, shared, operands, class_ids, label_ids, settings, scratch, buffers, row_grad, bias_grad
):
    """Compute logits, losses and gradients, as far as `settings` asks for them.

    Results are left in `scratch`, except the gradients of rows, which are written in TensorFlow's order: labels example
    by example, then candidates. row_grad is [num_labels + num_sampled, dim], bias_grad [num_labels + num_sampled].
    """
    if thread_id == 0:
        size = clear(scratch.hash_keys, class_ids.size)
        insert_candidates(class_ids, scratch.hash_keys, scratch.hash_values, size, scratch.previous_copy)
        look_up_groups(label_ids, scratch.hash_keys, scratch.hash_values, size, scratch.group_of_label)
    pack_candidates(thread_id, num_threads, operands, settings, scratch)
    if not barrier(shared, num_threads):
        return
    if not run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers):
        return
    if settings.gradients:
        _write_classes(thread_id, shared, operands, settings, scratch, buffers, row_grad, bias_grad)
        _write_labels(thread_id, num_threads, operands, settings, scratch, row_grad, bias_grad)
    barrier(shared, num_threads)


@jit
def _write_classes(thread_id, shared, operands, settings, scratch, buffers, row_grad, bias_grad):
    """Write the gradients of the candidates, a chunk of panels at a time."""
    rows = round_up(operands.input_ids.size, MR_TAIL)
    width = width_of(scratch.packed_candidates)
    num_labels, num_sampled = operands.true_ids.size, operands.sampled_ids.size
    num_panels = ceil_div(num_sampled, width)
    first = next_chunk(shared, CLASS_CHUNKS) * settings.class_panels
    while first < num_panels:
        last = min(first + settings.class_panels, num_panels)
        candidate_gradients(first, last, rows, scratch, buffers.candidate_grad[thread_id])
        for s in range(first * width, min(last * width, num_sampled)):
            bias_grad[num_labels + s] = scratch.bias_sums[s // width, s % width]
            for d in range(row_grad.shape[1]):
                row_grad[num_labels + s, d] = buffers.flat_candidate_grad[thread_id, s - first * width, d]
            class_gradient(
                settings.similarity, row_grad, num_labels + s, operands.sampled_weights, operands.sampled_ids[s]
            )
        first = next_chunk(shared, CLASS_CHUNKS) * settings.class_panels


@jit
def _write_labels(thread_id, num_threads, operands, settings, scratch, row_grad, bias_grad):
    """Write the gradients of the labels of every num_threads-th example."""
    for b in range(thread_id, operands.input_ids.size, num_threads):
        features = operands.inputs[operands.input_ids[b]]
        scale = by_input(settings.similarity, row_grad.dtype.type(1), operands.inputs, operands.input_ids[b])
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            factor = scratch.true_grad[i]
            bias_grad[i] = factor
            for d in range(features.size):
                row_grad[i, d] = factor * (features[d] * scale)
            class_gradient(settings.similarity, row_grad, i, operands.true_weights, operands.true_ids[i])
