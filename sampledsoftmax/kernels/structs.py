"""The structs of arrays and settings that the kernels of a step pass on."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct


class StepSettings(NamedTuple):
    """What a step computes.

    Attributes
    ----------
    objective : NamedTuple
        Parameters of the objective; its class selects the kernels of the loss, see kernels/loss/objectives.py.
    similarity : NamedTuple
        Its class selects what a logit is before biases: dot product or cosine, see kernels/linalg/similarity.py.
    gradients : bool
        Whether gradients are wanted.
    subtract_log_q, remove_hits, last_copy_only : bool
        The correction of the logits.
    num_true : int
    class_panels : int
        Panels of candidates in a chunk of work.
    """

    objective: Any
    similarity: Any
    gradients: bool
    subtract_log_q: bool
    remove_hits: bool
    last_copy_only: bool
    num_true: int
    class_panels: int


class Operands(NamedTuple):
    """The rows of a batch: tables, and ids of rows in them.

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


class Block(NamedTuple):
    """A block of examples that one thread computes at once.

    Attributes
    ----------
    top, rows : int
        The examples top .. top + rows.
    padded : int
        `rows` rounded up to a multiple of MR_TAIL: the rows that micro-kernels compute.
    num_panels, num_sampled : int
        Panels of candidates, and candidates.
    """

    top: int
    rows: int
    padded: int
    num_panels: int
    num_sampled: int


class IdGroups(ArrayStruct):
    """Occurrences of equal ids, as linked lists: group u has the id ids[u] and occurs at head[u], next[head[u]], ...

    A list ends with -1. Occurrences are in increasing order; tail[u] is the last one.
    """

    ids: Any
    head: Any
    next: Any
    tail: Any


class Scratch(ArrayStruct):
    """Working memory of a step that all threads share; panels as in kernels/linalg/packing.py.

    An array that changes its meaning from phase to phase has a name for each: the names share one memory.

    Attributes
    ----------
    inputs, input_sums : float [dim panels, rows, width]
        The inputs; gradients of the logits . sampled weights.
    sampled_logits, sampled_grad : float [candidate panels, rows, width]
        Logits of the candidates, then gradients of the loss with respect to them. One memory, also `sampled_exp`.
    sampled_exp : float [candidate panels, rows * width]
        Between the two: exp(logit - largest of the row), or sigmoids.
    packed_candidates, packed_candidates_t : float [dim panels, candidates, width] and [candidate panels, dim, width]
        The sampled weights as packed operands, and transposed.
    biases, log_q : float [candidate panels, width]
        Biases, -inf in padding columns; logs of expected counts, or zeros.
    bias_sums : float [candidate panels, width]
        Gradients of the candidates' biases.
    true_logits, true_grad : float [batch_size * num_true]
        Logits of the labels, then gradients of the loss with respect to them. One memory.
    losses, loss_grad : float [batch_size]
    input_grad : float [batch_size, dim]
    true_counts, sampled_counts : float32 [batch_size * num_true], [num_sampled]
        Expected counts.
    candidates : int64 [num_sampled]
    group_of_label, group_of_input : int64 [batch_size * num_true], [batch_size]
        Index of the group of equal ids, see id_groups.py.
    previous_copy : int64 [num_sampled]
        The copy of the same candidate before this one, or -1.
    hash_keys, hash_values : int64
        Two hash tables, one in each half: for classes and for inputs.
    cursor : uint64 [8]
        Position in the random stream.
    sizes : int64 [4]
        NUM_TRIES of the sample, NUM_CLASS_GROUPS, NUM_INPUT_GROUPS.
    class_groups, input_groups : IdGroups
        Groups of equal classes: the candidates, one each, then other labels. Groups of equal inputs.
    """

    inputs: Any
    input_sums: Any
    sampled_logits: Any
    sampled_exp: Any
    sampled_grad: Any
    packed_candidates_t: Any
    packed_candidates: Any
    biases: Any
    log_q: Any
    bias_sums: Any
    true_logits: Any
    true_grad: Any
    losses: Any
    loss_grad: Any
    input_grad: Any
    true_counts: Any
    sampled_counts: Any
    candidates: Any
    group_of_label: Any
    group_of_input: Any
    previous_copy: Any
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
    row_max : float [threads, BLOCK_ROWS * width]
        Largest logit of a row, in each SIMD lane or the same in all.
    row_scales : float [threads, BLOCK_ROWS * width]
        Sums over a row, lane by lane, then what turns its exponentials into gradients, in all lanes.
    row_logits, row_grad, label_grad : float [threads, num_true + num_sampled]
        One row of logits, its gradient, and a sum of gradients, for objectives that see a whole row.
    candidate_grad, flat_candidate_grad : float [threads, class_panels * width, dim panels, width]
        And [threads, class_panels * width, dim panels * width], the same memory: gradients of rows of weights.
    row : float [threads, dim panels * width]
    entry : float [threads, 1]
        Gradients of one row and of one bias.
    """

    row_max: Any
    row_scales: Any
    row_logits: Any
    row_grad: Any
    label_grad: Any
    candidate_grad: Any
    flat_candidate_grad: Any
    row: Any
    entry: Any


NUM_TRIES, NUM_CLASS_GROUPS, NUM_INPUT_GROUPS = range(3)
