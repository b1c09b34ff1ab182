"""The batches of an epoch: each user once, in an order that only seed and epoch decide."""

import numpy as np
import pytest

from sampledsoftmax.retrieval import batches
from sampledsoftmax.retrieval.batches import UserBatches, stream_key


def ragged(counts):
    splits = np.concatenate(([0], np.cumsum(counts)))
    return splits, np.arange(splits[-1])


@pytest.mark.parametrize("counts", [[0], [1], [2, 0, 3], [1] * 7, [1] * 8, [3, 0, 1] * 11])
@pytest.mark.parametrize("batch_size", [1, 2, 7, 8, 1000])
def test_each_user_with_items_is_in_one_batch_with_its_items(counts, batch_size, monkeypatch):
    monkeypatch.setattr(batches, "_USERS_PER_BLOCK", 8)
    splits, items = ragged(counts)
    made = UserBatches(splits, items, batch_size, seed=5)
    blocks = [made.block(2, number) for number in range(made.num_blocks)]
    users = np.concatenate([block.users for block in blocks])
    assert sorted(users.tolist()) == np.flatnonzero(counts).tolist()
    number = 0
    for block in blocks:
        assert block.first_batch == number
        sizes = np.diff(block.starts)
        number += sizes.size
        assert block.starts[-1] == block.users.size
        assert (sizes <= batch_size).all()
        assert (sizes[:-1] == min(batch_size, users.size)).all()
        of_users = np.split(block.labels.values, block.labels.row_splits[1:-1]) if block.users.size else []
        for user, own in zip(block.users.tolist(), of_users, strict=True):
            assert own.tolist() == items[splits[user] : splits[user + 1]].tolist()
        assert block.pairs.sum() == block.labels.values.size
    assert number == (made.num_batches if users.size else 0)


def test_the_order_is_a_function_of_seed_and_epoch():
    splits, items = ragged([1] * 500)

    def order(seed, epoch):
        return UserBatches(splits, items, 128, seed).block(epoch, 0).users.tolist()

    made = UserBatches(splits, items, 128, 1)
    later, first = made.block(1, 0).users.tolist(), made.block(0, 0).users.tolist()
    assert (first, later) == (order(1, 0), order(1, 1))
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    # the numbers behind an order of another release must be the same: they are those of the standard
    assert order(1, 0)[:5] == np.argsort(np.random.Philox(key=stream_key(1, 1, 0)).random_raw(500))[:5].tolist()


def test_no_two_streams_are_the_same():
    keys = {tuple(stream_key(7, p, e, b).tolist()) for p in (1, 2, 3) for e in (0, 1, 2**20) for b in (0, 1, 2**20)}
    assert len(keys) == 27
