"""Adam, in two forms: rows that are not named wait, or catch up."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update.adam import Rates, adam_rows, catch_up_rows
from sampledsoftmax.optimizers.base import Slots, as_rows, checked_gradient, checked_slot, checked_table
from sampledsoftmax.types import IndexedSlices


@dataclass
class Adam:
    """Adam: both moments follow the gradient, row -= step size * m / (sqrt(v) + epsilon).

    In step t (the t-th `update`), m += (1 - beta_1) * (gradient - m), v += (1 - beta_2) *
    (gradient**2 - v), and the step size is learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t).
    Dense Adam does so in all rows, since moments fade and move a row even where its gradient is 0.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    beta_1 : float
        Share of the mean gradient that is kept, in [0, 1).
    beta_2 : float
        Share of the mean squared gradient that is kept, in [0, 1).
    epsilon : float
        Added to the root, above 0. It is the "epsilon hat" of the paper, as in TensorFlow.
    mode : "lazy" or "exact"
        "lazy": rows that are not named stay as they are, moments too (LazyAdam of TensorFlow Addons).
        "exact": when a row is named again, or by `catch_up`, it first takes the steps that it missed, so
        that a table that has caught up equals that of dense Adam with the same gradients. Until then a
        row is behind: whoever reads it for the next gradient calls `catch_up` for it before.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Notes
    -----
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, the last remark of section
    2; equal to TensorFlow's ResourceApplyAdam. A row that missed k steps costs min(k, n) of them in
    mode "exact": the movements shrink by beta_1 / sqrt(beta_2) a step, and n is where what is left of
    them is below the rounding of the first (about 210 steps for the default settings in float32; no
    limit if beta_1 >= sqrt(beta_2)). Missed steps are taken with the learning rate of the moment.

    Examples
    --------
    >>> import numpy as np
    >>> table, optimizer = np.zeros((3, 1)), Adam(0.1, mode="exact")
    >>> slots = optimizer.init(table)
    >>> for row in (2, 1):
    ...     optimizer.update(table, slots, IndexedSlices(np.array([[1.0]]), np.array([row]), (3, 1)))
    >>> table.ravel().round(4)
    array([ 0.    , -0.0744, -0.1   ])
    >>> optimizer.catch_up(table, slots)
    >>> table.ravel().round(4)
    array([ 0.    , -0.0744, -0.167 ])
    """

    learning_rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    mode: str = "lazy"

    def __post_init__(self) -> None:
        self.learning_rate = validation.number("learning_rate", self.learning_rate, at_least=0.0)
        for name in ("beta_1", "beta_2"):
            beta = validation.number(name, getattr(self, name), at_least=0.0)
            if beta >= 1:
                raise ValueError(f"{name} must be below 1, got {beta:g}")
            setattr(self, name, beta)
        self.epsilon = validation.number("epsilon", self.epsilon, above=0.0)
        self.mode = validation.choice("mode", self.mode, ("lazy", "exact"))

    def init(self, table: NDArray[Any]) -> Slots:
        """Return what is remembered of a table.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table that is to be trained; it is not changed.

        Returns
        -------
        dict
            "m" and "v": zeros like `table`; "step": int64 [1]; in mode "exact" "last_step": int64 [num_rows].
        """
        slots = {"m": np.zeros_like(table), "v": np.zeros_like(table), "step": np.zeros(1, np.int64)}
        if self.mode == "exact":
            slots["last_step"] = np.zeros(table.shape[:1], np.int64)
        return slots

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` and its moments in place, duplicates summed first.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table; changed in place.
        slots : dict
            Its slots, from `init`; changed in place.
        gradient : IndexedSlices
            Of the shape and dtype of the table.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices, or the slots, do not fit the table.
        """
        unique = checked_gradient(table, gradient)
        m, v, step = self._checked_slots(table, slots)
        if self.mode == "exact":
            self._catch_up(table, slots, unique.indices)
        step += 1
        adam_rows(as_rows(table), as_rows(m), as_rows(v), unique.indices, unique.values, int(step[0]), self._rates())
        if self.mode == "exact":
            slots["last_step"][unique.indices] = step[0]

    def catch_up(self, table: NDArray[Any], slots: Slots, ids: ArrayLike | None = None) -> None:
        """Take the steps that rows missed, in place; in mode "lazy" they miss none.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table.
        slots : dict
            Its slots.
        ids : int [num_ids], optional
            Rows to catch up; default all.

        Raises
        ------
        TypeError, ValueError
            If the slots or ids do not fit the table.
        """
        checked_table(table)
        self._checked_slots(table, slots)
        rows = np.arange(table.shape[0]) if ids is None else validation.ids("ids", ids, ("num_ids",), table.shape[0])
        if self.mode == "exact":
            self._catch_up(table, slots, rows)

    def _catch_up(self, table: NDArray[Any], slots: Slots, ids: NDArray[np.int64]) -> None:
        rows = as_rows(table)
        catch_up_rows(
            rows,
            as_rows(slots["m"]),
            as_rows(slots["v"]),
            slots["last_step"],
            ids,
            np.zeros((1, rows.shape[1]), rows.dtype),
            int(slots["step"][0]),
            self._rates(),
            self._most_terms(table.dtype),
        )

    def _checked_slots(self, table: NDArray[Any], slots: Slots) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        if self.mode == "exact":
            checked_slot(slots, "last_step", table.shape[:1], np.int64)
        return (
            checked_slot(slots, "m", table.shape, table.dtype),
            checked_slot(slots, "v", table.shape, table.dtype),
            checked_slot(slots, "step", (1,), np.int64),
        )

    def _rates(self) -> Rates:
        return Rates(self.learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def _most_terms(self, dtype: np.dtype[Any]) -> int:
        """Return after how many missed steps the movements left add up to less than the first's rounding.

        The i-th is at most growth * ratio**i times the first: the step size grows by at most
        1 / sqrt(1 - beta_2) over all steps.
        """
        if self.beta_1 == 0:
            return 0
        ratio = self.beta_1 / math.sqrt(self.beta_2) if self.beta_2 > 0 else math.inf
        if ratio >= 1:
            return 2**62
        growth = 1 / math.sqrt(1 - self.beta_2)
        return math.ceil(math.log(np.finfo(dtype).eps / 2 * (1 - ratio) / growth) / math.log(ratio))
