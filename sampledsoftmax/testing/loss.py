"""`check_loss`: a sampled softmax loss of any framework, taken apart by batches whose answers are known."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax import reference, validation
from sampledsoftmax.testing.chi_square import percent
from sampledsoftmax.testing.gradients import biases, given, numerical, of_reference, setting
from sampledsoftmax.testing.probes import Batch, Loss, batch_of, losses, weight_of_candidates
from sampledsoftmax.testing.report import Check, Report
from sampledsoftmax.testing.shared_checks import as_numpy, checked_function, named

MOST_OFF = 1e-3  # relative, of a value in float32
FEW, RARE = 1 / 8, 1e-20  # expected counts of probes
FIRST_ROUNDED = 2**24  # float32 has no 2**24 + 1


class _Asked(NamedTuple):
    """A loss, and what it should do."""

    loss: Loss
    gradient: Callable[..., Any] | None
    temperature: float
    normalize: bool
    remove_hits: bool
    copies: bool
    large_ids: bool
    num_samples: int
    dtype: Any


def check_loss(
    loss: Loss,
    *,
    gradient: Callable[..., Any] | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
    remove_accidental_hits: bool = True,
    copies: bool = True,
    large_ids: bool = True,
    num_samples: int = 200,
    dtype: Any = np.float32,
) -> Report:
    """Check that a loss is sampled softmax: log Q, temperature, accidental hits, ids, extreme values, gradient.

    Most checks are batches of a few classes whose loss is known, so that a wrong value says what is wrong: with all
    dot products 0, for example, only log Q is left.

    Parameters
    ----------
    loss : function of arrays
        `loss(weights, biases, labels, inputs, values)` returns the losses [batch_size]. `weights` is
        float [num_classes, dim], `biases` float [num_classes] and always 0 here, `labels` int64 [batch_size, 1],
        `inputs` float [batch_size, dim]; `values` has the candidates int64 [num_sampled], and the expected counts of
        labels float [batch_size, 1] and of candidates float [num_sampled].
    gradient : function of arrays, optional
        Takes the same arguments and returns the gradients of the losses in the inputs, float [batch_size, dim]; by
        default, they are derived numerically.
    temperature : float
        What the loss divides dot products by, above 0. With 1, the order of division and log Q makes no difference,
        and is not checked.
    normalize : bool
        Whether the loss takes cosines instead of dot products.
    remove_accidental_hits : bool
        Whether candidates that are the label of an example should be left out for that example.
    copies : bool
        Whether to check that all copies of a hit are left out; it matters for candidates drawn with replacement only.
    large_ids : bool
        Whether to check ids above 2**24, which float32 rounds. The table has 2**24 + 2 rows of 4 numbers, 268 MB if
        the loss reads or copies all of it.
    num_samples : int
        Number of samples over which the gradient is averaged, at least 10.
    dtype : float32 or float64
        Of all arrays.

    Returns
    -------
    Report
        Its checks: "value", "log Q of candidates", "log Q of labels", "rare classes", "temperature",
        "accidental hits", "copies of hits", "hits of others", "large ids", "edges" and "gradient".

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range. What the loss raises is passed on.

    Examples
    --------
    >>> import sampledsoftmax as ss
    >>> def ours(weights, biases, labels, inputs, values):
    ...     size = len(values.sampled_candidates)
    ...     return ss.sampled_softmax_loss(weights, biases, labels, inputs, size, len(weights), 1, values)
    >>> assert check_loss(ours, large_ids=False)
    >>> def no_log_q(weights, biases, labels, inputs, values):
    ...     values = values._replace(true_expected_count=np.ones_like(values.true_expected_count))
    ...     return ours(weights, biases, labels, inputs, values)
    >>> print(check_loss(no_log_q, large_ids=False)["log Q of labels"])
    FAILED  log Q of labels: Is log Q of the label subtracted from its logit?
            No: it is not subtracted. The loss depends on the count as Q ** 0; right is Q ** -1.
    """
    checked_function("loss", loss)
    asked = _Asked(
        loss,
        None if gradient is None else checked_function("gradient", gradient),
        validation.number("temperature", temperature, above=0.0),
        validation.flag("normalize", normalize),
        validation.flag("remove_accidental_hits", remove_accidental_hits),
        validation.flag("copies", copies),
        validation.flag("large_ids", large_ids),
        validation.whole_number("num_samples", num_samples, 10),
        validation.float_dtype("dtype", dtype),
    )
    subject = f"{named(loss)}, temperature {asked.temperature:g}, {np.dtype(asked.dtype).name}"
    value = _value(asked)
    if value.size == np.inf:
        return Report(subject, (value,))
    checks = [value, _log_q(asked, of_label=False), _log_q(asked, of_label=True), _rare(asked), _temperature(asked)]
    checks += [_hits(asked)]
    checks += [_copies_of_hits(asked)] if asked.copies and asked.remove_hits else []
    checks += [_hits_of_others(asked)]
    checks += [_large_ids(asked)] if asked.large_ids and asked.remove_hits else []
    return Report(subject, (*checks, _edges(asked), _gradient(asked)))


def _right(asked: _Asked, batch: Batch) -> Any:
    """Return the losses [batch_size] of the reference, in float64."""
    weights, biases, labels, inputs, values = batch
    logits = reference.sampled_logits(
        weights.astype(np.float64), biases, labels, inputs, values, True, asked.remove_hits,
        asked.temperature, asked.normalize,
    )  # fmt: skip
    return reference.cross_entropy(logits, 1)[0]


def _value(asked: _Asked) -> Check:
    question = "Is the loss of a random batch that of sampled softmax?"
    batch = setting(asked.temperature, asked.normalize, asked.dtype).batch
    found, right = as_numpy(asked.loss(*batch)), _right(asked, batch)
    if found.dtype.kind != "f" or found.shape != right.shape:
        said = f"It must be floats [batch_size], here {list(right.shape)}, got {found.dtype} {list(found.shape)}."
        return Check("value", False, question, said, np.inf)
    off = float(np.abs(found - right).max() / np.abs(right).max())
    said = (
        f"It is within {percent(off)} of the reference."
        if off <= MOST_OFF
        else (f"No: it differs by up to {percent(off)}. Example 0 has {found[0]:.4f}; right is {right[0]:.4f}.")
    )
    return Check("value", off <= MOST_OFF, question, said, off)


def _log_q(asked: _Asked, of_label: bool) -> Check:
    """Return the check of the exponent a in weight = Q ** -a of a candidate, or of the label."""
    name, whose = ("labels", "the label") if of_label else ("candidates", "a candidate")
    counts = {"label_counts": FEW} if of_label else {"candidate_counts": FEW}
    weight = weight_of_candidates(asked.loss, batch_of(np.zeros(5), [0], [1, 2, 3, 4], dtype=asked.dtype, **counts))[0]
    with np.errstate(all="ignore"):
        power = round(float(np.log(weight / 4) / np.log(FEW)) * (1 if of_label else -1), 6)
    right = bool(abs(power - 1) <= MOST_OFF)
    said = (
        "Yes."
        if right
        else (
            f"No: {_said_of(power, asked.temperature)}. The loss depends on the count as Q ** {0 - power:.3g}; right is"
            " Q ** -1."
        )
    )
    question = f"Is log Q of {whose} subtracted from its logit?"
    return Check(f"log Q of {name}", right, question, said, abs(power - 1))


def _said_of(power: float, temperature: float) -> str:
    cases = {0.0: "it is not subtracted", -1.0: "it is added", 1 / temperature: "it is divided by the temperature"}
    near = [said for value, said in cases.items() if abs(power - value) < 0.02]
    return near[0] if near else "something else is done with it"


def _rare(asked: _Asked) -> Check:
    question = f"Is log Q subtracted in full where the expected count is {RARE:g}?"
    batch = batch_of(np.zeros(3), [0], [1, 2], 1.0, [RARE, 1.0], asked.dtype)
    found, right = losses(asked.loss, batch)[0], -np.log(RARE)
    off = abs(found - right) / right
    good = bool(off <= MOST_OFF)
    said = "Yes." if good else f"No: the loss is {found:.4g}; right is {right:.4g}. Counts may be clipped."
    return Check("rare classes", good, question, said, off)


def _temperature(asked: _Asked) -> Check:
    question = f"Are {'cosines' if asked.normalize else 'dot products'} divided by {asked.temperature:g}?"
    score = 0.4 * min(asked.temperature, 1.0)
    batch = batch_of([score, -score, -score], [0], [1, 2], dtype=asked.dtype)
    with np.errstate(all="ignore"):
        found = float(-np.log(weight_of_candidates(asked.loss, batch)[0] / 2) / (2 * score))
    off = abs(found * asked.temperature - 1)
    good = bool(off <= MOST_OFF)
    said = "Yes." if good else f"No: the loss multiplies them by {found:.4g}; right is {1 / asked.temperature:.4g}."
    return Check("temperature", good, question, said, off)


def _hits(asked: _Asked) -> Check:
    """Return the check that each example loses its own label; example k has label k."""
    verb = "left out for" if asked.remove_hits else "kept for"
    question = f"Is a candidate that is the label of an example {verb} it?"
    found = weight_of_candidates(asked.loss, batch_of(np.zeros(5), [0, 1, 2], np.arange(5), dtype=asked.dtype))
    return _weights_check("accidental hits", question, found, np.full(3, 4 if asked.remove_hits else 5))


def _copies_of_hits(asked: _Asked) -> Check:
    """Return the check that an example loses all copies of its label, two of label 1 here."""
    question = "Are all copies of a candidate that is the label left out?"
    found = weight_of_candidates(asked.loss, batch_of(np.zeros(5), [0, 1], [0, 1, 3, 1, 4], dtype=asked.dtype))
    return _weights_check("copies of hits", question, found, np.array([4, 3]))


def _hits_of_others(asked: _Asked) -> Check:
    question = "Is a candidate that is the label of one example kept for the others?"
    batch = batch_of(np.zeros(5), [0, 1], [0, 3, 4], dtype=asked.dtype)
    found = weight_of_candidates(asked.loss, batch)
    return _weights_check("hits of others", question, found, np.array([2 if asked.remove_hits else 3, 3]))


def _weights_check(name: str, question: str, found: Any, right: Any) -> Check:
    """Compare the numbers of candidates that each example has."""
    off = np.abs(found - right)
    good = bool((off <= 10 * MOST_OFF).all())
    said = (
        "Yes."
        if good
        else (f"No: the sums of the examples are over {_list(found)} candidates; right is {_list(right)}.")
    )
    return Check(name, good, question, said, float(off.max()))


def _list(numbers: Any) -> str:
    return ", ".join(f"{number:.3g}" for number in numbers)


def _large_ids(asked: _Asked) -> Check:
    question = f"Are ids above 2**24 told apart, which float32 rounds? The label is {FIRST_ROUNDED + 1}."
    batch = batch_of([0.0], [0], [0, 0], dtype=asked.dtype)
    size = FIRST_ROUNDED + 2
    values = batch.values._replace(sampled_candidates=np.array([FIRST_ROUNDED, 5]))
    weights, biases = np.zeros((size, batch.weights.shape[1]), asked.dtype), np.zeros(size, asked.dtype)
    found = asked.loss(weights, biases, np.array([[FIRST_ROUNDED + 1]]), batch.inputs, values)
    weight = np.expm1(as_numpy(found).astype(np.float64))
    return _weights_check("large ids", question, weight, np.array([2]))


def _edges(asked: _Asked) -> Check:
    """Return the check of logits in the hundreds, of one candidate, and of candidates that are all hits."""
    question = "Are extreme batches right: logits of +-300, one candidate, nothing but hits?"
    one = batch_of([0.4, -0.4], [0], [1], dtype=asked.dtype)
    batches = {"one candidate": one}
    if asked.remove_hits:
        batches["nothing but hits"] = batch_of([0.4, -0.4], [0], [0], dtype=asked.dtype)
    if not asked.normalize:
        scale = 300 * asked.temperature
        for name, sign in (("logits of +300", 1), ("logits of -300", -1)):
            batches[name] = batch_of([sign, -sign, -sign], [0], [1, 2], dtype=asked.dtype)
            batches[name].inputs[...] *= asked.dtype.type(scale)
    wrong = []
    for name, batch in batches.items():
        found, right = losses(asked.loss, batch)[0], _right(asked, batch)[0]
        if not abs(found - right) <= MOST_OFF * max(right, 1.0):
            wrong.append(f"{name}: the loss is {found:.4g}; right is {right:.4g}")
    return Check("edges", not wrong, question, f"No: {'; '.join(wrong)}." if wrong else "Yes.", len(wrong))


def _gradient(asked: _Asked) -> Check:
    """Return the check of the bias of the gradient; where a gradient is given, it must be that of the loss too."""
    question = "Is the mean gradient nearer to that of the full softmax than without log Q?"
    of = setting(asked.temperature, asked.normalize, asked.dtype)
    derived = numerical(asked.loss)
    if asked.gradient is not None:
        own, slope = given(asked.gradient)(of.batch), derived(of.batch)
        if own.shape != slope.shape or not np.abs(own - slope).max() <= 0.02 * np.abs(slope).max():
            said = "No: the gradient that is given is not the derivative of the loss."
            return Check("gradient", False, question, said, np.inf)
        derived = given(asked.gradient)
    options = asked.temperature, asked.normalize
    found = biases(
        {"own": derived, "right": of_reference(True, *options), "without": of_reference(False, *options)},
        of,
        asked.num_samples,
    )
    near = max(found["without"] / 2, 1.2 * found["right"])  # at low temperatures a right loss is biased as well
    good = bool(found["own"] <= near)
    said = (
        f"{'Yes' if good else 'No'}: it is off by {percent(found['own'])} of the exact one; the right loss by"
        f" {percent(found['right'])}, one without log Q by {percent(found['without'])}."
    )
    return Check("gradient", good, question, said, found["own"])
