"""A language model in PyTorch: an LSTM predicts the next word among all words of the vocabulary.

The output layer is trained with sampled softmax, and evaluated exactly. Run it with the text of a file, or without one:

    python examples/language_model.py --steps 500
    python examples/language_model.py --text english.txt.gz --loss module
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import text
import torch
from torch import nn

import sampledsoftmax as ss
from sampledsoftmax.torch import FusedSampledSoftmaxLoss, SampledSoftmaxLoss


class LanguageModel(nn.Module):
    """Embedding, LSTM and an output layer that is its own loss."""

    def __init__(self, num_words: int, dim: int, output: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_words, dim, sparse=True)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.output = output

    def forward(self, inputs: Any, target: Any, state: Any = None) -> tuple[Any, Any]:
        """Return the loss of the next words, and the state after the last one."""
        hidden, state = self.lstm(self.embedding(inputs), state)
        return self.output(hidden, target), tuple(part.detach() for part in state)


def batches(ids: Any, batch_size: int, length: int) -> Iterator[tuple[Any, Any]]:
    """Yield inputs and next words [batch_size, length]; the rows go on from batch to batch."""
    columns = (len(ids) - 1) // batch_size
    rows = torch.from_numpy(np.stack([ids[i * columns : (i + 1) * columns + 1] for i in range(batch_size)]))
    for first in range(0, columns - length + 1, length):
        yield rows[:, first : first + length], rows[:, first + 1 : first + length + 1]


@torch.no_grad()
def perplexity(model: nn.Module, ids: Any, batch_size: int, length: int) -> float:
    """Return the exact perplexity of a text, over the whole vocabulary."""
    model.eval()
    losses, state = [], None
    for inputs, target in batches(ids, batch_size, length):
        loss, state = model(inputs, target, state)
        losses.append(float(loss))
    model.train()
    return math.exp(sum(losses) / len(losses))


def main() -> None:
    """Train for some steps, and print perplexities of text that was not seen."""
    parser = argparse.ArgumentParser(description="Train a language model with sampled softmax.")
    parser.add_argument("--text", type=Path, help="a text file, or .gz; default: the Python standard library")
    parser.add_argument("--loss", choices=["fused", "module"], default="fused")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--max-tokens", type=int, default=2_000_000)
    parser.add_argument("--min-count", type=int, default=3)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--num-sampled", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.sparse.check_sparse_tensor_invariants.disable()
    corpus = text.read(options.text, options.max_tokens, options.min_count)
    held_out = max(len(corpus.ids) // 50, options.batch_size * (options.length + 1))
    train, test = corpus.ids[:-held_out], corpus.ids[-held_out:][:50_000]
    num_words, num_sampled = len(corpus.words), min(options.num_sampled, len(corpus.words))
    print(f"{len(train):,} words, {num_words:,} different ones")

    output: nn.Module
    if options.loss == "fused":
        output = FusedSampledSoftmaxLoss(options.dim, num_words, num_sampled, optimizer=ss.Adagrad(0.1), seed=1)
    else:
        output = SampledSoftmaxLoss(options.dim, num_words, num_sampled, seed=1)
    model = LanguageModel(num_words, options.dim, output)
    tables = [model.embedding.weight, *model.output.parameters()]
    optimizers = [
        torch.optim.Adagrad(tables, lr=0.1, initial_accumulator_value=0.1),
        torch.optim.Adam(model.lstm.parameters(), lr=0.002),
    ]

    step, start = 0, time.perf_counter()
    every = max(options.steps // 10, 1)
    while step < options.steps:
        state = None
        for inputs, target in batches(train, options.batch_size, options.length):
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss, state = model(inputs, target, state)
            loss.backward()
            nn.utils.clip_grad_norm_(model.lstm.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
            step += 1
            if step % every == 0 or step == options.steps:
                speed = step * options.batch_size * options.length / (time.perf_counter() - start)
                exact = perplexity(model, test, options.batch_size, options.length)
                print(f"step {step}: sampled loss {loss.item():.3f}, perplexity {exact:.1f}, {speed:,.0f} words/s")
            if step == options.steps:
                break


if __name__ == "__main__":
    main()
