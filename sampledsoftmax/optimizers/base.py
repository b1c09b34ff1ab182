"""Base class of the sparse optimizers, and the validation that they share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.kernels.update.rules import NoSlots, update_row, update_rows
from sampledsoftmax.types import IndexedSlices

Slots = dict[str, NDArray[Any]]


class Optimizer(ABC):
    """An optimizer of tables whose gradients name a few rows.

    A subclass defines `init`, and either `update` in Python or, to be used by fused training steps, `compiled_rule`
    and, if it has slots, `compiled_slots`. An instance holds settings only; the state of a table is in its slots, so
    one optimizer serves any number of tables.

    Attributes
    ----------
    learning_rate : float
        Step size; named in the error of a loss that is not finite.

    Examples
    --------
    Gradient descent on the sign of the gradient:

    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> class SignSGD(ss.Optimizer):
    ...     learning_rate = 0.5
    ...     def init(self, table):
    ...         return {}
    ...     def update(self, table, slots, gradient):
    ...         rows = gradient.coalesce()
    ...         table[rows.indices] -= self.learning_rate * np.sign(rows.values)
    >>> layer = ss.SampledSoftmax(num_classes=10, dim=2, num_sampled=3, optimizer=SignSGD(), seed=1)
    >>> loss, _ = layer.step(np.ones((1, 2), np.float32), np.array([4]))
    >>> np.unique(layer.biases)
    array([-0.5,  0. ,  0.5], dtype=float32)
    """

    learning_rate: float

    def __setattr__(self, name: str, value: Any) -> None:
        """Check a setting at each assignment: a schedule may assign a learning rate between two steps."""
        object.__setattr__(self, name, self.checked_setting(name, value))

    def checked_setting(self, name: str, value: Any) -> Any:
        """Return the value to assign to a setting; a subclass checks its own settings here.

        Parameters
        ----------
        name : str
            Name of the attribute.
        value : object
            What is assigned.

        Returns
        -------
        object
            The value, converted if need be.

        Raises
        ------
        TypeError, ValueError
            If the value is of another type or out of its range; the old value stays.

        Examples
        --------
        >>> from sampledsoftmax import SGD
        >>> SGD(0.1).checked_setting("learning_rate", 1)
        1.0
        """
        del name
        return value

    @abstractmethod
    def init(self, table: NDArray[Any]) -> Slots:
        """Return the optimizer's slots for a table.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table that is to be trained; it is not changed.

        Returns
        -------
        dict
            Arrays by name. All rows start alike, and an array with one entry or row per row of the table has num_rows
            as its first axis.
        """

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` and its slots in place; duplicates are summed first.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table; changed in place. Rows that the gradient does not name keep their bits.
        slots : dict
            Its slots, from `init`; changed in place.
        gradient : IndexedSlices
            Of the shape and dtype of the table.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices, or the slots, do not fit the table; nothing is changed.
        """
        unique = checked_gradient(table, gradient)
        rule, structs = self.compiled_rule(table.dtype), self.compiled_slots(table, slots)
        update_rows(rule, as_rows(table), structs, unique.indices, unique.values)

    def catch_up(self, table: NDArray[Any], slots: Slots, ids: ArrayLike | None = None) -> None:
        """Apply the steps that rows have missed, in place; for most optimizers there are none.

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
        del table, slots, ids

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        """Return the compiled update rule of a row, or None where there is none.

        Parameters
        ----------
        dtype : numpy.dtype
            That of the table: the rule computes in the precision of its numbers.

        Returns
        -------
        NamedTuple or None
            Numbers; its class has a kernel registered under `sampledsoftmax.kernels.update.rules.update_row`.
        """
        del dtype

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> ArrayStruct:
        """Return the slots as the compiled rule takes them.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table.
        slots : dict
            Its slots, from `init`.

        Returns
        -------
        ArrayStruct
            Views of the slots as matrices, see `as_rows`; by default a struct without arrays.

        Raises
        ------
        TypeError, ValueError
            If the slots do not fit the table.
        """
        del table, slots
        return NoSlots()


def checked_optimizer(value: Any) -> Optimizer:
    """Return an optimizer that can train a table, or refuse it with the reason."""
    if isinstance(value, type) and issubclass(value, Optimizer):
        raise TypeError(f"optimizer must be an instance, got the class {value.__name__}: call it with its settings")
    if not isinstance(value, Optimizer):
        got = f"{value!r:.60}" if isinstance(value, str) else type(value).__name__
        raise TypeError(f"optimizer must be an ss.Optimizer, such as ss.Adagrad(0.05), got {got}")
    rule, name = value.compiled_rule(np.dtype(np.float32)), type(value).__name__
    if rule is None and type(value).update is Optimizer.update:
        raise TypeError(f"{name} must define update, or compiled_rule for training steps in compiled code")
    if rule is not None and not update_row.has(type(rule)):
        rule_name = type(rule).__name__
        raise TypeError(
            f"{name}.compiled_rule returns a {rule_name}, for which no kernel is registered: "
            f"put @update_row.register({rule_name}) before its kernel"
        )
    return value


def checked_gradient(table: NDArray[Any], gradient: IndexedSlices) -> IndexedSlices:
    """Return the gradient as rows with duplicates summed, after checking that it fits the table."""
    checked_table(table)
    if tuple(gradient.dense_shape) != table.shape:
        raise ValueError(f"gradient is for a table of {gradient.dense_shape}, got a table of {table.shape}")
    indices = validation.ids("gradient.indices", gradient.indices, ("num_rows",), table.shape[0])
    shape = (indices.size, *table.shape[1:])
    values = validation.floats("gradient.values", gradient.values, shape, table.dtype)
    unique = IndexedSlices(values, indices, table.shape).coalesce()
    return unique._replace(values=as_rows(unique.values))


def checked_table(table: NDArray[Any]) -> None:
    """Refuse a table that cannot be trained in place."""
    validation.floats("table", table, ("num_classes", "dim")[: max(table.ndim, 1)])
    if not table.flags.writeable:
        raise ValueError("table must be writeable: it is trained in place")


def validated_rows(table: NDArray[Any], ids: ArrayLike | None) -> NDArray[np.int64]:
    """Return distinct ids of rows of a table that can be trained, all of them for None."""
    checked_table(table)
    if ids is None:
        return np.arange(table.shape[0])
    return np.unique(validation.ids("ids", ids, ("num_ids",), table.shape[0]))


def checked_slot(slots: Slots, name: str, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Return the slot of that name, after checking that it fits the table."""
    if name not in slots:
        raise ValueError(f"slots must hold {name!r}, got {', '.join(map(repr, slots)) or 'none'}")
    slot = np.asarray(slots[name])
    if slot.dtype != dtype:
        raise TypeError(f"slots[{name!r}] must be {np.dtype(dtype)}, got {slot.dtype}")
    if slot.shape != tuple(shape):
        raise ValueError(f"slots[{name!r}] must have shape {list(shape)}, got {list(slot.shape)}")
    return slot


def as_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return a vector as a matrix of one column, the same memory."""
    return array if array.ndim == 2 else array[:, np.newaxis]
