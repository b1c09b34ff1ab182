"""The model of TensorFlow's word2vec tutorial in PyTorch: skip-gram with sampled softmax over all words.

python examples/word_vectors.py --steps 20000
python examples/word_vectors.py --text english.txt.gz --word king --word river
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import text
import torch
from torch import nn

from sampledsoftmax.torch import SampledSoftmaxLoss


def pairs(ids: Any, rng: np.random.Generator, batch_size: int, window: int) -> tuple[Any, Any]:
    """Return words [batch_size] and one word [batch_size] of the window around each."""
    center = rng.integers(window, len(ids) - window, batch_size)
    offset = rng.integers(1, window + 1, batch_size) * rng.choice([-1, 1], batch_size)
    return torch.from_numpy(ids[center]), torch.from_numpy(ids[center + offset])


def main() -> None:
    """Train for some steps, and print the neighbors of some words."""
    parser = argparse.ArgumentParser(description="Train word vectors with sampled softmax.")
    parser.add_argument("--text", type=Path, help="a text file, or .gz; default: the Python standard library")
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--max-tokens", type=int, default=5_000_000)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--num-sampled", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--window", type=int, default=2)
    parser.add_argument("--word", action="append", help="show its neighbors; default: some frequent words")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # steps are small: threads of PyTorch that wait for each other would take the cores
    torch.sparse.check_sparse_tensor_invariants.disable()
    corpus = text.read(options.text, options.max_tokens, options.min_count)
    num_words = len(corpus.words)
    print(f"{len(corpus.ids):,} words, {num_words:,} different ones")
    embeddings = nn.Embedding(num_words, options.dim, sparse=True)
    nn.init.uniform_(embeddings.weight, -1.0, 1.0)  # as in the tutorial
    loss_of = SampledSoftmaxLoss(options.dim, num_words, min(options.num_sampled, num_words), seed=options.seed)
    rule = torch.optim.Adagrad([*embeddings.parameters(), *loss_of.parameters()], lr=1.0, initial_accumulator_value=0.1)

    rng, total, start = np.random.default_rng(options.seed), 0.0, time.perf_counter()
    every = max(options.steps // 10, 1)
    for step in range(1, options.steps + 1):
        inputs, target = pairs(corpus.ids, rng, options.batch_size, options.window)
        rule.zero_grad()
        loss = loss_of(embeddings(inputs), target)
        loss.backward()
        rule.step()
        total += loss.item()
        if step % every == 0:
            speed = step * options.batch_size / (time.perf_counter() - start)
            print(f"step {step}: sampled loss {total / every:.3f}, {speed:,.0f} pairs/s")
            total = 0.0

    vectors = nn.functional.normalize(embeddings.weight.detach())
    for word in options.word or corpus.words[20:28]:
        if word not in corpus.words:
            print(f"{word}: not in the text")
            continue
        nearest = (vectors @ vectors[corpus.words.index(word)]).topk(min(7, num_words)).indices[1:]
        print(f"{word}: {' '.join(corpus.words[i] for i in nearest)}")


if __name__ == "__main__":
    main()
