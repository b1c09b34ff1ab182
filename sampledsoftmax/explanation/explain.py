"""`explain`: trace one call of `sampled_softmax_loss`."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.explanation.explanation import Explanation
from sampledsoftmax.explanation.trace import PATHS, trace_call
from sampledsoftmax.losses.arguments import Call, checked_call
from sampledsoftmax.types import Correction

_MOST_OTHERS = 32  # values of num_sampled, each of which is traced four times
_MOST_NUMBERS = 1 << 18  # largest trace for which alternatives are computed; above it the page has no switches


def explain(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
    *,
    subtract_log_q: bool = True,
    hit_copies: str = "all",
    class_names: Sequence[str] | None = None,
    input_ids: ArrayLike | None = None,
    also_num_sampled: Sequence[int] | None = None,
    path: str = "compiled",
) -> Explanation:
    """Trace one batch of sampled softmax: the rows it reads, its logits and loss, the rows that get a gradient.

    The result is plain data. `print` and notebooks show it as tables; `save_html(path)` writes a page that walks
    through the batch step by step. All numbers are computed by the library itself: `compute_sampled_logits`,
    `sampled_softmax_loss_and_grad`, the sampler and `compute_accidental_hits`.

    Parameters
    ----------
    weights : float [num_classes, dim]
        Output weights, not sharded.
    biases : float [num_classes], or None
        Output biases.
    labels : int [batch_size, num_true], or [batch_size] when num_true is 1
        Ids of the true classes, in [0, num_classes).
    inputs : float [batch_size, dim]
        Output of the encoder.
    num_sampled : int
        Number of candidates, shared by the batch; at least 1.
    num_classes : int
        Number of rows of `weights`.
    num_true : int
        Number of labels per example.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts; default: `log_uniform_candidate_sampler`, unique, with `seed`.
    remove_accidental_hits : bool
        Whether a candidate that is a label of an example is excluded from that example's softmax.
    seed : None, int or (int, int)
        As for `sampled_softmax_loss`. With None, a seed is drawn and kept in `settings.seed`.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits.
    hit_copies : str
        For candidates drawn more than once: which copies of a hit are removed, "all" or "last".
    class_names : sequence of str [num_classes], optional
        Names of the classes. The views cut them to 80 characters and write what cannot be printed as an escape.
    input_ids : int [batch_size], optional
        If the inputs are rows of an embedding table with one row per class, as in skip-gram: the ids of these rows.
        The inputs then have names, and their gradient is also summed by row of that table.
    also_num_sampled : sequence of int, optional
        Other values of `num_sampled` that the page can switch to, at most 32; by default, half and twice as many. Not
        allowed together with `sampled_values`.
    path : str
        Which implementation computes the numbers. "compiled": the functions above, to the bit; the first call of a
        new installation compiles them, which takes about half a minute. "reference": `reference.py`, plain NumPy;
        the same candidates, and the same numbers up to rounding, without compilation.

    Returns
    -------
    Explanation
        The trace. `alternatives` holds the traces with other settings (hits removed or not, log Q subtracted or
        not, other `num_sampled`); it is empty if logits and gradient rows have more than 262,144 numbers. Numbers that
        are NaN or infinite are shown as such.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range.

    Examples
    --------
    >>> weights, biases = np.eye(6, 3), np.zeros(6)
    >>> trace = explain(weights, biases, [[1], [2]], np.ones((2, 3)), 4, 6, seed=1, class_names=list("abcdef"))
    >>> [trace.name(i) for i in trace.values.sampled_candidates]
    ['4 e', '1 b', '2 c', '0 a']
    >>> trace.loss.round(4)
    array([1.3026, 1.0782])
    >>> trace.cost[0].read, trace.cost[0].num_rows
    (4, 6)
    """
    validation.choice("path", path, tuple(PATHS))
    for name, array in (("weights", weights), ("biases", biases), ("labels", labels), ("inputs", inputs)):
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{name} must be an array without a mask: write {name}.filled(...)")
    arrays, switches = (weights, biases, labels, inputs), Correction(subtract_log_q, remove_accidental_hits, hit_copies)
    if path == "reference" and hit_copies == "last":
        raise ValueError("hit_copies must be 'all' with path='reference', got 'last'")
    known_seed = _known_seed(seed) if sampled_values is None else None

    def call_of(size: Any) -> Call:
        sizes = (size, num_classes, num_true)
        return checked_call(arrays, sizes, sampled_values, switches, known_seed, "div", PATHS[path].draw)

    first = call_of(num_sampled)
    if not first.batch.weights.in_one_piece or (first.batch.biases and not first.batch.biases.in_one_piece):
        raise ValueError("weights and biases must be single arrays to be explained, got a list of shards")
    others = _others(also_num_sampled, first, sampled_values)
    rest = (path, known_seed, _checked_input_ids(input_ids, first), _checked_names(class_names, first))
    trace = Explanation(*trace_call(first, *rest))
    if trace.raw_logits.size + trace.gradients.weights.values.size > _MOST_NUMBERS:
        return trace
    calls = [first, *map(call_of, others)]
    return trace._replace(alternatives=tuple(Explanation(*trace_call(call, *rest)) for call in _switched(calls)))


def _switched(calls: list[Call]) -> Iterator[Call]:
    """Yield each call with all settings of the switches, except the first call as given."""
    for call in calls:
        for subtract in (True, False):
            if subtract and not all((count > 0).all() for count in call.values[1:]):
                continue  # counts of zero were given: they have no logarithm
            for remove in (True, False):
                switches = Correction(subtract, remove, call.correction.hit_copies)
                if call is not calls[0] or switches != call.correction:
                    yield call._replace(correction=switches)


def _others(requested: Sequence[int] | None, call: Call, sampled_values: Any) -> list[int]:
    """Return the other values of `num_sampled`, sorted and without duplicates."""
    size, num_classes = call.values.sampled_candidates.size, call.batch.weights.num_rows
    if requested is None:
        requested = [] if sampled_values is not None else [max(size // 2, 1), min(2 * size, num_classes)]
    elif isinstance(requested, str) or not (hasattr(requested, "__iter__") and hasattr(requested, "__len__")):
        raise TypeError(f"also_num_sampled must be a sequence of whole numbers, got {validation.described(requested)}")
    elif len(requested) > _MOST_OTHERS:
        raise ValueError(f"also_num_sampled must have at most {_MOST_OTHERS} numbers, got {len(requested)}")
    elif sampled_values is not None:
        raise ValueError("also_num_sampled must be omitted if sampled_values are given: they are one sample")
    checked = {
        validation.sample_size(f"also_num_sampled[{i}]", n, True, "num_classes", num_classes)
        for i, n in enumerate(requested)
    }
    return sorted(checked - {size})


def _known_seed(seed: Any) -> Any:
    """Return the seed, or a random one if it is None: all alternatives must start from the same seed."""
    validation.seeds(seed)
    if seed is None:
        return secrets.randbelow(validation.MAX_INT32), secrets.randbelow(validation.MAX_INT32)
    return tuple(map(int, seed)) if isinstance(seed, (tuple, list)) else int(seed)


def _checked_input_ids(input_ids: ArrayLike | None, call: Call) -> NDArray[np.int64] | None:
    if input_ids is None:
        return None
    return validation.ids("input_ids", input_ids, (call.batch.inputs.shape[0],), call.batch.weights.num_rows)


def _checked_names(names: Sequence[str] | None, call: Call) -> tuple[str, ...] | None:
    if names is None:
        return None
    is_sequence = hasattr(names, "__len__") and hasattr(names, "__getitem__")
    if isinstance(names, (str, bytes, Mapping)) or not is_sequence:
        raise TypeError(f"class_names must be a sequence of str, got {type(names).__name__}")
    if len(names) != call.batch.weights.num_rows:
        raise ValueError(
            f"class_names must have a name for each of {call.batch.weights.num_rows} classes, got {len(names)}"
        )
    copied = tuple(names)
    bad = next((i for i, name in enumerate(copied) if not isinstance(name, str)), None)
    if bad is not None:
        raise TypeError(f"class_names[{bad}] must be a str, got {validation.described(copied[bad])}")
    return copied
