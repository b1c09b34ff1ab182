"""Three small trained models, and held-out examples of each: word vectors, a language model, a recommender."""

import gzip
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.words.compare import TEXT
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.word2vec.training.watch import Watch

NUM_WORDS = 2_000_000  # of the training text: the first lines
HELD_OUT_LINES = 300  # after the training text
CONTEXT, DIM = 4, 100
BATCH_SIZE, NUM_SAMPLED = 512, 1024  # of the language model
WINDOW, RUN = 5, 32

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]


class TrainedModel(NamedTuple):
    """An output layer, and held-out examples: row n of `logits` has inputs @ rows.T.

    Attributes
    ----------
    name : str
    rows : float32 [num_classes, dim + 1]
        Output weights, those of cosines of unit length, and the bias as the last column.
    inputs : float32 [num_examples, dim + 1]
        Outputs of the encoder, divided by the temperature, and 1.
    labels : int64 [num_examples]
        True classes.
    removed : list of int64 arrays
        Classes that the sum of an example leaves out: its label, in a recommender all known items of the user.
    counts : float64 [num_classes]
        How often each class is a label in the training data.
    """

    name: str
    rows: Floats
    inputs: Floats
    labels: Ids
    removed: list[Ids]
    counts: Floats


class Text(NamedTuple):
    """Lines of word ids: ids fall with the count."""

    words: list[str]
    counts: Ids
    train: list[Ids]
    held_out: list[Ids]


def lines_of_text(folder: Path) -> Iterator[list[str]]:
    """Yield the lines of the English text as lists of words."""
    with gzip.open(folder / TEXT, "rt", encoding="ascii") as file:
        for line in file:
            yield line.split()


def read_text(folder: Path, num_words: int = NUM_WORDS, min_count: int = 5) -> Text:
    """Return the first lines of the text as ids of words that occur `min_count` times, and the lines after them."""
    source = lines_of_text(folder)
    train: list[list[str]] = []
    left = num_words
    while left > 0:
        train.append(next(source))
        left -= len(train[-1])
    found, counts = np.unique(np.concatenate([np.array(line) for line in train]), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= min_count]
    words = found[kept].tolist()
    ids = {word: i for i, word in enumerate(words)}
    held_out = list(itertools.islice(source, HELD_OUT_LINES))
    return Text(words, counts[kept], _as_ids(train, ids), _as_ids(held_out, ids))


def _as_ids(lines: list[list[str]], ids: dict[str, int]) -> list[Ids]:
    return [np.array([ids[word] for word in line if word in ids], np.int64) for line in lines]


class WordTables(NamedTuple):
    """Tables of trained word vectors, in the order of the words of a `Text`."""

    embeddings: NDArray[np.float32]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]


def train_words(text: Text, seed: int, **settings: Any) -> tuple[WordTables, float]:
    """Train `ss.Word2Vec` on the training lines; return its tables and the seconds of training."""
    model = ss.Word2Vec(vector_size=DIM, seed=seed, **settings)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "text.txt"
        path.write_text("\n".join(" ".join(text.words[i] for i in line) for line in text.train))
        started: list[float] = []
        model.train(path, watch=Watch(on_plan=lambda _: started.append(time.perf_counter())))
        seconds = time.perf_counter() - started[0]
    ids = {str(word): i for i, word in enumerate(model.vectors.index_to_key)}
    order = np.array([ids[word] for word in text.words])
    return WordTables(*(table.values[order] for table in model.tables)), seconds


def word_vectors(folder: Path, num_examples: int, seed: int = 1) -> TrainedModel:
    """Train `ss.Word2Vec` with its defaults, three epochs; examples are pairs of a held-out text."""
    text = read_text(folder)
    tables, _ = train_words(text, seed, epochs=3)
    inputs, labels = pairs_of(text.held_out, num_examples, seed)
    counts = text.counts * np.minimum(1, np.sqrt(1e-3 * text.counts.sum() / text.counts))  # subsampled frequent words
    return _trained("word vectors", tables.weights, tables.biases, tables.embeddings[inputs], labels, counts)


def pairs_of(lines: list[Ids], num_pairs: int, seed: int) -> tuple[Ids, Ids]:
    """Return pairs of a word and another one at most `WINDOW` away, of `RUN` consecutive words of a random line each.

    Word training makes its batches of consecutive words too: their inputs are more alike than random ones.
    """
    rng = np.random.default_rng(seed)
    long = [line for line in lines if line.size >= RUN + 2 * WINDOW]
    inputs, labels = [], []
    for k in rng.integers(len(long), size=-(-num_pairs // RUN)):
        at = rng.integers(WINDOW, long[k].size - WINDOW - RUN + 1) + np.arange(RUN)
        offsets = rng.integers(1, WINDOW + 1, RUN) * rng.choice([-1, 1], RUN)
        inputs.append(long[k][at])
        labels.append(long[k][at + offsets])
    return np.concatenate(inputs)[:num_pairs], np.concatenate(labels)[:num_pairs]


class LanguageModel:
    """A log-bilinear language model: a word from the `CONTEXT` words before it.

    The encoder is a sum of embeddings, each multiplied by a vector of its position (Mnih and Hinton 2007, with
    diagonal matrices). The output layer is an
    `ss.SampledSoftmax`.

    Parameters
    ----------
    num_words : int
    layer : ss.SampledSoftmax
    learning_rate : float
        Of the embeddings and of the vectors of positions, by Adagrad.
    seed : int
    """

    def __init__(self, num_words: int, layer: ss.SampledSoftmax, learning_rate: float, seed: int) -> None:
        self.layer = layer
        self.table = ss.EmbeddingTable(num_words, DIM, ss.Adagrad(learning_rate), seed=seed)
        self.positions = np.ones((CONTEXT, DIM), np.float32)
        self._squares = np.full((CONTEXT, DIM), 0.1, np.float32)
        self._rate = np.float32(learning_rate)

    def encode(self, contexts: Ids) -> NDArray[np.float32]:
        """Return the inputs of the output layer [batch_size, DIM] of contexts [batch_size, CONTEXT]."""
        return np.asarray((self.table.pull(contexts) * self.positions).sum(axis=1))

    def step(self, contexts: Ids, labels: Ids) -> float:
        """Train on one batch and return its loss."""
        rows = self.table.pull(contexts)
        loss, gradient = self.layer.step((rows * self.positions).sum(axis=1), labels)
        of_positions = (rows * gradient[:, np.newaxis]).sum(axis=0)
        self.table.push(contexts, gradient[:, np.newaxis] * self.positions)
        self._squares += of_positions**2
        self.positions -= self._rate * of_positions / np.sqrt(self._squares)
        return loss


def contexts_of(lines: list[Ids]) -> tuple[Ids, Ids]:
    """Return contexts [n, CONTEXT] and the words after them [n]."""
    long = [line for line in lines if line.size > CONTEXT]
    windows = [np.lib.stride_tricks.sliding_window_view(line, CONTEXT + 1) for line in long]
    found = np.concatenate(windows)
    return np.ascontiguousarray(found[:, :CONTEXT]), np.ascontiguousarray(found[:, CONTEXT])


def train_language_model(model: LanguageModel, text: Text, epochs: int, seed: int, most_steps: int = 10**9) -> int:
    """Train in a random order of examples; return the number of steps."""
    contexts, labels = contexts_of(text.train)
    steps = 0
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(labels.size)
        for first in range(0, labels.size - BATCH_SIZE + 1, BATCH_SIZE):
            if steps == most_steps:
                return steps
            rows = order[first : first + BATCH_SIZE]
            model.step(contexts[rows], labels[rows])
            steps += 1
    return steps


def language_model(folder: Path, num_examples: int, seed: int = 1) -> TrainedModel:
    """Train the log-bilinear model for two epochs with log-uniform candidates; examples are from a held-out text."""
    text = read_text(folder)
    layer = ss.SampledSoftmax(len(text.words), DIM, NUM_SAMPLED, ss.Adagrad(0.1), seed=seed)
    model = LanguageModel(len(text.words), layer, 0.1, seed)
    train_language_model(model, text, 2, seed)
    contexts, labels = contexts_of(text.held_out)
    chosen = np.random.default_rng(seed).choice(labels.size, num_examples, replace=False)
    inputs = model.encode(contexts[chosen])
    return _trained("language model", layer.weights, layer.biases, inputs, labels[chosen], text.counts)


def recommender(folder: Path, num_examples: int, seed: int = 1) -> TrainedModel:
    """Train `ss.MatrixFactorization` with its defaults on Yelp2018; examples are users and items of the test set."""
    train: Interactions = Interactions.read(folder / "yelp2018-train.txt.gz", format="lists")
    test = Interactions.read(folder / "yelp2018-test.txt.gz", format="lists").with_rows_of(train)
    model = ss.MatrixFactorization(seed=seed).fit(train)
    rng = np.random.default_rng(seed)
    users = rng.choice(np.flatnonzero(np.diff(test.row_splits)), num_examples, replace=False)
    labels = np.array([rng.choice(test.items_of(int(user))) for user in users])
    removed = [np.append(train.items_of(int(user)), label) for user, label in zip(users, labels, strict=True)]
    rows, x = model.item_factors, model.user_factors[users] / model.temperature
    found = _trained("recommender", rows, np.zeros(len(rows)), x, labels, train.item_counts)
    return found._replace(removed=removed)


def _trained(name: str, weights: Any, biases: Any, inputs: Any, labels: Ids, counts: Any) -> TrainedModel:
    rows = np.column_stack([weights, biases]).astype(np.float32)
    x = np.column_stack([inputs, np.ones(len(inputs))]).astype(np.float32)
    removed = [np.array([label]) for label in labels]
    return TrainedModel(name, rows, x, labels, removed, np.asarray(counts, np.float64))


MODELS: dict[str, Callable[[Path, int, int], TrainedModel]] = {
    "words": word_vectors,
    "language": language_model,
    "recommender": recommender,
}
