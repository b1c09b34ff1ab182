"""The bundles of arrays that the kernels of a step pass on."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct


class Settings(NamedTuple):
    """What is computed; the class says of which objective.

    Attributes
    ----------
    gradients : bool
        Whether gradients are wanted.
    subtract_log_q, remove_hits, last_copy_only : bool
        The correction of the logits.
    num_true : int
    class_panels : int
        Panels of candidates a task.
    """

    gradients: bool
    subtract_log_q: bool
    remove_hits: bool
    last_copy_only: bool
    num_true: int
    class_panels: int


class ForLogits(Settings):
    """Stop before a loss."""


class ForSampledSoftmax(Settings):
    """Softmax cross-entropy."""


class ForNCE(Settings):
    """Sigmoid cross-entropy."""


class Operands(NamedTuple):
    """Where the rows of a batch are: tables, and ids of rows in them.

    Attributes
    ----------
    inputs, input_ids : float [*, dim] and int64 [batch_size]
    true_weights, true_biases, true_ids : float [*, dim], float [*], int64 [batch_size * num_true]
    sampled_weights, sampled_biases, sampled_ids : float [*, dim], float [*], int64 [num_sampled]
    """

    inputs: Any
    input_ids: Any
    true_weights: Any
    true_biases: Any
    true_ids: Any
    sampled_weights: Any
    sampled_biases: Any
    sampled_ids: Any


class IdGroups(ArrayStruct):
    """Equal ids: group u has the id ids[u] and the places first[u], next[first[u]], ... until -1."""

    ids: Any
    first: Any
    next: Any
    last: Any


class Scratch(ArrayStruct):
    """Memory of a step that all threads share; panels as in panels.py.

    Attributes
    ----------
    inputs, input_sums : float [dim panels, rows, width]
        The inputs; gradients of the logits . sampled weights.
    exponentials, flat_exponentials : float [candidate panels, rows, width] and [candidate panels, rows * width]
        Logits, then exp(logit - largest of the row), then gradients of the logits; two views of one memory.
    packed_candidates_t, packed_candidates : float [candidate panels, dim, width] and [dim panels, candidates, width]
        The sampled weights, transposed and not.
    biases, log_q : float [candidate panels, width]
        Biases, -inf behind the last candidate; logs of expected counts, or zeros.
    bias_sums : float [candidate panels, width]
    true_logits : float [batch_size * num_true]
        Logits, then gradients of them.
    losses, loss_grad : float [batch_size]
    input_grad : float [batch_size, dim]
    true_counts, sampled_counts : float32 [batch_size * num_true], [num_sampled]
        Expected counts.
    group_of_label, group_of_input, earlier : int64 [batch_size * num_true], [batch_size], [num_sampled]
        See duplicates.py.
    hash_keys, hash_values : int64
        Hash tables: one, or from the middle on another.
    cursor : uint64 [8]
        Position in the random stream.
    sizes : int64 [4]
        Draws of the sample, class slots, input slots.
    """

    inputs: Any
    input_sums: Any
    exponentials: Any
    flat_exponentials: Any
    packed_candidates_t: Any
    packed_candidates: Any
    biases: Any
    log_q: Any
    bias_sums: Any
    true_logits: Any
    losses: Any
    loss_grad: Any
    input_grad: Any
    true_counts: Any
    sampled_counts: Any
    candidates: Any
    group_of_label: Any
    group_of_input: Any
    earlier: Any
    hash_keys: Any
    hash_values: Any
    cursor: Any
    sizes: Any
    class_groups: IdGroups
    input_groups: IdGroups


class ThreadBuffers(ArrayStruct):
    """Memory of each thread, by its number.

    Attributes
    ----------
    maxima, sums : float [threads, BLOCK_ROWS * width]
    candidate_grad, flat_candidate_grad : float [threads, class_panels * width, dim panels, width]
        And [threads, class_panels * width, dim panels * width], the same memory.
    row : float [threads, dim panels * width]
    entry : float [threads, 1]
    """

    maxima: Any
    sums: Any
    candidate_grad: Any
    flat_candidate_grad: Any
    row: Any
    entry: Any


NUM_TRIES, NUM_CLASS_GROUPS, NUM_INPUT_GROUPS = range(3)
