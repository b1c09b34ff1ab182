"""The arguments of the in-batch softmax, checked, and the columns that follow from them: log Q, equal ids."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.counted import Selection, without_padding
from sampledsoftmax.losses.retrieval_objectives import CORRECTIONS
from sampledsoftmax.not_a_number import not_a_number

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@not_a_number(has_arrays=True)
class ExtraCandidates(NamedTuple):
    """Negatives beside those of the batch, for `in_batch_softmax_loss`: drawn by a sampler, or found elsewhere.

    Q of a column is the expected count in the whole mixture, whichever part it came from: that among the positives of
    the batch plus that among the extra rows (mixed negative sampling: Yang et al., WWW 2020). So each part needs both
    counts. For a sampler's `values = sampler.sample(candidate_ids, num_extra)` write

        ExtraCandidates(table[values.sampled_candidates], values.sampled_candidates,
                        values.sampled_expected_count, values.true_expected_count.ravel(),
                        share[values.sampled_candidates])

    Attributes
    ----------
    rows : float [num_extra, dim]
        The same precision as the queries.
    ids : int [num_extra], optional
        To find accidental hits. Without them, or without `candidate_ids`, no extra row is a hit.
    expected_count : float [num_extra] or a number, optional
        How often each of them is expected among the extra rows. Needed unless the correction is "none", like the next
        two.
    batch_expected_count : float [batch_size] or a number, optional
        How often each candidate of the batch is expected among the extra rows; 0 for one that is never drawn.
    probability : float [num_extra] or a number, optional
        How likely each is the positive of an example: its `candidate_probability`; 0 for one that never is.

    Examples
    --------
    Two rows drawn uniformly from 100 items, with replacement:

    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> extra = ss.ExtraCandidates(np.ones((2, 3)), [40, 17], 2 / 100, 2 / 100, probability=[0.001, 0.02])
    >>> ss.in_batch_softmax_loss(np.eye(3), np.eye(3), [7, 8, 9], 0.01, extra_candidates=extra).round(2)
    array([1.51, 1.51, 1.51])
    """

    rows: Any
    ids: Any = None
    expected_count: Any = None
    batch_expected_count: Any = None
    probability: Any = None


class Choices(NamedTuple):
    """The options of a call, as they came or checked."""

    temperature: Any
    normalize: Any
    correction: Any
    remove_hits: Any
    merge: Any
    num_hard: Any


class InBatch(NamedTuple):
    """A checked batch: the examples that count.

    Attributes
    ----------
    queries, rows : float [batch_size, dim] and [columns, dim]
        Rows of the candidates, then of the extra ones.
    examples : int64 [batch_size]
        Places of the examples in the arguments.
    log_q : float64 [columns]
        Zeros without correction.
    log_total, log_negatives : float64 [batch_size]
        For "log_q_2025": what turns a count into a probability among the negatives, and the log of their number.
    next_equal : int64 [columns]
        A ring of the columns that equal the positive and are left out.
    left_out : bool [columns]
        Whether only its own query sees a column: a copy of one before.
    choices : Choices
    has_extra : bool
        Whether the caller gave extra candidates, if only none of them.
    """

    queries: NDArray[Any]
    rows: NDArray[Any]
    examples: Ids
    log_q: Floats
    log_total: Floats
    log_negatives: Floats
    next_equal: Ids
    left_out: NDArray[np.bool_]
    choices: Choices
    has_extra: bool


def checked_in_batch(
    arrays: tuple[Any, Any, Any, Any, Any], choices: Choices, sample_weight: ArrayLike | None
) -> tuple[InBatch, Floats]:
    """Return a checked batch and the weights of all examples."""
    queries, candidates, ids, probability, extra = arrays
    choices = _checked_choices(choices)
    features = validation.tables("queries", queries, ("batch_size", "dim"))
    size, dim = features.shape
    if dim == 0:
        raise ValueError(f"queries must have at least one column, got shape [{size}, 0]")
    positives = validation.tables("candidates", candidates, (size, dim), features.dtype)
    known = None if ids is None else _ids("candidate_ids", ids, size)
    share = _numbers("candidate_probability", probability, (size,), 1.0)
    if share is not None:
        _above_0("candidate_probability", share)
    others = _checked_extra(extra, features, size)
    weights = _checked_weights(sample_weight, size, validation.arithmetic(features.dtype))
    if choices.correction != "none":
        _require(choices.correction, share, others)
    return _columns((features, positives, known, share), others, np.flatnonzero(weights), choices), weights


def _checked_choices(choices: Choices) -> Choices:
    num_hard = choices.num_hard
    return Choices(
        validation.number("temperature", choices.temperature, above=0),
        validation.flag("normalize", choices.normalize),
        validation.choice("correction", choices.correction, CORRECTIONS),
        validation.flag("remove_accidental_hits", choices.remove_hits),
        validation.flag("merge_equal_candidates", choices.merge),
        None if num_hard is None else validation.whole_number("num_hard_negatives", num_hard, 1),
    )


def _checked_extra(extra: Any, queries: NDArray[Any], size: int) -> ExtraCandidates | None:
    """Return extra candidates whose fields are arrays."""
    if extra is None:
        return None
    if not isinstance(extra, ExtraCandidates):
        raise TypeError(f"extra_candidates must be ss.ExtraCandidates, got {validation.described(extra)}")
    name = "extra_candidates."
    rows = validation.tables(f"{name}rows", extra.rows, ("num_extra", queries.shape[1]), queries.dtype)
    num_extra = rows.shape[0]
    most = float(num_extra)
    return ExtraCandidates(
        rows,
        None if extra.ids is None else _ids(f"{name}ids", extra.ids, num_extra),
        _numbers(f"{name}expected_count", extra.expected_count, (num_extra,), most),
        _numbers(f"{name}batch_expected_count", extra.batch_expected_count, (size,), most),
        _numbers(f"{name}probability", extra.probability, (num_extra,), 1.0),
    )


def _ids(name: str, value: Any, size: int) -> Ids:
    array = validation.as_ids(name, value)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape [{size}], got {list(array.shape)}")
    return array.astype(np.int64)


def _numbers(name: str, value: Any, shape: tuple[int, ...], most: float) -> Floats | None:
    """Return numbers from 0 to `most` as float64, broadcast to a shape; None stays None."""
    if value is None:
        return None
    array = validation.as_array(name, value)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"{name} must be numbers, got {validation.dtype_of(array)}")
    if array.shape not in ((), shape):
        raise ValueError(f"{name} must be a number or have shape {list(shape)}, got {list(array.shape)}")
    numbers = np.broadcast_to(array.astype(np.float64), shape)
    good = (numbers >= 0) & (numbers <= most)
    if not good.all():
        first = int(good.argmin())
        raise ValueError(f"{name}[{first}] = {numbers[first]:g} must be from 0 to {most:g}")
    return numbers


def _above_0(name: str, numbers: Floats) -> None:
    if numbers.size and not numbers.min() > 0:
        first = int((numbers > 0).argmin())
        raise ValueError(f"{name}[{first}] = {numbers[first]:g} must be above 0: its logarithm is taken")


def _require(correction: str, share: Floats | None, extra: ExtraCandidates | None) -> None:
    """Refuse a correction without what it needs: it would silently not be made."""
    needed = {"candidate_probability": share}
    if extra is not None:
        fields = ("expected_count", "batch_expected_count", "probability")
        needed.update({f"extra_candidates.{field}": getattr(extra, field) for field in fields})
    for name, value in needed.items():
        if value is None:
            raise ValueError(f"{name} is needed for correction={correction!r}: give it, or write correction='none'")
    if extra is not None and extra.expected_count is not None:
        drawn = np.asarray(extra.expected_count) + np.asarray(extra.probability)
        _above_0("extra_candidates.expected_count + probability", drawn)


def _columns(
    arrays: tuple[NDArray[Any], NDArray[Any], Ids | None, Floats | None],
    extra: ExtraCandidates | None,
    examples: Ids,
    choices: Choices,
) -> InBatch:
    """Return the columns of the examples that count."""
    features, positives, known, share = arrays
    precision = validation.arithmetic(features.dtype)
    rows = [part[examples].astype(precision, copy=False) for part in (features, positives)]
    ids = None if known is None else known[examples]
    num_extra = 0 if extra is None else extra.rows.shape[0]
    columns = rows[1] if extra is None else np.concatenate((rows[1], extra.rows.astype(precision)))
    extra_ids = extra.ids if extra is not None and choices.remove_hits else None
    rings = ids if choices.merge or choices.remove_hits else None
    next_equal, copies = rings_of_equal(rings, extra_ids, examples.size + num_extra)
    left_out = np.zeros(examples.size + num_extra, np.bool_)
    merged = ids is not None and choices.merge
    if ids is not None and merged:
        left_out[: examples.size] = True
        left_out[np.unique(ids, return_index=True)[1]] = False
    log_q, log_total = np.zeros(left_out.size), np.zeros(examples.size)
    log_negatives = np.zeros(examples.size)
    if choices.correction != "none" and share is not None:
        counts = _expected_counts(share[examples], extra, examples, choices, merged)
        with np.errstate(divide="ignore"):  # no negatives: their correction is not read
            log_q = np.log(counts)
            if choices.correction == "log_q_2025" and not merged:
                others = examples.size - 1 + num_extra
                log_total = np.log(np.maximum(others - counts[: examples.size], 0))
                log_negatives = np.log(others + 1 - copies[: examples.size])
    return InBatch(
        rows[0], columns, examples, log_q, log_total, log_negatives, next_equal, left_out, choices, extra is not None
    )


def _expected_counts(
    share: Floats, extra: ExtraCandidates | None, examples: Ids, choices: Choices, merged: bool
) -> Floats:
    """Return how many columns of each id are expected in the mixture of the batch and the extra rows.

    "log_q_2025" does not correct the positive: a negative comes from the other examples.
    """
    num_draws = examples.size - (choices.correction == "log_q_2025")
    in_extra = np.zeros(examples.size)
    if extra is not None:
        share = np.concatenate((share, extra.probability))
        in_extra = np.concatenate((extra.batch_expected_count[examples], extra.expected_count))
    if merged:
        with np.errstate(divide="ignore"):  # a share of 1
            share = -np.expm1(num_draws * np.log1p(-share))
        num_draws = 1
    counts: Floats = num_draws * share + in_extra
    return counts


def rings_of_equal(ids: Ids | None, extra_ids: Ids | None, num_columns: int) -> tuple[Ids, Ids]:
    """Return for each column the next one with the same id, and for the last one the first; and how many have it."""
    following, copies = np.arange(num_columns), np.ones(num_columns, np.int64)
    if ids is None or ids.size == 0:
        return following, copies
    known = ids if extra_ids is None else np.concatenate((ids, extra_ids))
    _, group, numbers = np.unique(known, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(numbers) - 1
    after = np.roll(order, -1)
    after[ends] = order[ends - numbers + 1]
    following[order] = after
    copies[: known.size] = numbers[group]
    return following, copies


def _checked_weights(sample_weight: Any, size: int, dtype: np.dtype[Any]) -> Floats:
    one_label = np.zeros((size, 1), np.int64)  # each example has its positive
    _, counted = without_padding(one_label, 1, 1, Selection(sample_weight), dtype)
    return np.ones(size) if counted is None else counted.weights
