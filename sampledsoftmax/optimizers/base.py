"""Base class of the sparse optimizers, and the validation that they share."""

import contextlib
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.kernels.update.rules import NoSlots, update_row, update_rows
from sampledsoftmax.types import Gradients, IndexedSlices, checked_shape, coalesced

Slots = dict[str, NDArray[Any]]
_SMALLEST = float(np.finfo(np.float32).tiny)


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
        is_built_in = type(self).__module__.startswith(Optimizer.__module__.rpartition(".")[0])
        if is_built_in and name not in getattr(self, "__dataclass_fields__", ()):
            settings = ", ".join(getattr(self, "__dataclass_fields__", ()))
            raise AttributeError(f"{type(self).__name__} has no setting {validation.shown(name)}; it has {settings}")
        object.__setattr__(self, name, self.checked_setting(name, value))

    def checked_setting(self, name: str, value: Any) -> Any:
        """Return the value to assign to a setting; a subclass checks its own settings here, then calls this.

        A learning rate must be a finite number of at least 0, whatever the optimizer.

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
        if name != "learning_rate":
            return value
        if callable(value):
            raise TypeError(
                f"learning_rate must be a number, got {validation.described(value)}: a schedule is called before each"
                " step, optimizer.learning_rate = schedule(step)"
            )
        return validation.number(name, value, at_least=0.0)

    def check_settings(self) -> None:
        """Check all settings once more, before a step: a subclass may set them in ways that no assignment shows.

        Raises
        ------
        TypeError, ValueError
            If a setting is of another type or out of its range.

        Examples
        --------
        >>> import numpy as np
        >>> from sampledsoftmax import SGD
        >>> optimizer = SGD(0.1)
        >>> vars(optimizer)["learning_rate"] = np.nan
        >>> optimizer.check_settings()
        Traceback (most recent call last):
        ValueError: learning_rate must be finite, got nan
        """
        for name in dict.fromkeys(("learning_rate", *vars(self))):
            if hasattr(self, name):
                self.checked_setting(name, getattr(self, name))

    def setting_for(self, name: str, dtype: np.dtype[Any]) -> Any:
        """Return a setting in the precision of a table; a compiled rule is made of such numbers.

        Parameters
        ----------
        name : str
            Name of the attribute.
        dtype : numpy.dtype
            That of the arithmetic.

        Returns
        -------
        float
            A number of that dtype.

        Raises
        ------
        TypeError, ValueError
            If the setting is out of its range, or infinite in that precision, as 1e39 is in float32; if it must be
            above 0 and is 0 there, as 1e-50 is. If the dtype is another one.
        AttributeError
            If there is no such setting.

        Examples
        --------
        >>> import numpy as np
        >>> from sampledsoftmax import SGD
        >>> SGD(0.5).setting_for("learning_rate", np.dtype("float32"))
        np.float32(0.5)
        """
        if not isinstance(dtype, np.dtype) or dtype not in validation.FLOAT_DTYPES:
            dtype = validation.float_dtype("dtype", dtype)
        value = getattr(self, name, None) if isinstance(name, str) else None
        if value is None:
            raise AttributeError(f"{type(self).__name__} has no setting {validation.shown(name)}")
        if type(value) is float and _SMALLEST <= value <= validation.largest(dtype):
            return dtype.type(value)  # the path of every step
        value = self.checked_setting(name, value)
        rounded = validation.number_of(name, value, dtype)
        if rounded == 0 < value:
            try:
                self.checked_setting(name, 0.0)
            except ValueError:
                raise ValueError(f"{name} must be above 0 as {dtype.name} too, got {value:g}") from None
        return rounded

    @abstractmethod
    def init(self, table: NDArray[Any]) -> Slots:
        """Return the optimizer's slots for a table.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table that is to be trained, float32, float64, or half precision (float16, bfloat16 of ml_dtypes); it
            is not changed.

        Returns
        -------
        dict
            Arrays by name, in the dtype of the table, or float32 for half precision. All rows start alike, and an array
            with one entry or row per row of the table has num_rows as its first axis.

        Raises
        ------
        TypeError, ValueError
            If the table is no NumPy array of such a shape and dtype.
        """

    def update(self, table: NDArray[Any], slots: Slots, gradient: Any) -> None:
        """Apply `gradient` to `table` and its slots in place; duplicates are summed first.

        Rows of a table in half precision are widened to float32, updated in float32, and rounded to nearest once.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table, a NumPy array; changed in place. Rows that the gradient does not name keep their bits.
        slots : dict
            Its slots, from `init`; changed in place.
        gradient : IndexedSlices or float [num_rows, dim] or [num_rows]
            Of the shape and dtype of the table (or float32, for half precision); an array is the gradient of all rows.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices, or the slots, do not fit the table, or if a setting is out of its
            range; nothing is changed.
        """
        unique = checked_gradient(table, gradient)
        self.check_settings()
        rule, structs = checked_rule(self, validation.arithmetic(table.dtype)), self.compiled_slots(table, slots)
        if validation.is_half(table.dtype):
            rows = unique.indices
            with widened_rows(self, table, slots, rows) as (wide, wide_slots):
                structs = self.compiled_slots(wide, wide_slots)
                update_rows(rule, as_rows(wide), structs, np.arange(rows.size), unique.values)
        else:
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
            That of the arithmetic, float32 or float64: the rule computes in the precision of its numbers.

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
        got = validation.shown(value) if isinstance(value, str) else type(value).__name__
        raise TypeError(f"optimizer must be an ss.Optimizer, such as ss.Adagrad(0.05), got {got}")
    rule, name = value.compiled_rule(np.dtype(np.float64)), type(value).__name__
    if rule is None and type(value).update is Optimizer.update:
        raise TypeError(f"{name} must define update, or compiled_rule for training steps in compiled code")
    if rule is not None and not update_row.has(type(rule)):
        rule_name = type(rule).__name__
        raise TypeError(
            f"{name}.compiled_rule returns a {rule_name}, for which no kernel is registered: "
            f"put @update_row.register({rule_name}) before its kernel"
        )
    return value


def checked_rule(optimizer: Optimizer, dtype: np.dtype[Any]) -> Any:
    """Return the compiled rule of an optimizer, whose numbers are not NaN and whose learning rate is finite."""
    rule = optimizer.compiled_rule(dtype)
    for name, value in zip(getattr(rule, "_fields", ()), rule or (), strict=False):
        is_number = isinstance(value, (float, np.floating))
        if is_number and (math.isnan(value) or (name == "learning_rate" and not 0 <= value < math.inf)):
            raise ValueError(f"{type(optimizer).__name__}: {name} must be a finite number as {dtype.name}, got {value}")
    return rule


def checked_gradient(table: NDArray[Any], gradient: Any) -> IndexedSlices:
    """Return the gradient as rows with duplicates summed, after checking that it fits the table."""
    checked_table(table)
    values, indices, dense_shape = _parts(table, gradient)
    if dense_shape != table.shape:
        raise ValueError(f"gradient is for a table of {validation.shown(dense_shape)}, got a table of {table.shape}")
    indices = validation.ids("gradient.indices", indices, ("num_rows",), table.shape[0])
    shape = (indices.size, *table.shape[1:])
    values, real = validation.as_array("gradient.values", values), validation.arithmetic(table.dtype)
    if validation.is_half(table.dtype) and values.dtype == table.dtype:
        values = values.astype(real)
    values = validation.floats("gradient.values", values, shape, real)
    unique = coalesced(IndexedSlices(values, indices, table.shape))
    return unique._replace(values=as_rows(unique.values))


def _parts(table: NDArray[Any], gradient: Any) -> tuple[Any, Any, tuple[int, ...]]:
    """Return values, indices and dense shape of a gradient; an array is the gradient of all rows."""
    if all(hasattr(gradient, name) for name in ("values", "indices", "dense_shape")):  # TensorFlow's too
        shape = table.shape if gradient.dense_shape is None else gradient.dense_shape
        return gradient.values, gradient.indices, checked_shape("gradient.dense_shape", shape)
    if isinstance(gradient, Gradients):
        raise TypeError("gradient must be that of one table, got Gradients of all: take gradients.weights")
    if isinstance(gradient, (list, tuple)) or not hasattr(gradient, "shape"):
        raise TypeError(
            "gradient must be ss.IndexedSlices(values, indices, dense_shape), or an array of the shape of the table,"
            f" got {validation.described(gradient)}"
        )
    dense = validation.as_array("gradient", gradient)
    if dense.shape != table.shape:
        raise ValueError(
            f"gradient must be ss.IndexedSlices, or an array of the shape of the table, {list(table.shape)},"
            f" got {list(dense.shape)}"
        )
    return dense, np.arange(table.shape[0]), table.shape


def checked_table(table: Any) -> None:
    """Refuse a table that cannot be trained in place."""
    check_is_table(table)
    if not table.flags.writeable:
        raise ValueError("table must be writeable: it is trained in place")


def check_is_table(table: Any) -> None:
    """Refuse a table that is no array, or not of real numbers."""
    if not isinstance(table, np.ndarray):
        instead = "table = np.asarray(table, np.float32)"
        if hasattr(table, "assign") and hasattr(table, "numpy"):
            instead = "update an array and assign it, as in array = v.numpy().copy(), then v.assign(array)"
        elif hasattr(table, "numpy"):
            instead = "pass table.numpy()"
        raise TypeError(
            f"table must be a NumPy array, which is changed in place, got {validation.described(table)}: {instead}"
        )
    validation.tables("table", table, ("num_classes", "dim")[: max(table.ndim, 1)])


@contextlib.contextmanager
def widened_rows(
    optimizer: Optimizer, table: NDArray[Any], slots: Slots, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[Any], Slots]]:
    """Give copies of rows of a table in half precision and of their slots, in float32; write them back at the end."""
    wide = table[rows].astype(np.float32)
    of_two, of_three = (optimizer.init(np.zeros((size, *table.shape[1:]), np.float32)) for size in (2, 3))
    by_row = [name for name, slot in of_two.items() if slot.shape != of_three[name].shape]
    wide_slots = slots | {name: slots[name][rows] for name in by_row}
    yield wide, wide_slots
    with np.errstate(over="ignore"):  # as in the other precisions, what is too large becomes infinite
        table[rows] = wide.astype(table.dtype)
    for name in by_row:
        slots[name][rows] = wide_slots[name]


def validated_rows(table: NDArray[Any], ids: ArrayLike | None) -> NDArray[np.int64]:
    """Return distinct ids of rows of a table that can be trained, all of them for None."""
    checked_table(table)
    if ids is None:
        return np.arange(table.shape[0])
    return np.unique(validation.ids("ids", ids, ("num_ids",), table.shape[0]))


def checked_slot(slots: Slots, name: str, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Return the slot of that name, after checking that it fits the table."""
    if not isinstance(slots, dict):
        raise TypeError(f"slots must be the dict from optimizer.init(table), got {validation.described(slots)}")
    if name not in slots:
        held = ", ".join(map(validation.shown, itertools.islice(slots, 5))) or "none"
        raise ValueError(f"slots must hold {name!r}, got {held}: slots = optimizer.init(table)")
    slot = slots[name]
    if not isinstance(slot, np.ndarray):
        raise TypeError(f"slots[{name!r}] must be an array, changed in place, got {validation.described(slot)}")
    if slot.dtype != dtype:
        raise TypeError(f"slots[{name!r}] must be {np.dtype(dtype)}, got {validation.dtype_of(slot)}")
    if slot.shape != tuple(shape):
        raise ValueError(f"slots[{name!r}] must have shape {list(shape)}, got {list(slot.shape)}")
    if not slot.flags.writeable:
        raise ValueError(f"slots[{name!r}] must be writeable: it is changed in place")
    return slot


def as_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return a vector as a matrix of one column, the same memory."""
    return array if array.ndim == 2 else array[:, np.newaxis]
