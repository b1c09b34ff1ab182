"""What a training run tells while it runs, and how it ends when the loss is lost."""

from typing import NamedTuple


class Progress(NamedTuple):
    """How far a run is; one is reported after each block of pairs.

    Attributes
    ----------
    epoch : int
        The epoch that is running, from 1.
    epochs : int
        Epochs of the run.
    step : int
        Batches so far.
    pairs : int
        Pairs so far.
    words : int
        Words of the corpus so far, those of earlier epochs included.
    total_words : int
        Words of the corpus times epochs.
    loss : float
        Mean loss of a pair, summed in float64: over the last block, and over the epoch where one has ended.
    """

    epoch: int
    epochs: int
    step: int
    pairs: int
    words: int
    total_words: int
    loss: float


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
