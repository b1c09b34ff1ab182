"""Batches of users with all their items: their order in an epoch, and the arrays of consecutive batches."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.types import RaggedLabels

Ids = NDArray[np.int64]

# Users of a block: of the order of 0.1 s of training, after which signals are handled and callbacks are called.
_USERS_PER_BLOCK = 2048
# Purposes of random numbers; purpose, epoch and block give the number of a Philox stream.
ORDER, CANDIDATES = 1, 2


class BlockOfBatches(NamedTuple):
    """Consecutive batches of an epoch.

    Attributes
    ----------
    users : int64 [num_users]
    labels : RaggedLabels
        The items of each of them.
    starts : int64 [num_batches + 1]
        The users of batch i are starts[i] .. starts[i + 1].
    first_batch : int
        The number of the first batch in its epoch.
    """

    users: Ids
    labels: RaggedLabels
    starts: Ids
    first_batch: int

    @property
    def pairs(self) -> Ids:
        """Number of pairs of each batch."""
        return np.diff(self.labels.row_splits[self.starts])


class UserBatches:
    """The batches of each epoch, functions of seed, epoch and block.

    Users without items are in no batch. Each of the others is in one batch of each epoch.

    Parameters
    ----------
    row_splits : int64 [num_users + 1]
        The items of user u are items[row_splits[u] : row_splits[u + 1]].
    items : int64 [num_pairs]
    batch_size : int
        Users of a batch.
    seed : int

    Examples
    --------
    >>> batches = UserBatches(np.array([0, 2, 2, 3]), np.array([5, 6, 7]), batch_size=4, seed=1)
    >>> batches.num_blocks
    1
    >>> block = batches.block(epoch=0, block=0)
    >>> block.users, block.labels.values, block.starts
    (array([0, 2]), array([5, 6, 7]), array([0, 2]))
    """

    def __init__(self, row_splits: Ids, items: Ids, batch_size: int, seed: int) -> None:
        self._row_splits, self._items, self._seed = row_splits, items, seed
        self._users = np.flatnonzero(np.diff(row_splits))
        self._batch_size = min(batch_size, max(1, self._users.size))
        self._batches_per_block = ceil_div(_USERS_PER_BLOCK, self._batch_size)
        self._order: tuple[int, Ids] = (-1, self._users)

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, at least 1."""
        return max(1, ceil_div(self._users.size, self._batch_size))

    @property
    def num_blocks(self) -> int:
        """Blocks of an epoch, at least 1."""
        return ceil_div(self.num_batches, self._batches_per_block)

    def block(self, epoch: int, block: int) -> BlockOfBatches:
        """Return the batches of a block of an epoch."""
        first_batch, size = block * self._batches_per_block, self._batch_size
        users = self._order_of(epoch)[first_batch * size : (first_batch + self._batches_per_block) * size]
        starts = np.arange(0, users.size + size, size)
        starts[-1] = users.size
        return BlockOfBatches(users, self._labels_of(users), starts, first_batch)

    def _order_of(self, epoch: int) -> Ids:
        """Return all users in the order of an epoch."""
        if self._order[0] != epoch:
            words = np.random.Philox(key=stream_key(self._seed, ORDER, epoch)).random_raw(self._users.size)
            self._order = epoch, self._users[np.argsort(words, kind="stable")]
        return self._order[1]

    def _labels_of(self, users: Ids) -> RaggedLabels:
        sizes = self._row_splits[users + 1] - self._row_splits[users]
        row_splits = np.zeros(users.size + 1, np.int64)
        np.cumsum(sizes, out=row_splits[1:])
        places = np.arange(row_splits[-1]) + np.repeat(self._row_splits[users] - row_splits[:-1], sizes)
        return RaggedLabels(self._items[places], row_splits)


def stream_key(seed: int, purpose: int, epoch: int, block: int = 0) -> NDArray[np.uint64]:
    """Return the key of a Philox stream, uint64 [2]: no two purposes, epochs or blocks share one.

    Examples
    --------
    >>> [hex(word) for word in stream_key(7, CANDIDATES, epoch=3, block=5).tolist()]
    ['0x7', '0x2000000300000005']
    """
    return np.array([seed, purpose << 60 | epoch << 32 | block], np.uint64)
