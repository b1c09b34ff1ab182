"""Sharded layers whose shards are in this process, and batches for them."""

import numpy as np

import sampledsoftmax as ss
from sampledsoftmax import validation
from sampledsoftmax.layers.layer_settings import checked_settings
from sampledsoftmax.sharding.checkpoint import prepared_folder
from sampledsoftmax.sharding.driver import Driver
from sampledsoftmax.sharding.layers import ShardedOutput, ShardedPairs
from sampledsoftmax.sharding.local_transport import LocalTransport
from sampledsoftmax.sharding.sampling import can_draw_anywhere
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.types import Similarity

NUM_CLASSES, DIM, NUM_SAMPLED, BATCH_SIZE, NUM_BATCHES = 60, 5, 12, 9, 6
SIZES = NUM_CLASSES, DIM, NUM_SAMPLED
TABLES = "embeddings", "weights", "biases"


def in_process(
    kind, optimizer=None, sampler="log_uniform", num_shards=2, parts=1, num_workers=0, folder=None, **options
):
    """Return a `ShardedOutput` or `ShardedPairs` without processes."""
    seed, every = options.pop("seed", 3), options.pop("checkpoint_steps", 100)
    transport_class = options.pop("transport", LocalTransport)
    similarity = Similarity(options.pop("temperature", 1.0), options.pop("normalize", False))
    move = options.pop("move", "rows")
    sizes, dtype = options.pop("sizes", SIZES), options.pop("dtype", np.float32)
    objective = options.pop("objective", "sampled_softmax")
    layer = checked_settings(*sizes, optimizer, sampler, None, None, dtype, seed, objective, similarity)
    settings = ShardSettings.of(layer, kind is ShardedPairs, validation.seeds(seed))
    lock = None if folder is None else prepared_folder(folder, options.pop("overwrite", False))
    drawing = layer.sampler if can_draw_anywhere(layer.sampler) else None
    transport = transport_class(settings, num_shards, num_workers, drawing)
    sharded = kind.__new__(kind)
    sharded._driver = Driver(settings, layer, transport, parts, folder, every, lock, move)
    sharded._has_folder = folder is not None
    assert not options
    return sharded


def ids_of(seed, size=BATCH_SIZE * NUM_BATCHES, num_classes=NUM_CLASSES):
    """Small ids are frequent, so that there are duplicates and accidental hits."""
    draws = np.exp(np.random.default_rng(seed).random(size) * np.log1p(num_classes)).astype(np.int64) - 1
    return draws % num_classes


def inputs_of(seed, size=BATCH_SIZE, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(size, DIM)).astype(dtype)


def assert_same_tables(model, sharded):
    for name in TABLES:
        if hasattr(sharded, name):
            np.testing.assert_array_equal(np.asarray(getattr(sharded, name)), getattr(model, name), strict=True)


def trained_pairs(model, batches=NUM_BATCHES):
    size = BATCH_SIZE * batches
    return model.steps(ids_of(1)[:size], ids_of(2)[:size], BATCH_SIZE)


__all__ = ["ShardedOutput", "ShardedPairs", "ss"]
