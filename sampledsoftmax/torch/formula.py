"""The loss of the corrected logits: which of them, what the logits are, and what is done to them before it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from sampledsoftmax import validation
from sampledsoftmax.losses.arguments import checked_similarity
from sampledsoftmax.types import Similarity

# What an objective does where the caller does not say: subtract log Q, remove accidental hits.
_DEFAULTS = {"sampled_softmax": (True, True), "nce": (True, False), "negative_sampling": (False, True)}


class Formula(NamedTuple):
    """An objective with its two corrections, and the similarity of inputs and rows of weights.

    Attributes
    ----------
    objective : str
        "sampled_softmax", "nce" or "negative_sampling"; the last two are one loss.
    subtract_log_q, remove_accidental_hits : bool
    temperature, normalize : float and bool
        By which dot products are divided; whether rows are divided by their lengths first.
    """

    objective: str
    subtract_log_q: bool
    remove_accidental_hits: bool
    temperature: float = 1.0
    normalize: bool = False

    @property
    def similarity(self) -> Similarity:
        """What a logit is before its bias is added and log(expected count) subtracted."""
        return Similarity(self.temperature, self.normalize)

    @property
    def is_softmax(self) -> bool:
        """Whether the columns of an example share one softmax; else each is a decision of its own."""
        return self.objective == "sampled_softmax"

    def losses(self, tables: Any, labels: Any, inputs: Any, values: ss.SampledValues) -> NDArray[Any]:
        """Return the losses [batch_size] of arrays; `tables` are weights and biases."""
        function = ss.sampled_softmax_loss if self.is_softmax else ss.nce_loss
        return function(*self._arguments(tables, labels, inputs, values), **self._options)

    def losses_and_gradients(
        self, tables: Any, labels: Any, inputs: Any, values: ss.SampledValues, loss_grad: NDArray[Any]
    ) -> tuple[NDArray[Any], ss.Gradients]:
        """Return the losses and the gradients of sum(loss_grad * loss)."""
        function = ss.sampled_softmax_loss_and_grad if self.is_softmax else ss.nce_loss_and_grad
        arguments = self._arguments(tables, labels, inputs, values)
        return function(*arguments, loss_grad=loss_grad, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"subtract_log_q": self.subtract_log_q, **self.similarity._asdict()}

    def _arguments(self, tables: Any, labels: Any, inputs: Any, values: ss.SampledValues) -> tuple[Any, ...]:
        weights, biases = tables
        sizes = (np.size(values.sampled_candidates), weights.shape[0], labels.shape[1])
        return (weights, biases, labels, inputs, *sizes, values, self.remove_accidental_hits)


def checked_formula(
    objective: Any,
    subtract_log_q: Any = None,
    remove_accidental_hits: Any = None,
    temperature: Any = 1.0,
    normalize: Any = False,
) -> Formula:
    """Return the formula of an objective; None takes what the objective does by default."""
    if isinstance(objective, ss.Objective):
        names = ", ".join(map(repr, _DEFAULTS))
        raise TypeError(
            f"objective must be one of {names} in PyTorch, got an object of the class {type(objective).__name__}: "
            "ss.SampledSoftmax takes objects"
        )
    name = validation.choice("objective", objective, tuple(_DEFAULTS))
    log_q, hits = _DEFAULTS[name]
    return Formula(
        name,
        log_q if subtract_log_q is None else validation.flag("subtract_log_q", subtract_log_q),
        hits if remove_accidental_hits is None else validation.flag("remove_accidental_hits", remove_accidental_hits),
        *checked_similarity(temperature, normalize),
    )
