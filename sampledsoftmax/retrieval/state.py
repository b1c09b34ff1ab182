"""The complete state of a matrix factorization, and the data of a run: what is trained on, and what is held out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.retrieval.history import EpochReport
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.run import Position
from sampledsoftmax.retrieval.settings import FactorSettings
from sampledsoftmax.retrieval.tables import FactorTables, new_tables

Factors = tuple[NDArray[np.float32], NDArray[np.float32]]


class Best(NamedTuple):
    """The factors of the epoch with the highest Recall@20 on the validation split.

    Attributes
    ----------
    epoch : int
        From 1.
    recall : float
    users, items : float32 [num_users, dim], [num_items, dim]
    """

    epoch: int
    recall: float
    users: NDArray[np.float32]
    items: NDArray[np.float32]


class FactorState(NamedTuple):
    """All that a run needs to go on, and that a model answers from.

    Attributes
    ----------
    settings : FactorSettings
    seen : Interactions
        All pairs that were given.
    held_out : Interactions or None
        The validation split, with the rows of `seen`; its pairs are not trained on.
    tables : FactorTables
    position : Position
    history : list of EpochReport
    best : Best or None
        None without a validation split.
    """

    settings: FactorSettings
    seen: Interactions
    held_out: Interactions | None
    tables: FactorTables
    position: Position
    history: list[EpochReport]
    best: Best | None = None

    @property
    def train(self) -> Interactions:
        """The pairs that are trained on."""
        return self.seen if self.held_out is None else without(self.seen, self.held_out)

    @property
    def factors(self) -> Factors:
        """Factors of users and items as they were trained: of the best epoch, or else of the last one."""
        if self.best is not None:
            return self.best.users, self.best.items
        return self.tables.users.values, self.tables.items.values

    @property
    def is_stopped_early(self) -> bool:
        """Whether the validation metric has not risen for `patience` epochs."""
        return self.best is not None and self.position.epoch - self.best.epoch >= self.settings.patience

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing more to train."""
        return self.position.epoch >= self.settings.epochs or self.is_stopped_early


def first_state(settings: FactorSettings, seen: Interactions, held_out: Interactions | None) -> FactorState:
    """Return the state of a run that has not begun.

    Raises
    ------
    ValueError
        Nothing is left to train on.
    """
    optimizers = (settings.user_optimizer, settings.item_optimizer)
    empty = np.zeros(0, np.int64)
    state = FactorState(settings, seen, held_out, new_tables(empty, empty, 1, optimizers, 0), Position(), [])
    train = state.train
    if train.num_pairs == 0:
        raise ValueError("the validation split has all pairs: none are left to train on")
    tables = new_tables(train.user_counts, train.item_counts, settings.dim, optimizers, settings.seed)
    return state._replace(tables=tables)


def held_out_of(seen: Interactions, validation_split: Any, seed: int) -> Interactions | None:
    """Return the validation split that the argument `validation` of `fit` asks for.

    Raises
    ------
    TypeError, ValueError
        It is no fraction and no Interactions, or it has no pair of users and items that are known.
    """
    if validation_split is None:
        return None
    if isinstance(validation_split, Interactions):
        held_out = validation_split.with_rows_of(seen)
        if held_out.num_pairs == 0:
            raise ValueError("validation has no pair of a user and an item that are in the data")
        return held_out
    fraction = validation.number("validation", validation_split, above=0.0, below=1.0)
    held_out = seen.split(fraction, seed)[1]
    if held_out.num_pairs == 0:
        raise ValueError(
            f"validation={fraction:g} holds out nothing, since no user has two items: fit without validation"
        )
    return held_out


def without(seen: Interactions, held_out: Interactions) -> Interactions:
    """Return the pairs of `seen` that are not in `held_out`, which has the same rows.

    Examples
    --------
    >>> seen = Interactions.from_pairs([1, 1, 2], [5, 6, 5])
    >>> train, held_out = seen.split(0.5)
    >>> without(seen, held_out).items.tolist() == train.items.tolist()
    True
    """
    kept = ~np.isin(pair_keys(seen), pair_keys(held_out), assume_unique=True)
    sums = np.concatenate(([0], np.cumsum(kept)))
    return Interactions(seen.user_ids, seen.item_ids, sums[seen.row_splits], seen.items[kept])


def pair_keys(pairs: Interactions) -> NDArray[np.int64]:
    """Return a number per pair, ascending: interactions with the same rows have the same numbers for the same pairs."""
    keys: NDArray[np.int64] = np.repeat(np.arange(pairs.num_users), pairs.user_counts) * pairs.num_items + pairs.items
    return keys
