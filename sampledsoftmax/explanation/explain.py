"""`explain`: a call of `sampled_softmax_loss` that shows its work."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.explanation.numbers import PATHS
from sampledsoftmax.explanation.trace import trace
from sampledsoftmax.explanation.types import Explanation
from sampledsoftmax.losses.arguments import Call, checked_call
from sampledsoftmax.types import Correction

_MOST_NUMBERS = 1 << 18  # of a trace, for which alternatives are made: above it the page has no switches


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
    """Return one batch of sampled softmax, traced: the rows read, what becomes of them, who gets a gradient.

    The result is plain data. `print` shows it as tables, a notebook too, and `save_html(path)` writes a page
    on which a reader follows the batch step by step. All numbers are those of the library: of
    `compute_sampled_logits`, `sampled_softmax_loss_and_grad`, the sampler and `compute_accidental_hits`.

    Parameters
    ----------
    weights : float [num_classes, dim]
        Output weights, in one piece.
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
        Number of labels an example.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts; default: `log_uniform_candidate_sampler`, unique, with `seed`.
    remove_accidental_hits : bool
        Whether a candidate that is a label of an example is left out of that example's sum.
    seed : None, int or (int, int)
        As for `sampled_softmax_loss`. With None one is drawn, and `settings.seed` tells which.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits.
    hit_copies : str
        With a candidate drawn more than once: which copies of a hit are left out, "all" or "last".
    class_names : sequence of str [num_classes], optional
        What to call the classes.
    input_ids : int [batch_size], optional
        Where the inputs are rows of an embedding table with a row a class, as in skip-gram: which rows. They
        are then named, and their gradient is shown by row of that table too.
    also_num_sampled : sequence of int, optional
        Other values of `num_sampled` that the page can switch to; by default half and twice as many. None are
        possible where `sampled_values` are given.
    path : str
        Whose numbers: "compiled" for those of the functions above, to the bit; the first call of a new
        installation compiles them, for about half a minute. "reference" for those of `reference.py`, plain
        NumPy: the same candidates, and the same numbers to rounding, at once.

    Returns
    -------
    Explanation
        The trace, with those of other switches (hits removed or not, log Q subtracted or not, other
        `num_sampled`) in `alternatives`; they are left out where logits and gradient rows are more than 262,144
        numbers.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.

    Examples
    --------
    >>> weights, biases = np.eye(6, 3), np.zeros(6)
    >>> seen = explain(weights, biases, [[1], [2]], np.ones((2, 3)), 4, 6, seed=1, class_names=list("abcdef"))
    >>> [seen.name(i) for i in seen.values.sampled_candidates]
    ['4 e', '1 b', '2 c', '0 a']
    >>> seen.loss.round(4)
    array([1.3026, 1.0782])
    >>> seen.cost[0].read, seen.cost[0].num_rows
    (4, 6)
    """
    validation.choice("path", path, tuple(PATHS))
    arrays, switches = (weights, biases, labels, inputs), Correction(subtract_log_q, remove_accidental_hits, hit_copies)
    if path == "reference" and hit_copies == "last":
        raise ValueError("hit_copies must be 'all' with path='reference', got 'last'")
    known_seed = _known(seed) if sampled_values is None else None

    def call_of(size: Any) -> Call:
        sizes = (size, num_classes, num_true)
        return checked_call(arrays, sizes, sampled_values, switches, known_seed, "div", PATHS[path].draw)

    first = call_of(num_sampled)
    if not first.batch.weights.in_one_piece or (first.batch.biases and not first.batch.biases.in_one_piece):
        raise ValueError("weights and biases must be arrays in one piece to be explained, got a list of shards")
    others = _others(also_num_sampled, first, sampled_values)
    rest = (path, known_seed, _checked_input_ids(input_ids, first), _checked_names(class_names, first))
    seen = trace(first, *rest)
    if seen.raw_logits.size + seen.gradients.weights.values.size > _MOST_NUMBERS:
        return seen
    calls = [first, *map(call_of, others)]
    return seen._replace(alternatives=tuple(trace(call, *rest) for call in _switched(calls)))


def _switched(calls: list[Call]) -> Iterator[Call]:
    """Yield the calls with all switches, but for the first call as it is."""
    for call in calls:
        for subtract in (True, False):
            if subtract and not all((count > 0).all() for count in call.values[1:]):
                continue  # counts were given that have no logarithm
            for remove in (True, False):
                switches = Correction(subtract, remove, call.correction.hit_copies)
                if call is not calls[0] or switches != call.correction:
                    yield call._replace(correction=switches)


def _others(asked: Sequence[int] | None, call: Call, sampled_values: Any) -> list[int]:
    """Return the other numbers of candidates, each once and in order."""
    size, num_classes = call.values.sampled_candidates.size, call.batch.weights.num_rows
    if asked is None:
        asked = [] if sampled_values is not None else [max(size // 2, 1), min(2 * size, num_classes)]
    elif isinstance(asked, str) or not hasattr(asked, "__iter__"):
        raise TypeError(f"also_num_sampled must be a sequence of whole numbers, got {type(asked).__name__} {asked!r}")
    elif sampled_values is not None:
        raise ValueError("also_num_sampled must be left out where sampled_values are given: they are one sample")
    checked = {
        validation.sample_size(f"also_num_sampled[{i}]", n, True, "num_classes", num_classes)
        for i, n in enumerate(asked)
    }
    return sorted(checked - {size})


def _known(seed: Any) -> Any:
    """Return a seed, drawn where there is none: alternatives must start from the same one."""
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
    if isinstance(names, str) or not hasattr(names, "__len__") or not hasattr(names, "__getitem__"):
        raise TypeError(f"class_names must be a sequence of str, got {type(names).__name__}")
    if len(names) != call.batch.weights.num_rows:
        raise ValueError(
            f"class_names must have a name for each of {call.batch.weights.num_rows} classes, got {len(names)}"
        )
    bad = next((i for i, name in enumerate(names) if not isinstance(name, str)), None)
    if bad is not None:
        raise TypeError(f"class_names[{bad}] must be a str, got {type(names[bad]).__name__} {names[bad]!r}")
    return tuple(names)
