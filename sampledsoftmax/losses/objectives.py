"""Objectives: what a layer minimizes, as a function of the corrected logits of one example."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import reference, validation
from sampledsoftmax.kernels.loss.objectives import (
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    block_loss,
    row_loss,
)

Floats = NDArray[np.floating[Any]]


class Objective:
    """A loss of the logits of labels and candidates, for `objective=` of layers and word models.

    A subclass defines `loss_and_grad` in NumPy, or `compiled_loss` for training steps in compiled code, or both.
    Parameters are attributes of the instance.

    Attributes
    ----------
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits, where the caller does not say.
    remove_accidental_hits : bool
        Whether candidates that are labels of an example are left out of it, where the caller does not say.
    corrects_labels : bool
        Whether log(expected count), where it is subtracted, is subtracted from the logits of the labels too.

    Examples
    --------
    Sampled softmax with a margin on the true logits:

    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> class Margin(ss.Objective):
    ...     def __init__(self, margin):
    ...         self.margin = margin
    ...     def loss_and_grad(self, logits, num_true):
    ...         shifted = logits.copy()
    ...         shifted[:, :num_true] -= self.margin
    ...         return ss.reference.cross_entropy(shifted, num_true)
    >>> layer = ss.SampledSoftmax(num_classes=10, dim=2, num_sampled=3, objective=Margin(0.5), seed=1)
    >>> loss, inputs_gradient = layer.step(np.ones((1, 2), np.float32), np.array([4]))
    >>> inputs_gradient.shape
    (1, 2)
    """

    subtract_log_q = True
    remove_accidental_hits = True
    corrects_labels = True

    def loss_and_grad(self, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
        """Return the loss of each example and its gradient with respect to the logits.

        Parameters
        ----------
        logits : float [batch_size, num_true + num_sampled]
            Labels, then candidates. A candidate that is left out of an example has -inf there: its share of the loss
            and its gradient must be 0.
        num_true : int
            Number of labels of an example.

        Returns
        -------
        loss : float [batch_size]
        gradient : float [batch_size, num_true + num_sampled]
        """
        raise NotImplementedError(f"{type(self).__name__} does not define loss_and_grad")

    def compiled_loss(self) -> Any:
        """Return the parameters of the compiled loss, or None where there is none.

        Returns
        -------
        NamedTuple or None
            Numbers; its class has a kernel registered under `sampledsoftmax.kernels.loss.objectives.row_loss`.
        """
        return None


class _BuiltIn(Objective):
    """An objective with kernels, whose NumPy form is a function of reference.py."""

    def __init__(self, name: str, compiled: Any, formula: Any, subtract_log_q: bool, remove_hits: bool) -> None:
        self.name = name
        self.subtract_log_q, self.remove_accidental_hits = subtract_log_q, remove_hits
        self._compiled, self._formula = compiled, formula

    def __repr__(self) -> str:
        return repr(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the name: there is one object of each."""
        return checked_objective, (self.name,)

    def loss_and_grad(self, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
        loss, gradient = self._formula(logits, num_true)
        return loss, gradient

    def compiled_loss(self) -> Any:
        return self._compiled


SAMPLED_SOFTMAX = _BuiltIn("sampled_softmax", SoftmaxCrossEntropy(), reference.cross_entropy, True, True)
# TensorFlow's nce_loss does not remove accidental hits; negative sampling is NCE without log Q (Mikolov et al. 2013).
NCE = _BuiltIn("nce", SigmoidCrossEntropy(), reference.sigmoid_cross_entropy, True, False)
NEGATIVE_SAMPLING = _BuiltIn("negative_sampling", SigmoidCrossEntropy(), reference.sigmoid_cross_entropy, False, True)
BUILT_IN = {objective.name: objective for objective in (SAMPLED_SOFTMAX, NCE, NEGATIVE_SAMPLING)}


def checked_objective(value: Any) -> Objective:
    """Return the objective of an `objective=` argument, or refuse it with the reason."""
    if isinstance(value, str):
        if value not in BUILT_IN:
            raise ValueError(
                f"objective must be one of {', '.join(map(repr, BUILT_IN))}, got {validation.shown(value)}"
            )
        return BUILT_IN[value]
    if isinstance(value, type) and issubclass(value, Objective):
        raise TypeError(f"objective must be an instance, got the class {value.__name__}: call it with its parameters")
    if not isinstance(value, Objective):
        names = ", ".join(map(repr, BUILT_IN))
        raise TypeError(f"objective must be {names} or an ss.Objective, got {type(value).__name__}")
    name, compiled = type(value).__name__, value.compiled_loss()
    if compiled is None and type(value).loss_and_grad is Objective.loss_and_grad:
        raise TypeError(f"{name} must define loss_and_grad, or compiled_loss for training steps in compiled code")
    if compiled is not None and not (row_loss.has(type(compiled)) or block_loss.has(type(compiled))):
        loss = type(compiled).__name__
        raise TypeError(
            f"{name}.compiled_loss returns a {loss}, for which no kernel is registered: "
            f"put @row_loss.register({loss}) before its kernel"
        )
    return value


def checked_loss(objective: Objective, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
    """Return what `objective.loss_and_grad` gives for the logits, after checking its shapes."""
    result = objective.loss_and_grad(logits, num_true)
    name = f"{type(objective).__name__}.loss_and_grad"
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(f"{name} must return (loss, gradient), got {type(result).__name__}")
    try:
        loss, gradient = (np.asarray(array, logits.dtype) for array in result)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must return two arrays of numbers: {validation.shown(str(error))}") from None
    if loss.shape != logits.shape[:1] or gradient.shape != logits.shape:
        raise ValueError(
            f"{name} must return a loss {list(logits.shape[:1])} and a gradient {list(logits.shape)}, "
            f"got {list(loss.shape)} and {list(gradient.shape)}"
        )
    return loss, gradient
