"""Proposals of sampled softmax as exact distributions, whatever they cost: from a model to q for each input.

Static ones are the same for all inputs. Adaptive ones depend on the input; in their shared form, one sample for all
inputs of a batch, q is the mean over the batch.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.samplers.codes import Codes, product_codes, residual_codes
from benchmarks.samplers.models import Floats, TrainedModel
from sampledsoftmax.diagnostics.proposals import softmax

NUM_FEATURES = 1024
BASES = ("uniform", "bias", "counts")
FLOORS = (0.1, 0.3)
Setting = dict[str, Any]


class Proposal(NamedTuple):
    """A family of distributions.

    Attributes
    ----------
    make : function
        From the model and one of the settings to masses, float64 [num_classes] if static, else [num_examples,
        num_classes]; a row need not add up to 1.
    settings : list of dict
        What is tried: at most 12.
    is_adaptive : bool
    """

    make: Callable[..., Floats]
    settings: list[Setting]
    is_adaptive: bool = False


def _grid(**values: Iterable[Any]) -> list[Setting]:
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def bases(model: TrainedModel, name: str) -> Floats:
    """Return masses of classes that do not depend on the input: 1, exp(bias), or counts."""
    if name == "bias":
        found = np.exp(model.rows[:, -1] - model.rows[:, -1].max())
    else:
        found = unigram(model, 1.0) if name == "counts" else np.ones(len(model.rows))
    return np.asarray(found, model.rows.dtype)


def unigram(model: TrainedModel, power: float) -> Floats:
    """Return counts ** power; a class without a count gets half a count."""
    return np.asarray(np.maximum(model.counts, 0.5) ** power)


def log_uniform(model: TrainedModel) -> Floats:
    """Return the log-uniform distribution over ranks by falling count."""
    ranks = np.empty(len(model.rows), np.int64)
    ranks[np.argsort(-model.counts, kind="stable")] = np.arange(len(model.rows))
    return np.asarray(np.log1p(1 / (ranks + 1.0)))


def mixed(model: TrainedModel, power: float, uniform_share: float) -> Floats:
    """Return a mixture of counts ** power and uniform."""
    q = unigram(model, power)
    return np.asarray((1 - uniform_share) * q / q.sum() + uniform_share / q.size)


def ideal(model: TrainedModel) -> Floats:
    """Return the softmax itself, over all classes."""
    return softmax((model.inputs @ model.rows.T).astype(np.float64)).astype(np.float32)


def inverted_multi_index(model: TrainedModel, kind: Callable[..., Codes], num_codes: int, within: str) -> Floats:
    """Return masses exp(h . (center + center)), times the base of a class (Chen et al. 2022).

    Drawn as: a pair of codes by its mass times the sum of its base, then a class of the pair by its base.
    """
    codes = kind(model.rows[:, :-1], num_codes, 1)
    x = model.inputs[:, :-1]
    scores = (x @ codes.first_centers.T)[:, codes.first] + (x @ codes.second_centers.T)[:, codes.second]
    return _exp(scores) * bases(model, within)


def quadratic(model: TrainedModel, alpha: float, within: str) -> Floats:
    """Return alpha * logit**2 + 1 (Blanc and Rendle 2018), times the base of a class.

    The bias is a part of the logit unless it is the base.
    """
    width = -1 if within == "bias" else None
    scores = model.inputs[:, :width] @ model.rows[:, :width].T
    return np.asarray((alpha * scores**2 + 1) * bases(model, within))


def random_fourier(model: TrainedModel, nu: float, within: str) -> Floats:
    """Return the kernel exp(-nu |h - c|**2 / 2) of unit rows by random Fourier features (Rawat et al. 2019).

    One random matrix for all inputs and classes; a negative sum of features has the mass 0.
    """
    x, rows = _unit(model.inputs[:, :-1]), _unit(model.rows[:, :-1])
    rng = np.random.default_rng(1)
    directions = np.sqrt(nu).astype(x.dtype) * rng.standard_normal((x.shape[1], NUM_FEATURES // 2), x.dtype)
    of_x, of_rows = (np.concatenate([np.cos(y @ directions), np.sin(y @ directions)], axis=1) for y in (x, rows))
    return np.asarray(np.maximum(of_x @ of_rows.T, 0) * bases(model, within))


def positive_features(model: TrainedModel, scale: float, within: str) -> Floats:
    """Return exp(scale * h . c) by positive random features (Choromanski et al. 2021), times the base of a class."""
    x, rows = (y * y.dtype.type(scale**0.5) for y in _balanced(model))
    directions = np.random.default_rng(1).standard_normal((x.shape[1], NUM_FEATURES), x.dtype)
    of_x, of_rows = (y @ directions - (y**2).sum(axis=1, keepdims=True) / 2 for y in (x, rows))
    of_x -= of_x.max(axis=1, keepdims=True)
    return np.asarray(np.exp(of_x) @ np.exp(of_rows - of_rows.max()).T * bases(model, within))


def hashing(model: TrainedModel, num_bits: int, num_tables: int) -> Floats:
    """Return the chance that a class is in a bucket of the input: SimHash with signs of random projections.

    (Spring and Shrivastava 2017.) Two vectors agree in a bit with the chance c = 1 - angle / pi, so they are in one
    bucket of at least one table with 1 - (1 - c**num_bits)**num_tables.
    """
    cosines = np.clip(_unit(model.inputs) @ _unit(model.rows).T, -1, 1)
    agree = 1 - np.arccos(cosines) / np.pi
    return np.asarray(-np.expm1(num_tables * np.log1p(-np.minimum(agree**num_bits, 1 - 1e-12))))


def _balanced(model: TrainedModel) -> tuple[Floats, Floats]:
    """Return inputs and weights, scaled to equal mean lengths: their dot products stay."""
    x, rows = model.inputs[:, :-1], model.rows[:, :-1]
    ratio = np.sqrt(np.sqrt((rows**2).sum(axis=1).mean() / (x**2).sum(axis=1).mean()))
    return x * ratio, rows / ratio


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-12))


def _exp(scores: Floats) -> Floats:
    return np.asarray(np.exp(scores - scores.max(axis=1, keepdims=True)))


def product_index(model: TrainedModel, num_codes: int, within: str) -> Floats:
    """Return `inverted_multi_index` with product codes."""
    return inverted_multi_index(model, product_codes, num_codes, within)


def residual_index(model: TrainedModel, num_codes: int, within: str) -> Floats:
    """Return `inverted_multi_index` with residual codes."""
    return inverted_multi_index(model, residual_codes, num_codes, within)


POWERS = (0.25, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.1)
PROPOSALS: dict[str, Proposal] = {
    "uniform": Proposal(lambda model: np.ones(len(model.rows)), [{}]),
    "log-uniform": Proposal(log_uniform, [{}]),
    "counts, in-batch": Proposal(lambda model: unigram(model, 1.0), [{}]),
    "counts^power": Proposal(unigram, _grid(power=POWERS)),
    "counts^power + uniform": Proposal(mixed, _grid(power=(0.5, 0.75, 1.0), uniform_share=(0.05, 0.1, 0.25, 0.5))),
    "exp(bias)": Proposal(lambda model: bases(model, "bias"), [{}]),
    "quadratic kernel": Proposal(quadratic, _grid(alpha=(1.0, 100.0), within=BASES, floor=FLOORS), True),
    "random Fourier features": Proposal(
        random_fourier, _grid(nu=(1.0, 4.0), within=BASES, floor=FLOORS), True
    ),
    "positive random features": Proposal(
        positive_features, _grid(scale=(0.25, 0.5), within=BASES, floor=FLOORS), True
    ),
    "hashing (SimHash)": Proposal(hashing, _grid(num_bits=(4, 6, 10), num_tables=(10, 50), floor=FLOORS), True),
    "MIDX, product codes": Proposal(product_index, _grid(num_codes=(32, 128), within=BASES, floor=FLOORS), True),
    "MIDX, residual codes": Proposal(residual_index, _grid(num_codes=(32, 128), within=BASES, floor=FLOORS), True),
    "softmax itself": Proposal(ideal, [{}], True),
}  # fmt: skip


def distribution(model: TrainedModel, name: str, setting: Setting) -> Floats:
    """Return q, float64 [num_classes], or float32 [num_examples, num_classes] if it is adaptive.

    Parameters
    ----------
    model : TrainedModel
    name : str
        Key of `PROPOSALS`.
    setting : dict
        One of its settings; a `floor` is the share of draws by counts ** 0.75 instead, so that q never vanishes.
    """
    own = dict(setting)
    floor = own.pop("floor", 0.0)
    q = PROPOSALS[name].make(model, **own).astype(np.float32 if PROPOSALS[name].is_adaptive else np.float64)
    q /= q.sum(axis=-1, keepdims=True)
    if floor:
        rest = unigram(model, 0.75)
        q *= 1 - floor
        q += (floor * rest / rest.sum()).astype(q.dtype)
    return q


def shared(q: Floats, batch_size: int) -> Floats:
    """Return q [num_examples, num_classes] with the mean of a batch in each of its rows."""
    batches = [q[first : first + batch_size] for first in range(0, len(q), batch_size)]
    return np.concatenate([np.broadcast_to(part.mean(axis=0), part.shape) for part in batches])
