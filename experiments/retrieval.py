"""Experiment: in-batch softmax with its operations in the right order and in wrong ones, and other temperatures."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.corpus import Corpus, topic_corpus
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.reference import scaled, through_scaling
from sampledsoftmax.retrieval import reference

TEMPERATURE, LOG_Q, HITS, HARD = "temperature", "log Q", "hits", "hard negatives"
TOP = 10


@dataclass(frozen=True)
class Variant:
    """One way to turn dot products of a batch into logits.

    Attributes
    ----------
    order : tuple of str
        The operations, the first first.
    sign : float
        What log Q is multiplied by before it is subtracted.
    merged : bool
        Whether equal ids are one column.
    corrects_positives : bool
        Whether log Q is subtracted from the positives too.
    loss_of_2025 : bool
        Whether the loss is that of arXiv 2507.09331.
    """

    order: tuple[str, ...] = (TEMPERATURE, LOG_Q, HITS)
    sign: float = 1.0
    merged: bool = True
    corrects_positives: bool = True
    loss_of_2025: bool = False


VARIANTS = {
    "right: temperature, log Q, hits": Variant(),
    "log Q of 2025, negatives only": Variant(corrects_positives=False, loss_of_2025=True),
    "copies kept, hits among them": Variant((TEMPERATURE, LOG_Q), merged=False),
    "copies kept, hits left out": Variant(merged=False),
    "log Q before the temperature": Variant((LOG_Q, TEMPERATURE, HITS)),
    "no log Q": Variant((TEMPERATURE, HITS)),
    "log Q added": Variant(sign=-1.0),
    "no log Q, hits left in": Variant((TEMPERATURE,), merged=False),
    "hard negatives last": Variant((TEMPERATURE, LOG_Q, HITS, HARD)),
    "hard negatives before log Q": Variant((TEMPERATURE, HITS, HARD, LOG_Q)),
    "hard negatives before hits": Variant((TEMPERATURE, LOG_Q, HARD, HITS), merged=False),
}


@dataclass(frozen=True)
class RetrievalSettings:
    """What is trained.

    Attributes
    ----------
    num_items, num_topics : int
        Size of the corpus, `topic_corpus`: queries and items alike.
    dim, batch_size, num_steps, num_hard : int
        Columns of both tables; pairs of a batch; batches; hard negatives, where they are chosen.
    learning_rate, temperature : float
        Of Adagrad; and what dot products are divided by.
    temperatures : tuple of float
        For cosines in place of dot products.
    seeds : tuple of int
    """

    num_items: int = 200
    num_topics: int = 10
    dim: int = 12
    batch_size: int = 128
    num_steps: int = 2000
    num_hard: int = 10
    learning_rate: float = 0.5
    temperature: float = 0.5
    temperatures: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0)
    seeds: tuple[int, ...] = (1, 2, 3)


class Outcome(NamedTuple):
    """What a trained model does, over all queries by their frequency.

    Attributes
    ----------
    excess : float
        Exact loss in nats, minus the entropy of the corpus.
    found : float
        Probability that the next item is among the ten of the largest logits.
    popular : float
        Share of the most popular tenth of the items among those ten.
    by_popularity : list of float
        Learned minus true log probability, mean over items of ten groups, the most popular first.
    """

    excess: float
    found: float
    popular: float
    by_popularity: list[float]


def logits_in_order(products: Floats, variant: Variant, log_q: Floats, hidden: NDArray[np.bool_], settings: Any) -> Any:
    """Return the logits of a batch from its dot products, by the operations of a variant in its order."""
    own = np.eye(*products.shape, dtype=np.bool_)
    logits = products
    for operation in variant.order:
        if operation == TEMPERATURE:
            logits = logits / settings.temperature
        elif operation == LOG_Q:
            logits = logits - np.where(own & (not variant.corrects_positives), 0, variant.sign * log_q)
        elif operation == HITS:
            logits = np.where(hidden, -np.inf, logits)
        else:
            negatives = np.where(own, -np.inf, logits)
            least = np.partition(negatives, -settings.num_hard, axis=1)[:, -settings.num_hard, np.newaxis]
            logits = np.where(own | (negatives >= least), logits, -np.inf)
    return logits


def retrieval_in_orders(settings: RetrievalSettings | None = None) -> dict[str, Any]:
    """Return outcomes by variant, and by temperature for cosines; the truth first.

    Examples
    --------
    >>> tiny = RetrievalSettings(40, 3, 8, 32, 300, 4, temperatures=(0.2,), seeds=(1,))
    >>> found = {point["variant"]: point["outcomes"][0] for point in retrieval_in_orders(tiny)["variants"]}
    >>> bool(found["right: temperature, log Q, hits"].excess < found["no log Q"].excess)
    True
    """
    settings = settings or RetrievalSettings()
    corpus = topic_corpus(settings.num_items, settings.num_topics)
    variants = [
        {"variant": name, "outcomes": [_trained(corpus, variant, settings, seed) for seed in settings.seeds]}
        for name, variant in VARIANTS.items()
    ]
    temperatures = [
        {
            "temperature": temperature,
            "outcomes": [_trained(corpus, Variant(), settings, seed, temperature) for seed in settings.seeds],
        }
        for temperature in settings.temperatures
    ]
    with np.errstate(divide="ignore"):
        truth = _outcome(corpus, np.log(corpus.joint))
    return {"truth": truth, "variants": variants, "temperatures": temperatures}


class _Table:
    """Rows, and Adagrad."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator, rate: float) -> None:
        self.rows, self.rate = 0.1 * rng.standard_normal(shape), rate
        self.squares = np.full(shape, 0.1)

    def update(self, ids: NDArray[np.int64], gradient: Floats) -> None:
        sums = np.zeros_like(self.rows)
        np.add.at(sums, ids, gradient)
        self.squares += sums**2
        self.rows -= self.rate * sums / np.sqrt(self.squares)


def _trained(
    corpus: Corpus, variant: Variant, settings: Any, seed: int, cosine_temperature: float | None = None
) -> Outcome:
    """Return the outcome of training; with a temperature of cosines, rows are normalized."""
    normalize = cosine_temperature is not None
    if normalize:
        settings = RetrievalSettings(**{**vars(settings), "temperature": cosine_temperature})
    rng, size = np.random.default_rng(seed), settings.batch_size
    queries, items = (_Table((settings.num_items, settings.dim), rng, settings.learning_rate) for _ in range(2))
    users, positives = corpus.pairs(settings.num_steps * size, seed)
    count = reference.expected_count(corpus.label_share, size, merged=variant.merged)
    for first in range(0, users.size, size):
        batch, ids = users[first : first + size], positives[first : first + size]
        of_queries, of_items = queries.rows[batch], items.rows[ids]
        q, c = scaled(of_queries, normalize), scaled(of_items, normalize)
        hidden = reference.left_out(ids, size, True, variant.merged)
        logits = logits_in_order(q @ c.T, variant, np.log(count[ids]), hidden, settings)
        if variant.loss_of_2025:
            gradient = reference.log_q_2025_loss(logits, np.zeros(size), np.ones(size))[1]
        else:
            gradient = reference.softmax_loss(logits)[1]
        gradient /= size * settings.temperature
        query_grad, item_grad = gradient @ c, gradient.T @ q
        queries.update(batch, through_scaling(query_grad, of_queries, normalize))
        items.update(ids, through_scaling(item_grad, of_items, normalize))
    return _outcome(corpus, scaled(queries.rows, normalize) @ scaled(items.rows, normalize).T / settings.temperature)


def _outcome(corpus: Corpus, logits: Floats) -> Outcome:
    share, popularity = corpus.input_share, corpus.label_share
    conditional = corpus.joint / share[:, np.newaxis]
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    excess = float(-(corpus.joint * log_p).sum()) - corpus.entropy
    top = np.argsort(-logits, axis=1)[:, :TOP]
    found = float((share * np.take_along_axis(conditional, top, axis=1).sum(axis=1)).sum())
    order = np.argsort(-popularity, kind="stable")
    is_popular = np.zeros(popularity.size, np.bool_)
    is_popular[order[: popularity.size // 10]] = True
    popular = float((share * is_popular[top].mean(axis=1)).sum())
    apart = share @ (log_p - np.log(conditional))
    return Outcome(excess, found, popular, [float(group.mean()) for group in np.array_split(apart[order], 10)])
