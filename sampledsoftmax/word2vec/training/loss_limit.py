"""When the loss of a run says that it has diverged, although all numbers are finite."""

import math

# Measured on the corpus of LEARNING_RATES in settings.py: blocks of a run that learns have at most the loss of zero
# logits, 5.5; rowwise_adagrad at 0.6, three times the default, starts with 9 and still learns; at 1, 5 and 100, where
# nothing is learned any more, the first block has 23, 650 and 250,000. A corpus of a few sentences has few steps, whose
# loss may for a moment be ten times that of zero logits, as of NCE on two words: there only an explosion counts.
_WINDOW_PAIRS = 50_000
_FACTOR, _MARGIN = 3.0, 3.0
_EXPLOSION = 30.0


class LossLimit:
    """Compares losses with that of a model that knows nothing, whose logits are zero.

    A run has diverged if the mean loss of 50,000 pairs or more is above 3 + 3 times that loss, or that of a single
    block above 30 times (1 + that loss). An objective whose loss of zero logits is not above 0 has no limit.

    Parameters
    ----------
    zero_loss : float
        Mean loss of a pair where all logits are zero.

    Examples
    --------
    >>> limit = LossLimit(zero_loss=4.0)
    >>> limit.is_exceeded(loss=10.0 * 60_000, pairs=60_000), limit.is_exceeded(loss=20.0 * 60_000, pairs=60_000)
    (False, True)
    >>> limit.is_exceeded(loss=20.0 * 60, pairs=60), limit.is_exceeded(loss=200.0 * 60, pairs=60)
    (False, True)
    """

    def __init__(self, zero_loss: float) -> None:
        self._limit = _FACTOR * zero_loss + _MARGIN if zero_loss > 0.0 else math.inf
        self._explosion = _EXPLOSION * (zero_loss + 1.0) if zero_loss > 0.0 else math.inf
        self._loss, self._pairs = 0.0, 0

    def is_exceeded(self, loss: float, pairs: int) -> bool:
        """Return whether the run has diverged, after a block with this sum of losses and number of pairs."""
        if loss > self._explosion * max(pairs, 1):
            return True
        self._loss += loss
        self._pairs += pairs
        if self._pairs < _WINDOW_PAIRS:
            return False
        mean = self._loss / self._pairs
        self._loss, self._pairs = 0.0, 0
        return mean > self._limit
