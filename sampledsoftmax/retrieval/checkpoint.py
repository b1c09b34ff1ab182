"""Models and checkpoints in one file: settings, interactions, factors, optimizer slots, position and history."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.packed_words import pack_words, unpack_words
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.layers.saved_objects import restored_optimizer
from sampledsoftmax.retrieval.history import EpochReport
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.run import Position
from sampledsoftmax.retrieval.settings import FactorSettings, checked_settings
from sampledsoftmax.retrieval.state import Best, FactorState
from sampledsoftmax.retrieval.tables import expected, from_arrays

Arrays = dict[str, NDArray[Any]]

_KIND, _VERSION = "matrix factorization", 1
_MAX_MESSAGE = 300  # characters of what comes from a file
_HOW = "MatrixFactorization.load(path"


def save(path: str | os.PathLike[str], state: FactorState) -> None:
    """Write a state atomically."""
    arrays: Arrays = {
        **_prefixed("user_ids", pack_words(state.seen.user_ids)),
        **_prefixed("item_ids", pack_words(state.seen.item_ids)),
        **_pairs("seen", state.seen),
        **({} if state.held_out is None else _pairs("held_out", state.held_out)),
        **state.tables.arrays(),
        "history": np.array(state.history, np.float64).reshape(-1, len(EpochReport._fields)),
    }
    best = None
    if state.best is not None:
        best = {"epoch": state.best.epoch, "recall": state.best.recall}
        arrays |= {"best.users": state.best.users, "best.items": state.best.items}
    meta = {
        "settings": state.settings.described(),
        "position": state.position._asdict(),
        "notes": list(state.seen.notes),
        "held_out": state.held_out is not None,
        "best": best,
    }
    write_archive(path, _KIND, _VERSION, meta, arrays)


def load(path: str | os.PathLike[str], optimizer: Any = None) -> FactorState:
    """Read a state; optimizers of classes outside this package must be given again.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        It is of another kind, damaged or inconsistent; one line that says what is wrong.
    """
    meta, arrays = read_archive(path, _KIND, _VERSION)
    try:
        return _state(meta, arrays, optimizer)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        what = " ".join(str(error).split())[:_MAX_MESSAGE]
        raise ValueError(f"{shown_path(path)} is an inconsistent {_KIND}: {what}") from None


def check_place(checkpoint: Any) -> Path | None:
    """Return the path of a checkpoint; raise an error for one that could not be written later, when much was done."""
    if checkpoint is None:
        return None
    path = checked_path(checkpoint, "checkpoint")
    if path.is_dir():
        raise IsADirectoryError(f"checkpoint {shown_path(path)} is a directory: name a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint {shown_path(path)} cannot be written: there is no directory {shown_path(path.parent)}"
        )
    return path


def _state(meta: dict[str, Any], arrays: Arrays, optimizer: Any) -> FactorState:
    settings = _settings(meta["settings"], optimizer)
    ids = [unpack_words(_of_prefix(name, arrays)) for name in ("user_ids", "item_ids")]
    seen = _interactions("seen", ids, arrays, tuple(map(str, meta["notes"])))
    sizes = (seen.num_users, seen.num_items)
    best = None
    if meta["best"] is not None:
        shapes = [(size, settings.dim) for size in sizes]
        users, items = (expected(n, arrays, s) for n, s in zip(("best.users", "best.items"), shapes, strict=True))
        best = Best(int(meta["best"]["epoch"]), float(meta["best"]["recall"]), users, items)
    return FactorState(
        settings,
        seen,
        _interactions("held_out", ids, arrays) if meta["held_out"] else None,
        from_arrays(arrays, sizes, settings.dim, (settings.user_optimizer, settings.item_optimizer)),
        Position(**meta["position"]),
        [_report(row) for row in arrays["history"]],
        best,
    )


def _settings(saved: dict[str, Any], given: Any) -> FactorSettings:
    differing = set(saved) ^ set(FactorSettings._fields)
    if differing:
        raise ValueError(f"settings {', '.join(sorted(differing))} are missing or unknown")
    pair = given if isinstance(given, (tuple, list)) else (given, given)
    optimizers = [restored_optimizer(saved[name], one, _HOW) for name, one in zip(_OPTIMIZERS, pair, strict=True)]
    arguments = {name: value for name, value in saved.items() if name not in _OPTIMIZERS}
    return checked_settings(**arguments, optimizer=optimizers)


_OPTIMIZERS = ("user_optimizer", "item_optimizer")


def _report(row: NDArray[np.float64]) -> EpochReport:
    return EpochReport(*map(int, row[:3]), *map(float, row[3:]))


def _pairs(name: str, interactions: Interactions) -> Arrays:
    return {f"{name}.row_splits": interactions.row_splits, f"{name}.items": interactions.items}


def _interactions(name: str, ids: list[Any], arrays: Arrays, notes: tuple[str, ...] = ()) -> Interactions:
    users, items = ids
    splits = expected(f"{name}.row_splits", arrays, (len(users) + 1,), np.int64)
    rows = expected(f"{name}.items", arrays, (int(splits[-1]),), np.int64)
    if splits[0] != 0 or (np.diff(splits) < 0).any() or (rows.size and not 0 <= rows.min() <= rows.max() < len(items)):
        raise ValueError(f"{name} has items outside the table, or rows that overlap")
    return Interactions(users, items, splits, rows, notes)


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _of_prefix(prefix: str, arrays: Arrays) -> Arrays:
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
