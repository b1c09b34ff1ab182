"""The validated settings of a training run."""

from dataclasses import asdict, dataclass
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.optimizers import SGD, Adagrad, Optimizer, RowwiseAdagrad
from sampledsoftmax.types import Correction
from sampledsoftmax.word2vec.vectors.word_vectors import WHICH

MAX_SEED = 2**31 - 2
OBJECTIVES = ("sampled_softmax", "nce", "negative_sampling")
SAMPLERS = ("unigram", "log_uniform", "learned_unigram")
OPTIMIZERS = ("adagrad", "rowwise_adagrad", "sgd")

_WORD2VEC_POWER = 0.75  # Mikolov et al., "Distributed representations of words and phrases", 2013, section 2.2


@dataclass(frozen=True)
class TrainingSettings:
    """The parameters of `Word2Vec`, with all defaults filled in.

    Attributes
    ----------
    subtract_log_q, bias : bool
        None is replaced by the default of the objective.
    min_learning_rate : float
        None is replaced by half the learning rate.
    ns_exponent : float
        None is replaced by 1 if log Q is subtracted, else by 0.75.
    """

    vector_size: int
    window: int
    min_count: int
    sample: float
    epochs: int
    num_sampled: int
    batch_size: int
    learning_rate: float
    min_learning_rate: float
    sg: bool
    shrink_windows: bool
    objective: str
    subtract_log_q: bool
    sampler: str
    ns_exponent: float
    optimizer: str
    bias: bool
    seed: int
    which: str

    @classmethod
    def checked(cls, **given: Any) -> "TrainingSettings":
        """Check types and ranges of all arguments; TypeError or ValueError names the argument."""
        objective = validation.choice("objective", given["objective"], OBJECTIVES)
        corrected = _log_q(objective, given["subtract_log_q"])
        power, bias = given["ns_exponent"], given["bias"]
        rate = validation.number("learning_rate", given["learning_rate"], above=0.0)
        last_rate = given["min_learning_rate"]
        last_rate = rate / 2 if last_rate is None else validation.number("min_learning_rate", last_rate, at_least=0.0)
        if last_rate > rate:
            raise ValueError(f"min_learning_rate must be at most learning_rate={rate:g}, got {last_rate:g}")
        return cls(
            vector_size=validation.whole_number("vector_size", given["vector_size"], at_least=1),
            window=validation.whole_number("window", given["window"], at_least=1),
            min_count=validation.whole_number("min_count", given["min_count"], at_least=1),
            sample=validation.number("sample", given["sample"], at_least=0.0),
            epochs=validation.whole_number("epochs", given["epochs"], at_least=1, at_most=2**28),
            num_sampled=validation.whole_number("num_sampled", given["num_sampled"], at_least=1),
            batch_size=validation.whole_number("batch_size", given["batch_size"], at_least=1),
            learning_rate=rate,
            min_learning_rate=last_rate,
            sg=validation.flag("sg", given["sg"]),
            shrink_windows=validation.flag("shrink_windows", given["shrink_windows"]),
            objective=objective,
            subtract_log_q=corrected,
            sampler=validation.choice("sampler", given["sampler"], SAMPLERS),
            ns_exponent=(1.0 if corrected else _WORD2VEC_POWER)
            if power is None
            else validation.number("ns_exponent", power),
            optimizer=validation.choice("optimizer", given["optimizer"], OPTIMIZERS),
            bias=corrected if bias is None else validation.flag("bias", bias),
            seed=validation.whole_number("seed", given["seed"], at_least=0, at_most=MAX_SEED),
            which=validation.choice("which", given["which"], WHICH),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        return asdict(self)

    @property
    def correction(self) -> Correction:
        """The correction of logits: as in TensorFlow, accidental hits are removed except with NCE."""
        return Correction(self.subtract_log_q, self.objective != "nce", "all")

    def new_optimizer(self) -> Optimizer:
        """Return the optimizer of the tables."""
        if self.optimizer == "sgd":
            return SGD(self.learning_rate)
        return Adagrad(self.learning_rate) if self.optimizer == "adagrad" else RowwiseAdagrad(self.learning_rate)

    def rate_at(self, share: float) -> float:
        """Return the learning rate after a `share` of the words, by linear decay."""
        return self.learning_rate + (self.min_learning_rate - self.learning_rate) * share


def _log_q(objective: str, subtract_log_q: bool | None) -> bool:
    if subtract_log_q is None:
        return objective != "negative_sampling"
    if validation.flag("subtract_log_q", subtract_log_q) and objective == "negative_sampling":
        raise ValueError("subtract_log_q=True with objective='negative_sampling' is objective='nce': use that instead")
    return subtract_log_q
