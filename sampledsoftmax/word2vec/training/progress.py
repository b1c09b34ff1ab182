"""Progress records of a training run, and the error of a diverged run."""

import math
from typing import NamedTuple

# Time constant of the exponential smoothing, about a second of training: older losses have lost 63 % of their weight.
_SMOOTHING_PAIRS = 2e6


class Progress(NamedTuple):
    """Progress of a run, reported after each block of text.

    Attributes
    ----------
    epoch : int
        The current epoch, from 1.
    epochs : int
        Epochs of the run.
    step : int
        Steps taken so far.
    pairs : int
        Pairs (input, label) so far.
    words : int
        Words of the corpus so far, including earlier epochs.
    total_words : int
        Words of the corpus times epochs.
    loss : float
        Mean loss per pair, summed in float64: over the last block, or over the epoch if the block ends it. NaN where
        subsampling left no pairs.
    smoothed : float
        Exponentially weighted mean of the losses so far: a pair n pairs ago has the weight exp(-n / 2,000,000).
    learning_rate : float
        Learning rate of the last block.
    """

    epoch: int
    epochs: int
    step: int
    pairs: int
    words: int
    total_words: int
    loss: float
    smoothed: float = float("nan")
    learning_rate: float = float("nan")


def smooth(before: float, loss: float, pairs_before: int, pairs: int) -> float:
    """Return the smoothed loss after `pairs` more pairs of mean `loss`.

    Examples
    --------
    >>> smooth(float("nan"), 3.0, 0, 1000)
    3.0
    >>> round(smooth(3.0, 2.0, 2_000_000, 2_000_000), 3)
    2.269
    """
    if pairs == 0 or pairs_before == 0:
        return before if pairs == 0 else loss
    fade = math.exp(-pairs / _SMOOTHING_PAIRS)
    weight_before = fade * -math.expm1(-pairs_before / _SMOOTHING_PAIRS)
    weight = -math.expm1(-pairs / _SMOOTHING_PAIRS)
    return (weight_before * before + weight * loss) / (weight_before + weight)


class TrainingDivergedError(FloatingPointError):
    """The loss or a table stopped being finite, or the loss is far above that of a model that knows nothing.

    Attributes
    ----------
    step : int
        The step at which that was seen, from 1.
    learning_rate : float
        The learning rate at that step.
    loss : float
        The mean loss of the block; NaN if it is not finite.
    """

    def __init__(self, step: int, learning_rate: float, loss: float = float("nan")) -> None:
        self.step, self.learning_rate, self.loss = step, learning_rate, loss
        what = "the loss or an embedding is no longer finite"
        if not math.isnan(loss):
            what = f"the loss, {loss:.3g}, is far above that of a model that knows nothing"
        super().__init__(
            f"training diverged at step {step}: {what} with learning_rate={learning_rate:g}; use a smaller one"
        )
