"""What a training run tells while it runs, and how it ends when the loss is lost."""

import math
from typing import NamedTuple

# Pairs after which a loss has lost 63 % of its weight in the smoothed one: a second or so of training.
_SMOOTHING_PAIRS = 2e6


class Progress(NamedTuple):
    """How far a run is; one is reported after each block of text.

    Attributes
    ----------
    epoch : int
        The epoch that is running, from 1.
    epochs : int
        Epochs of the run.
    step : int
        Updates of the tables so far.
    pairs : int
        Pairs (input, label) so far.
    words : int
        Words of the corpus so far, those of earlier epochs included.
    total_words : int
        Words of the corpus times epochs.
    loss : float
        Mean loss of a pair, summed in float64: over the last block, and over the epoch where one has ended.
    smoothed : float
        Mean of the losses so far, those of late pairs with more weight: of n pairs ago exp(-n / 2,000,000).
    learning_rate : float
        Of the last block.
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
    """The loss or a table stopped being finite.

    Attributes
    ----------
    step : int
        The step that was not taken, from 1.
    learning_rate : float
        The learning rate of the run.
    """

    def __init__(self, step: int, learning_rate: float) -> None:
        self.step, self.learning_rate = step, learning_rate
        super().__init__(
            f"training diverged at step {step}: the loss or an embedding is no longer finite "
            f"with learning_rate={learning_rate:g}; use a smaller one"
        )
