"""A skip-gram model whose tables are divided among processes: `pip install 'sampledsoftmax[ray]'`.

Two lines differ from the program for one process: the import, and the line that makes the model. The losses and the
tables have the same bits. With the address of a cluster, `ray start` has been run on its machines before.
"""

import sys

import numpy as np

import sampledsoftmax as ss
import sampledsoftmax.ray  # (1) instead of nothing

NUM_CLASSES, NUM_PAIRS, BATCH_SIZE = 20_000, 40_960, 1024


def pairs(seed=1):
    """Return ids whose frequencies fall like those of words, and for each a label near it."""
    rng = np.random.default_rng(seed)
    ids = (np.exp(rng.random(NUM_PAIRS) * np.log1p(NUM_CLASSES)).astype(np.int64) - 1) % NUM_CLASSES
    return ids, (ids + rng.integers(1, 5, NUM_PAIRS)) % NUM_CLASSES


def main(num_shards=2, address=None):
    """Train for one pass over the pairs."""
    inputs, labels = pairs()
    # (2) instead of ss.SkipGram(NUM_CLASSES, 64, 256, ss.Adagrad(1.0), seed=1)
    with ss.ray.ShardedSkipGram(
        NUM_CLASSES, 64, 256, ss.Adagrad(1.0), seed=1, num_shards=num_shards, address=address
    ) as model:
        losses = model.steps(inputs, labels, BATCH_SIZE)
        print(f"loss {losses[:5].mean():.3f} at first, {losses[-5:].mean():.3f} at last")
        print("nearest to 0:", model.top_k(model.embeddings[:1], 3)[0][0].tolist())


if __name__ == "__main__":
    main(address=sys.argv[1] if len(sys.argv) > 1 else None)
