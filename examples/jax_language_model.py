"""A next-word model in JAX: the encoder by Flax and Optax, both tables by sampledsoftmax.

    pip install 'sampledsoftmax[jax-example]'
    python examples/jax_language_model.py [--text FILE] [--steps N]

A GRU reads words and predicts the next one among all words of the text. In each step only the rows of the batch enter
JAX: those of the words that are read, of the words that are predicted, and of the sampled candidates. Their gradients
come back, and our optimizer updates these rows, so that a step costs the same for any number of words.

Without --text the text is the source of the Python standard library, which every installation has.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax
from numpy.typing import NDArray

import sampledsoftmax as ss
import sampledsoftmax.jax as ssj
from sampledsoftmax.word2vec.corpus.corpus import read_sentences
from sampledsoftmax.word2vec.corpus.python_source import PythonSource
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

Ids = NDArray[np.int64]

DIM, NUM_SAMPLED, BATCH_SIZE, LENGTH, NUM_HELD_OUT = 64, 512, 32, 20, 64


class Encoder(nn.Module):
    """A GRU over embedded words: what it returns for each position predicts the next word."""

    @nn.compact
    def __call__(self, embedded: Any) -> Any:
        """Return [batch_size, length, DIM] for embedded words of that shape."""
        return nn.Dense(DIM)(nn.RNN(nn.GRUCell(features=DIM))(embedded))


def main() -> None:
    """Train, and print the loss of the batch and the exact loss of text that is held out."""
    parser = argparse.ArgumentParser(description="Train a next-word model in JAX.")
    parser.add_argument("--text", metavar="FILE", help="UTF-8 text, also compressed; default: the standard library")
    parser.add_argument("--steps", type=int, default=4000, help="default 4000: about a minute on two cores")
    arguments = parser.parse_args()

    words, train, held_out = read(read_sentences(arguments.text) if arguments.text else PythonSource())
    print(f"{len(words):,} words, {train.size:,} positions to train on", flush=True)
    embeddings = ss.EmbeddingTable(len(words), DIM, ss.Adagrad(0.2), seed=1)
    embeddings.values *= DIM  # in [-0.5, 0.5), since a GRU saturates late
    output = ss.SampledSoftmax(len(words), DIM, min(NUM_SAMPLED, len(words)), ss.Adagrad(0.2), seed=2)
    model, optimizer = Encoder(), optax.adam(1e-3)
    parameters = model.init(jax.random.key(3), np.zeros((1, LENGTH, DIM), np.float32))
    state = optimizer.init(parameters)

    def mean_loss(parameters: Any, embedded: Any, rows: ss.PulledRows) -> Any:
        encoded = model.apply(parameters, embedded)
        return ssj.sampled_softmax_loss(encoded.reshape(-1, DIM), rows).mean()

    @jax.jit
    def train_step(parameters: Any, state: Any, embedded: Any, rows: ss.PulledRows) -> tuple[Any, ...]:
        loss, gradients = jax.value_and_grad(mean_loss, argnums=(0, 1, 2))(parameters, embedded, rows)
        updates, state = optimizer.update(gradients[0], state)
        return loss, optax.apply_updates(parameters, updates), state, *gradients[1:]

    encode = jax.jit(model.apply)
    start, losses = time.perf_counter(), []
    for step, (inputs, labels) in zip(range(1, arguments.steps + 1), batches(train), strict=False):
        embedded, rows = embeddings.pull(inputs), output.pull(labels.ravel())
        loss, parameters, state, of_embedded, of_rows = train_step(parameters, state, embedded, rows)
        embeddings.push(inputs, of_embedded)
        output.push(rows, of_rows)
        losses.append(float(loss))
        if step % max(arguments.steps // 10, 1) == 0:
            encoded = np.asarray(encode(parameters, embeddings.pull(held_out[:, :-1]))).reshape(-1, DIM)
            exact = output.full_loss(encoded, held_out[:, 1:].ravel()).mean()
            print(
                f"step {step:5}  {time.perf_counter() - start:5.1f} s  sampled loss {np.mean(losses):.3f}"
                f"  held-out loss over all words {exact:.3f}",
                flush=True,
            )
            losses.clear()


def read(sentences: Iterable[list[str]]) -> tuple[list[str], Ids, Ids]:
    """Return the words by falling frequency, the text as ids, and windows [.., LENGTH + 1] that are held out."""
    sentences = list(sentences)
    vocabulary = Vocabulary.build(sentences, min_count=2)
    ids = np.asarray(vocabulary.encode(sentences).ids, np.int64)
    windows = ids[: ids.size // (LENGTH + 1) * (LENGTH + 1)].reshape(-1, LENGTH + 1)
    if windows.shape[0] < 2 * NUM_HELD_OUT:
        raise SystemExit(f"the text must have at least {2 * NUM_HELD_OUT * (LENGTH + 1)} words that occur twice")
    chosen = np.random.default_rng(0).permutation(windows.shape[0])
    return vocabulary.words, windows[chosen[NUM_HELD_OUT:]], windows[chosen[:NUM_HELD_OUT]]


def batches(windows: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Yield inputs and labels [BATCH_SIZE, LENGTH], in a new order in each epoch, for ever."""
    rng = np.random.default_rng(1)
    while True:
        order = rng.permutation(windows.shape[0])
        for first in range(0, order.size - BATCH_SIZE + 1, BATCH_SIZE):
            batch = windows[order[first : first + BATCH_SIZE]]
            yield batch[:, :-1], batch[:, 1:]


if __name__ == "__main__":
    main()
