"""How far the distribution of a sampler is from the softmax of a model, and what that does to the gradient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.gradient import GradientBias, bias_of_groups
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.losses.full_softmax import full_softmax_loss_and_grad
from sampledsoftmax.losses.sampled_softmax import sampled_softmax_loss_and_grad
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.reference import scaled
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.types import Similarity

NUM_GROUPS = 20
BLOCK = 4_000_000  # logits that are in memory at a time: 32 MB of float64


@not_a_number(has_arrays=True)
class SamplerDiagnosis(NamedTuple):
    """Distance of the softmax of each input from the distribution of a sampler, and the gradient of the inputs.

    Attributes
    ----------
    chi_square : float64 [batch_size]
        Sum of p**2 / q, minus 1, over the classes: 0 if the sampler draws by the softmax, infinite if a class that the
        model predicts is never drawn.
    kl : float64 [batch_size]
        Sum of p log(p / q), in nats.
    effective_candidates : float64 [batch_size]
        num_sampled / (1 + chi_square): the number of draws from the softmax itself that estimate its normalizer as
        well.
    gradient : GradientBias or None
        Bias and noise of the gradient of the mean loss with respect to the inputs; None if it was not measured.

    Examples
    --------
    >>> found = diagnose_sampler(np.eye(2), np.zeros(2), None, np.eye(2), 10, [0.5, 0.5])
    >>> found.effective_candidates.round(1)
    array([8.2, 8.2])
    """

    chi_square: Floats
    kl: Floats
    effective_candidates: Floats
    gradient: GradientBias | None


class _Model(NamedTuple):
    """Checked arguments in float64."""

    weights: Floats
    biases: Floats
    labels: NDArray[np.int64] | None
    inputs: Floats
    similarity: Similarity


def diagnose_sampler(
    weights: ArrayLike,
    biases: ArrayLike,
    labels: ArrayLike | None,
    inputs: ArrayLike,
    num_sampled: int,
    sampler: CandidateSampler | ArrayLike,
    *,
    num_samples: int = 0,
    temperature: float = 1.0,
    normalize: bool = False,
) -> SamplerDiagnosis:
    """Compare what a sampler draws with what a trained model predicts, by exact logits of a few inputs.

    Candidates estimate the sum over all classes in the softmax. They do it best when they are drawn by the softmax p
    itself; drawn by another distribution q, num_sampled of them are worth num_sampled / (1 + chi-square distance).

    Parameters
    ----------
    weights : float [num_classes, dim]
        Output table of the model; all arrays are converted to float64.
    biases : float [num_classes]
        Output biases.
    labels : int [batch_size] or [batch_size, num_true], or None
        True classes of each input. Their logits are known, and their copies among the candidates are removed; so p and
        q are compared over the other classes, p adding up to 1 over them. None: p is the softmax over all classes.
    inputs : float [batch_size, dim]
        Outputs of the encoder, for a few hundred held-out examples.
    num_sampled : int
        Number of candidates; when gradients are measured, at most the number of classes that can be drawn.
    sampler : CandidateSampler, or float [num_classes] or [batch_size, num_classes]
        A sampler, or the probabilities q, for each input its own in the second form; at least 0, and adding up to 1.
    num_samples : int
        Gradients to average for bias and noise, rounded up to a multiple of 20; 0 measures none. Otherwise `labels` are
        needed.
    temperature : float
        Logits are dot products / temperature, plus biases; above 0.
    normalize : bool
        Whether dot products are cosines.

    Returns
    -------
    SamplerDiagnosis

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range, an array is not finite, probabilities do not add up to 1, or
        gradients are asked for without labels.

    Notes
    -----
    The sum of exp(logit) / q over draws from q estimates the normalizer with the relative variance chi-square /
    num_sampled: the effective sample size of Kong, "A note on importance sampling using standardized weights", 1992.
    Chatterjee and Diaconis, "The sample size required in importance sampling", Annals of Applied Probability 28, 2018:
    about exp(KL) draws are needed, and enough.

    The gradient is that of `sampled_softmax_loss` with its defaults: different candidates, log Q subtracted from the
    logits of labels and candidates, accidental hits removed. An array of probabilities is drawn by
    `FixedUnigramSampler` with exact expected counts; one of two dimensions draws candidates for each input. Errors are
    those of `GradientBias`. For the gradient of all tables see `sampledsoftmax.diagnostics.gradient_bias`.

    Examples
    --------
    >>> weights, biases = np.zeros((4, 2)), np.log([0.4, 0.3, 0.2, 0.1])
    >>> found = diagnose_sampler(weights, biases, None, np.ones((1, 2)), 100, [0.25, 0.25, 0.25, 0.25])
    >>> found.chi_square.round(2), found.kl.round(2), found.effective_candidates.round()
    (array([0.2]), array([0.11]), array([83.]))

    With a sampler that draws by those frequencies, and the gradient of the inputs:

    >>> import sampledsoftmax as ss
    >>> by_counts = ss.FixedUnigramSampler([40, 30, 20, 10], seed=1)
    >>> tables = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]), biases
    >>> found = diagnose_sampler(*tables, [3], np.ones((1, 2)), 2, by_counts, num_samples=400)
    >>> found.effective_candidates.round(1), bool(found.gradient.bias > 2 * found.gradient.bias_error)
    (array([1.5]), True)
    """
    model = _checked_model(weights, biases, labels, inputs, Similarity(temperature, normalize))
    size = validation.whole_number("num_sampled", num_sampled, 1)
    num_samples = validation.whole_number("num_samples", num_samples, 0)
    if num_samples > 0 and model.labels is None:
        raise ValueError("labels must be given if num_samples > 0: without them there is no loss")
    q = _checked_proposal(sampler, len(model.inputs), model.biases.size)
    chi_square, kl = (np.concatenate(found) for found in zip(*_distances(model, q), strict=True))
    gradient = None
    if num_samples:
        samplers = [sampler] if isinstance(sampler, CandidateSampler) else [_sampler(row, k) for k, row in enumerate(q)]
        gradient = _gradient(model, samplers, size, num_samples)
    return SamplerDiagnosis(chi_square, kl, size / (1 + chi_square), gradient)


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return the softmax of each row; -inf gives 0.

    Examples
    --------
    >>> softmax(np.array([[0.0, np.log(3), -np.inf]]))
    array([[0.25, 0.75, 0.  ]])
    """
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def distances(p: NDArray[Any], q: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return chi-square distance and KL divergence (nats) of the rows of p [n, m] from q [m] or [n, m].

    Examples
    --------
    >>> distances(np.array([[0.5, 0.5, 0.0]]), np.array([0.25, 0.5, 0.25]))
    (array([0.5]), array([0.34657359]))
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = p / q
        ratio[p == 0] = 0  # whatever q is
        chi_square = (p * ratio).sum(axis=1, dtype=np.float64) - 1
        ratio[p == 0] = 1
        kl = (p * np.log(ratio)).sum(axis=1, dtype=np.float64)
    return chi_square, kl


def _distances(model: _Model, q: Floats) -> list[tuple[Floats, Floats]]:
    """Return the distances of blocks of inputs."""
    normalize, temperature = model.similarity.normalize, model.similarity.temperature
    x, columns = scaled(model.inputs, normalize, temperature), scaled(model.weights, normalize).T
    found = []
    step = max(1, BLOCK // model.biases.size)
    for rows in (slice(first, first + step) for first in range(0, len(x), step)):
        logits = x[rows] @ columns + model.biases
        if model.labels is not None:  # removed, as accidental hits are
            np.put_along_axis(logits, model.labels[rows], -np.inf, axis=1)
        found.append(distances(softmax(logits), q[rows] if len(q) > 1 else q[0]))
    return found


def _gradient(model: _Model, samplers: list[CandidateSampler], num_sampled: int, num_samples: int) -> GradientBias:
    """Return bias and noise of the gradient of the inputs; several samplers have one input each."""
    assert model.labels is not None  # checked
    parts = np.split(np.arange(len(model.inputs)), len(samplers))
    share, options = np.full(len(model.inputs), 1 / len(model.inputs)), model.similarity._asdict()
    tables = model.weights, model.biases
    _, exact = full_softmax_loss_and_grad(*tables, model.labels, model.inputs, loss_grad=share, **options)
    in_group = -(-num_samples // NUM_GROUPS)
    means = np.zeros((NUM_GROUPS, *model.inputs.shape))
    for mean, sampler, rows in ((mean, *one) for mean in means for one in zip(samplers, parts, strict=True)):
        examples = model.labels[rows], model.inputs[rows]
        for _ in range(in_group):
            _, found = sampled_softmax_loss_and_grad(
                *tables, *examples, num_sampled, model.biases.size, examples[0].shape[1],
                sampler.sample(examples[0], num_sampled), loss_grad=share[rows], **options,
            )  # fmt: skip
            mean[rows] += found.inputs
    means /= in_group
    return bias_of_groups(means.reshape(NUM_GROUPS, -1), np.asarray(exact.inputs, np.float64).ravel(), in_group)


def _sampler(q: Floats, k: int) -> CandidateSampler:
    return FixedUnigramSampler(q, seed=(1, k), expected_count="inclusion")


def _checked_model(
    weights: ArrayLike, biases: ArrayLike, labels: ArrayLike | None, inputs: ArrayLike, similarity: Similarity
) -> _Model:
    checked = Similarity(
        validation.number("temperature", similarity.temperature, above=0.0),
        validation.flag("normalize", similarity.normalize),
    )
    table = _finite("weights", weights, ("num_classes", "dim"))
    offsets = _finite("biases", biases, (len(table),))
    features = _finite("inputs", inputs, ("batch_size", table.shape[1]))
    if not len(features):
        raise ValueError("inputs must hold at least one row, got none")
    if labels is None:
        return _Model(table, offsets, None, features, checked)
    given = validation.as_ids("labels", labels)
    ids = validation.labels("labels", given, given.shape[1] if given.ndim == 2 else 1, len(table))
    if len(ids) != len(features):
        raise ValueError(f"labels has {len(ids)} rows and inputs has {len(features)}: they must be equal")
    if len(table) == 1 or ids.shape[1] >= len(table):
        raise ValueError(f"labels must leave other classes, got {ids.shape[1]} per example of {len(table)} classes")
    return _Model(table, offsets, ids, features, checked)


def _finite(name: str, value: ArrayLike, shape: tuple[int | str, ...]) -> Floats:
    array = validation.as_array(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold numbers, got dtype {validation.dtype_of(array)}")
    found = np.asarray(validation.floats(name, array.astype(np.float64), shape), np.float64)
    if not np.isfinite(found).all():
        position = [int(i) for i in np.argwhere(~np.isfinite(found))[0]]
        raise ValueError(f"{name} must be finite, got {found[tuple(position)]} at {position}")
    return found


def _checked_proposal(sampler: CandidateSampler | ArrayLike, batch_size: int, num_classes: int) -> Floats:
    """Return probabilities [1, num_classes], or one row for each input."""
    if isinstance(sampler, CandidateSampler):
        if sampler.range_max != num_classes:
            raise ValueError(f"sampler draws from {sampler.range_max} classes, but weights has {num_classes} rows")
        return np.asarray(sampler.probability(validation.first_ids(num_classes)), np.float64)[np.newaxis]
    if isinstance(sampler, str):
        raise TypeError(f"sampler must be a sampler object or probabilities, got {validation.shown(sampler)}")
    array = validation.as_array("sampler", sampler)
    shape = (batch_size, num_classes) if array.ndim == 2 else (num_classes,)
    q = np.atleast_2d(_finite("sampler", sampler, shape))
    if (q < 0).any():
        row, column = (int(i) for i in np.argwhere(q < 0)[0])
        raise ValueError(f"sampler must hold probabilities, got {q[row, column]:g} for class {column} in row {row}")
    sums = q.sum(axis=1)
    bad = np.abs(sums - 1) > 1e-6
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"sampler must hold probabilities that add up to 1, got a sum of {sums[row]:g} in row {row}")
    return q
