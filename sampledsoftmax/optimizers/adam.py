"""Adam in three forms: rows without a gradient stay, with one count of steps or one a row, or catch up later."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update.adam import (
    CountedMoments,
    DatedMoments,
    ExactAdam,
    LazyAdam,
    Moments,
    RowCountedAdam,
)
from sampledsoftmax.kernels.update.rules import catch_up_rows
from sampledsoftmax.optimizers.base import (
    Optimizer,
    Slots,
    as_rows,
    check_is_table,
    checked_rule,
    checked_slot,
    validated_rows,
    widened_rows,
)
from sampledsoftmax.validation import arithmetic, is_half


@dataclass
class Adam(Optimizer):
    """Adam: both moments follow the gradient, row -= step size * m / (sqrt(v) + epsilon).

    In step t (the t-th `update`), m += (1 - beta_1) * (gradient - m), v += (1 - beta_2) *
    (gradient**2 - v), and the step size is learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t).
    Dense Adam does so in all rows, since moments decay and move a row even where its gradient is 0.

    Slots: "m" and "v", zeros like the table; "step", int64 [1], or int64 [num_rows] in mode "row_counted"; in mode
    "exact" also "last_step", int64 [num_rows].

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    beta_1 : float
        Decay of the mean gradient, in [0, 1).
    beta_2 : float
        Decay of the mean squared gradient, in [0, 1]. With 1, as in TensorFlow, the factor sqrt(1 - beta_2**t) of the
        step size is 0: no row ever moves.
    epsilon : float
        Added to the root, above 0. It is the "epsilon hat" of the paper, as in TensorFlow.
    mode : "lazy", "row_counted" or "exact"
        "lazy": rows that are not named stay as they are, moments too (LazyAdam of TensorFlow Addons).
        "row_counted": the same, but t is the number of updates of the row instead of the table, see Notes.
        "exact": when a row is named again, or by `catch_up`, it first takes the steps that it missed, so
        that a table that has caught up equals that of dense Adam with the same gradients. Until then a
        row is behind: `catch_up` must be called for it before it is read.
        The mode decides which slots a table has, so that it cannot be assigned later.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Notes
    -----
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, the last remark of section
    2; equal to TensorFlow's ResourceApplyAdam. Catching up k missed steps costs min(k, n) of them in
    mode "exact": updates shrink by beta_1 / sqrt(beta_2) a step, and n is where the rest of
    them is below the rounding of the first (about 210 steps for the default settings in float32; no
    limit if beta_1 >= sqrt(beta_2)). Missed steps are taken with the current learning rate.

    Which mode for rows that are seldom updated: the moments of a row start at 0, and the step size makes up for that
    if t counts the gradients that they average. "lazy" counts the steps of the table, so the first update of a row is
    one learning rate long in step 1, 0.5 in step 12, and 2.5 in step 1,000 (with the default betas). "row_counted"
    makes every first update one learning rate long, and the t-th of a row that of dense Adam with the t gradients that
    the row has had. In a row that every step names, the two modes are the same up to rounding. In both, averages run
    over the updates of a row: that of a user, updated once an epoch, follows the mean gradient of ten epochs with
    beta_1 = 0.9. For such tables beta_1 = 0 and beta_2 = 0.9 are a better start.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> table, optimizer = np.zeros((3, 1)), ss.Adam(0.1, mode="exact")
    >>> slots = optimizer.init(table)
    >>> for row in (2, 1):
    ...     optimizer.update(table, slots, ss.IndexedSlices(np.array([[1.0]]), np.array([row]), (3, 1)))
    >>> table.ravel().round(4)
    array([ 0.    , -0.0744, -0.1   ])
    >>> optimizer.catch_up(table, slots)
    >>> table.ravel().round(4)
    array([ 0.    , -0.0744, -0.167 ])

    The second row to be updated, where steps are counted for the table and where they are counted for the row:

    >>> for mode in ("lazy", "row_counted"):
    ...     table, optimizer = np.zeros((3, 1)), ss.Adam(0.1, mode=mode)
    ...     slots = optimizer.init(table)
    ...     for row in (2, 1):
    ...         optimizer.update(table, slots, ss.IndexedSlices(np.array([[1.0]]), np.array([row]), (3, 1)))
    ...     print(slots["step"], table.ravel().round(4))
    [2] [ 0.     -0.0744 -0.1   ]
    [0 1 1] [ 0.  -0.1 -0.1]
    """

    learning_rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    mode: str = "lazy"

    def checked_setting(self, name: str, value: Any) -> Any:
        if name == "beta_1":
            return validation.number(name, value, at_least=0.0, below=1.0)
        if name == "beta_2":
            return validation.number(name, value, at_least=0.0, at_most=1.0)
        if name == "epsilon":
            return validation.number(name, value, above=0.0)
        if name == "mode":
            mode = validation.choice(name, value, ("lazy", "row_counted", "exact"))
            if vars(self).get(name, mode) != mode:
                raise AttributeError(
                    f"mode of an Adam cannot be changed, got {mode!r}: the slots of its tables are those of"
                    f" {self.mode!r}; make another optimizer"
                )
            return mode
        return super().checked_setting(name, value)

    def init(self, table: NDArray[Any]) -> Slots:
        check_is_table(table)
        real = arithmetic(table.dtype)
        steps = np.zeros(len(table) if self.mode == "row_counted" else 1, np.int64)
        slots = {"m": np.zeros_like(table, real), "v": np.zeros_like(table, real), "step": steps}
        if self.mode == "exact":
            slots["last_step"] = np.zeros(table.shape[:1], np.int64)
        return slots

    def catch_up(self, table: NDArray[Any], slots: Slots, ids: ArrayLike | None = None) -> None:
        rows = validated_rows(table, ids)
        structs = self.compiled_slots(table, slots)
        if self.mode != "exact":
            return
        rule = checked_rule(self, arithmetic(table.dtype))
        if is_half(table.dtype):
            with widened_rows(self, table, slots, rows) as (wide, wide_slots):
                catch_up_rows(rule, as_rows(wide), self.compiled_slots(wide, wide_slots), np.arange(rows.size))
        else:
            catch_up_rows(rule, as_rows(table), structs, rows)

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        for name in ("learning_rate", "beta_1", "beta_2", "epsilon"):
            self.setting_for(name, dtype)  # the rule has float64 numbers; the kernels round what they make of them
        numbers = (self.learning_rate, self.beta_1, self.beta_2, self.epsilon)
        if self.mode == "row_counted":
            return RowCountedAdam(*numbers, _logarithm(self.beta_1), _logarithm(self.beta_2))
        return LazyAdam(*numbers) if self.mode == "lazy" else ExactAdam(*numbers, self._max_missed(dtype))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> Moments | CountedMoments | DatedMoments:
        real, num_rows = arithmetic(table.dtype), table.shape[:1]
        moments = [as_rows(checked_slot(slots, name, table.shape, real)) for name in ("m", "v")]
        step = checked_slot(slots, "step", num_rows if self.mode == "row_counted" else (1,), np.int64)
        if self.mode == "row_counted":
            return CountedMoments(*moments, step)
        if self.mode == "lazy":
            return Moments(*moments, step, np.zeros(1))
        last_step = checked_slot(slots, "last_step", num_rows, np.int64)
        return DatedMoments(*moments, step, np.zeros(1), last_step, np.zeros(1, np.int64))

    def _max_missed(self, dtype: np.dtype[Any]) -> int:
        """Return the number of missed steps after which all further movements add up to less than rounding.

        The i-th is at most growth * ratio**i times the first: the step size grows by at most
        1 / sqrt(1 - beta_2) over all steps.
        """
        if self.beta_1 == 0 or self.beta_2 == 1:  # no row moves without a gradient, or none at all
            return 0
        ratio = self.beta_1 / math.sqrt(self.beta_2) if self.beta_2 > 0 else math.inf
        if ratio >= 1:
            return 2**62
        growth = 1 / math.sqrt(1 - self.beta_2)
        return math.ceil(math.log(np.finfo(dtype).eps / 2 * (1 - ratio) / growth) / math.log(ratio))


def _logarithm(beta: float) -> float:
    """Return log beta, -inf for 0."""
    return math.log(beta) if beta > 0 else -math.inf
