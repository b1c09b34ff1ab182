"""The structs of arrays and settings of a step over ragged labels."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.kernels.step.train import TrainedTables
from sampledsoftmax.kernels.structs import Scratch, ThreadBuffers


class RaggedSettings(NamedTuple):
    """What a step computes.

    Attributes
    ----------
    temperature, inverse_temperature : float
        In the dtype of the tables.
    normalize : bool
        Whether rows are divided by their lengths before the product.
    subtract_log_q, unique : bool
        Whether logs of expected counts are subtracted; whether candidates are drawn without replacement.
    learn_inputs, has_biases : bool
        Whether the inputs are rows of a table that is trained; whether classes have biases.
    class_panels, labels_at_once : int
        Panels of candidates, and other labels, whose rows are updated in a chunk of work.
    """

    temperature: Any
    inverse_temperature: Any
    normalize: bool
    subtract_log_q: bool
    unique: bool
    learn_inputs: bool
    has_biases: bool
    class_panels: int
    labels_at_once: int


class RaggedRules(NamedTuple):
    """The update rule of each table."""

    inputs: Any
    weights: Any
    biases: Any


class RaggedOperands(NamedTuple):
    """The rows of a batch: tables, and ids of rows in them.

    Attributes
    ----------
    inputs, input_ids : float [*, dim] and int64 [batch_size]
    weights, labels : float [num_classes, dim] and int64 [num_labels]
    """

    inputs: Any
    input_ids: Any
    weights: Any
    labels: Any


class RaggedExamples(ArrayStruct):
    """The labels of a batch by example, and what is known of each class and each input.

    Class u is candidate u, or, from the first whole panel after the candidates on, a label that was not drawn.

    Attributes
    ----------
    starts : int64 [batch_size + 1]
        The labels of example b are starts[b] .. starts[b + 1] of those of the batch.
    example_of : int64 [num_labels]
    place : int64 [num_classes]
        A sparse set: class c has the group u = place[c] if class_groups.ids[u] is c; see groups.py.
    copies : int64 [num_sampled]
        How often a candidate was drawn, at its first copy; 0 at the others.
    counts : float32 [classes]
        Expected counts.
    offsets : float [classes]
        Bias - log Q.
    norms, input_norms : float [classes], [batch_size]
        Lengths of rows.
    scales : float [batch_size, padded]
        What turns the exponentials of a row of candidates into gradients of the logits.
    losses : float64 [batch_size]
        Sums over the labels of each example.
    """

    starts: Any
    example_of: Any
    place: Any
    copies: Any
    counts: Any
    offsets: Any
    norms: Any
    input_norms: Any
    scales: Any
    losses: Any


class RaggedMemory(ArrayStruct):
    """All arrays that stay from one step to the next."""

    tables: TrainedTables
    scratch: Scratch
    buffers: ThreadBuffers
    examples: RaggedExamples


class RaggedTurns(ArrayStruct):
    """The memory of the first step of a call and of the second; later steps take turns.

    The batch of a step is prepared while rows of the step before are updated: see `prepared_apart` of ragged_memory.py
    for the arrays that the two do not share.
    """

    first: RaggedMemory
    second: RaggedMemory
