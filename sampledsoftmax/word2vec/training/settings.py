"""The validated settings of a training run."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sampledsoftmax import validation
from sampledsoftmax.losses.objectives import BUILT_IN, Objective, checked_objective
from sampledsoftmax.optimizers import SGD, Adagrad, Optimizer, RowwiseAdagrad
from sampledsoftmax.types import Correction
from sampledsoftmax.word2vec.vectors.word_vectors import WHICH

_Number = TypeVar("_Number", int, float)

MAX_SEED = 2**31 - 2
OBJECTIVES = tuple(BUILT_IN)
SAMPLERS = ("unigram", "log_uniform", "learned_unigram")
OPTIMIZERS = ("adagrad", "rowwise_adagrad", "sgd")

# Default rates by optimizer, for skip-gram and for CBOW. Measured on the first million words of English Wikipedia, with
# 80 words and 64 candidates per batch: exact loss per held-out pair (or word, for CBOW) after five epochs. Skip-gram:
# rowwise_adagrad 6.82, 6.85, 6.92 at 0.1, 0.2, 0.4; adagrad 6.82, 6.86, 6.92 at the same rates; sgd 6.87, 6.84, 6.85,
# 6.88 at 0.005, 0.01, 0.015, 0.02, and it diverges at 0.04. CBOW: rowwise_adagrad 6.41, 6.23, 6.22, adagrad 6.39, 6.23,
# 6.23 at 0.1, 0.2, 0.4; sgd 6.80, 6.48, 6.35, 6.40, 6.91 at 0.01, 0.04, 0.08, 0.16, 0.3, and it diverges at 0.6; with
# negative sampling, on 9,600 words of a text of 60 distinct ones, which are not subsampled, it diverges at 0.03: the
# default is 0.02, between two rates of the list.
LEARNING_RATES = {"adagrad": (0.2, 0.2), "rowwise_adagrad": (0.2, 0.2), "sgd": (0.01, 0.02)}

# Batches that a step computes against the same tables, and the most: a step of 256 shards covers 10,000 words, by which
# time the tables that it reads are old.
DEFAULT_SHARDS, MAX_SHARDS = 4, 256

# Frequencies above which words are subsampled, for skip-gram and for CBOW. Five million English words, three epochs,
# with 1e-3, 3e-4, 1e-4: skip-gram has WordSim .611, .630, .633, SimLex .236, .246, .240, analogies .187, .186, .176;
# CBOW has WordSim .544, .595 with 64 candidates and 1e-3, 3e-4, and .564, .612 with 32 and 3e-4, 1e-4.
_SAMPLE = (3e-4, 1e-4)

# Candidates of a batch, for skip-gram and for CBOW. Five million English words, three epochs: skip-gram has analogies
# .168, .186, .196 with 32, 48, 96; CBOW .146, .161 with 32 and 64 at 3e-4, and .155 with 32 at 1e-4.
_NUM_SAMPLED = (48, 32)


@dataclass(frozen=True)
class TrainingSettings:
    """The parameters of `Word2Vec`, with all defaults filled in.

    Attributes
    ----------
    subtract_log_q, bias : bool
        None is replaced by the default of the objective.
    learning_rate : float
        None is replaced by that of the optimizer in `LEARNING_RATES`.
    min_learning_rate : float
        None is replaced by half the learning rate.
    sample : float
        None is replaced by 3e-4, for CBOW by 1e-4.
    num_sampled : int or None
        None is replaced when the vocabulary is known, see `candidates`.
    sg : bool
        0 and 1 are accepted.
    """

    vector_size: int
    window: int
    min_count: int
    sample: float
    epochs: int
    num_sampled: int | None
    batch_size: int
    learning_rate: float
    min_learning_rate: float
    sg: bool
    shrink_windows: bool
    objective: str | Objective
    subtract_log_q: bool
    sampler: str
    ns_exponent: float
    optimizer: str
    bias: bool
    seed: int
    which: str
    shrinkage: float
    shards: int

    @classmethod
    def checked(cls, **given: Any) -> "TrainingSettings":
        """Check types and ranges of all arguments; TypeError or ValueError names the argument."""
        objective = _compiled_objective(given["objective"])
        corrected = _log_q(objective, given["subtract_log_q"])
        bias = given["bias"]
        sg = zero_or_one("sg", given["sg"])
        optimizer = validation.choice("optimizer", given["optimizer"], OPTIMIZERS)
        rate = given["learning_rate"]
        if rate is None:
            rate = _of_kind(LEARNING_RATES[optimizer], sg)
        rate = validation.number("learning_rate", rate, above=0.0)
        size, sample = given["num_sampled"], given["sample"]
        last_rate = given["min_learning_rate"]
        last_rate = rate / 2 if last_rate is None else validation.number("min_learning_rate", last_rate, at_least=0.0)
        if last_rate > rate:
            raise ValueError(f"min_learning_rate must be at most learning_rate={rate:g}, got {last_rate:g}")
        return cls(
            vector_size=validation.whole_number("vector_size", given["vector_size"], at_least=1),
            window=validation.whole_number("window", given["window"], at_least=1),
            min_count=validation.whole_number("min_count", given["min_count"], at_least=1),
            sample=_of_kind(_SAMPLE, sg) if sample is None else validation.number("sample", sample, at_least=0.0),
            epochs=validation.whole_number("epochs", given["epochs"], at_least=1, at_most=2**28),
            num_sampled=size if size is None else validation.whole_number("num_sampled", size, at_least=1),
            batch_size=validation.whole_number("batch_size", given["batch_size"], at_least=1),
            learning_rate=rate,
            min_learning_rate=last_rate,
            sg=sg,
            shrink_windows=validation.flag("shrink_windows", given["shrink_windows"]),
            objective=given["objective"],
            subtract_log_q=corrected,
            sampler=validation.choice("sampler", given["sampler"], SAMPLERS),
            ns_exponent=validation.number("ns_exponent", given["ns_exponent"]),
            optimizer=optimizer,
            bias=corrected if bias is None else validation.flag("bias", bias),
            seed=validation.whole_number("seed", given["seed"], at_least=0, at_most=MAX_SEED),
            which=validation.choice("which", given["which"], WHICH),
            shrinkage=validation.number("shrinkage", given["shrinkage"], at_least=0.0),
            shards=validation.whole_number("shards", given["shards"], at_least=1, at_most=MAX_SHARDS),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        return self.arguments() | {"objective": described(self.objective)}

    def arguments(self) -> dict[str, Any]:
        """Return names and values, as `checked` takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def correction(self) -> Correction:
        """The correction of logits: as in TensorFlow, accidental hits are removed except with NCE."""
        objective = BUILT_IN[self.objective] if isinstance(self.objective, str) else self.objective
        return Correction(self.subtract_log_q, objective.remove_accidental_hits, "all")

    def new_optimizer(self) -> Optimizer:
        """Return the optimizer of the tables."""
        if self.optimizer == "sgd":
            return SGD(self.learning_rate)
        return Adagrad(self.learning_rate) if self.optimizer == "adagrad" else RowwiseAdagrad(self.learning_rate)

    @property
    def slots_per_weight(self) -> float:
        """Entries of optimizer slots for each entry of a table."""
        return {"adagrad": 1.0, "rowwise_adagrad": 1.0 / self.vector_size, "sgd": 0.0}[self.optimizer]

    def candidates(self, num_words: int) -> int:
        """Return the number of candidates of a batch: `num_sampled`, or 48 (CBOW: 32) and at most half of the words."""
        most = _of_kind(_NUM_SAMPLED, self.sg)
        return max(1, min(most, num_words // 2)) if self.num_sampled is None else self.num_sampled

    def rate_at(self, share: float) -> float:
        """Return the learning rate after a `share` of the words, by linear decay."""
        return self.learning_rate + (self.min_learning_rate - self.learning_rate) * share


def _of_kind(defaults: tuple[_Number, _Number], sg: bool) -> _Number:
    """Return the default of skip-gram, which comes first, or of CBOW."""
    return defaults[0] if sg else defaults[1]


def zero_or_one(name: str, value: object) -> bool:
    """Return a bool; 0 and 1 stand for False and True, as in gensim."""
    return bool(value) if type(value) is int and value in (0, 1) else validation.flag(name, value)


class SavedObjective(Objective):
    """The description of an objective that a saved model was trained with; it cannot be trained with."""

    def __init__(self, description: str) -> None:
        self.description = description


def described(objective: str | Objective) -> str:
    """Return the name of a built-in objective, or the class and the parameters of another."""
    if isinstance(objective, str):
        return objective
    if isinstance(objective, SavedObjective):
        return objective.description
    return f"{type(objective).__qualname__}: {objective.compiled_loss()!r}"


def saved_objective(description: str, given: Objective | None) -> str | Objective:
    """Return the objective of a saved model: a built-in, the one that is `given` again, or a description."""
    if description in BUILT_IN:
        if given is not None:
            raise ValueError(f"objective: the model was trained with {description!r}, which needs no objective")
        return description
    if given is not None and described(given) != description:
        raise ValueError(f"objective: the model was trained with {description}, got {described(given)}")
    return SavedObjective(description) if given is None else given


def _compiled_objective(value: Any) -> Objective:
    if isinstance(value, SavedObjective):
        return value
    objective = checked_objective(value)
    if objective.compiled_loss() is None:
        raise TypeError(f"objective: {type(objective).__name__} must define compiled_loss to train word vectors")
    return objective


def _log_q(objective: Objective, subtract_log_q: bool | None) -> bool:
    if subtract_log_q is None:
        return objective.subtract_log_q
    if validation.flag("subtract_log_q", subtract_log_q) and objective is BUILT_IN["negative_sampling"]:
        raise ValueError("subtract_log_q=True with objective='negative_sampling' is objective='nce': use that instead")
    return subtract_log_q
