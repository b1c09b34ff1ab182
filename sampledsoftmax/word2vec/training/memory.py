"""How much memory a training run takes, and whether it is there."""

from typing import NamedTuple

from sampledsoftmax import validation
from sampledsoftmax.word2vec.training.memory_limits import available_memory

__all__ = ["MemoryPlan", "available_memory", "check_fits", "in_units", "plan_memory"]

_FLOAT32 = 4


class MemoryPlan(NamedTuple):
    """Bytes that a run asks for.

    Attributes
    ----------
    tables : int
        Embeddings, output weights and biases.
    slots : int
        What the optimizer keeps beside them.
    stream : int
        Ids of the corpus; they are mapped from a file, which memory need not hold.
    """

    tables: int
    slots: int
    stream: int

    @property
    def total(self) -> int:
        """All three."""
        return self.tables + self.slots + self.stream

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {in_units(size)}" for name, size in self._asdict().items())
        return f"{in_units(self.total)}: {parts}"


def plan_memory(num_words: int, vector_size: int, slots_per_weight: float = 1.0, stream_bytes: int = 0) -> MemoryPlan:
    """Return what a run with two tables [num_words, vector_size] of float32 asks for.

    Parameters
    ----------
    num_words : int
        Size of the vocabulary.
    vector_size : int
        Width of a vector.
    slots_per_weight : float
        Numbers that the optimizer keeps for each one of the tables: 0 for SGD, 1 for Adagrad and Momentum, 2
        for Adam, 1 / vector_size for RowwiseAdagrad.
    stream_bytes : int
        Size of the ids and offsets of the corpus.

    Examples
    --------
    >>> print(plan_memory(1_000_000, 100, slots_per_weight=1, stream_bytes=64_000_000))
    1.67 GB: tables 804 MB, slots 804 MB, stream 64 MB
    """
    num_words = validation.whole_number("num_words", num_words, at_least=1)
    vector_size = validation.whole_number("vector_size", vector_size, at_least=1)
    slots_per_weight = validation.number("slots_per_weight", slots_per_weight, at_least=0.0)
    stream_bytes = validation.whole_number("stream_bytes", stream_bytes, at_least=0)
    tables = _FLOAT32 * num_words * (2 * vector_size + 1)
    return MemoryPlan(tables, round(tables * slots_per_weight), stream_bytes)


def check_fits(plan: MemoryPlan, available: int | None = None) -> None:
    """Raise ValueError if tables and slots are larger than the memory that is available.

    Parameters
    ----------
    plan : MemoryPlan
        What the run asks for.
    available : int, optional
        Bytes; `available_memory()` if it is not given. Where nothing is known, nothing is refused.

    Examples
    --------
    >>> check_fits(plan_memory(1_000_000, 100), available=1_000_000_000)
    Traceback (most recent call last):
    ...
    ValueError: tables and slots take 1.61 GB, and 1 GB of memory is available: raise min_count or lower vector_size
    """
    available = available_memory() if available is None else available
    needed = plan.tables + plan.slots
    if available is not None and needed > available:
        raise ValueError(
            f"tables and slots take {in_units(needed)}, and {in_units(available)} of memory is available: "
            "raise min_count or lower vector_size"
        )


def in_units(num_bytes: int) -> str:
    """Return a size as people read it, in powers of 1000.

    Examples
    --------
    >>> in_units(999), in_units(1_500), in_units(64_000_000), in_units(12_345_678_901)
    ('999 bytes', '1.5 kB', '64 MB', '12.3 GB')
    """
    size, units = float(num_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"
