"""Experiment: what sampled softmax, noise-contrastive estimation and negative sampling learn from the same data."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.corpus import Corpus, topic_corpus
from experiments.known_joint import centered, correlation, learned_logits, random_joint
from experiments.small_model import Loss, SmallModelSettings, exact_loss, full_softmax, sampled, train_model
from experiments.wrong_q import WithReplacement
from sampledsoftmax.diagnostics.gradient import CORRECT, Sampler
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.types import Correction


@dataclass(frozen=True)
class Objective:
    """A loss over the label and candidates, which are drawn by the counts of the labels.

    Attributes
    ----------
    loss : str
        "sampled_softmax" or "nce".
    correction : Correction
    unique : bool
        Whether candidates are unique; noise-contrastive objectives draw with replacement.
    """

    loss: str
    correction: Correction
    unique: bool

    def sampler(self, share: Floats, seed: int) -> Sampler:
        """Return the sampler of the candidates for the shares of the labels [num_classes]."""
        sampler = FixedUnigramSampler(share, seed=seed)
        return sampler if self.unique else WithReplacement(sampler)


OBJECTIVES = {
    "sampled softmax": Objective("sampled_softmax", CORRECT, True),
    "sampled softmax, no log Q": Objective("sampled_softmax", CORRECT._replace(subtract_log_q=False), True),
    "NCE": Objective("nce", CORRECT._replace(remove_accidental_hits=False), False),
    "negative sampling": Objective("nce", Correction(False, False), False),
}


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is measured.

    Attributes
    ----------
    table_classes, table_sampled, table_steps : int
        Table of logits: classes, candidates per step, steps.
    num_shown : int
        Number of pairs whose logits are kept, for a figure.
    num_classes, num_topics, num_sampled : int
        Word vectors: classes and topics of their corpus, candidates per step.
    training : SmallModelSettings
        Training of the word vectors.
    seed : int
    """

    table_classes: int = 50
    table_sampled: int = 10
    table_steps: int = 4000
    num_shown: int = 300
    num_classes: int = 1000
    num_topics: int = 20
    num_sampled: int = 16
    training: SmallModelSettings = field(default_factory=SmallModelSettings)
    seed: int = 1


class TablePoint(NamedTuple):
    """The learned logits f of a table compared to log p(label | input) and to the pointwise mutual information.

    Attributes
    ----------
    objective : str
        Name in `OBJECTIVES`.
    log_p_correlation, pmi_correlation : float
        Over all pairs, after subtracting the mean of each input.
    log_p_error, pmi_error : float
        Root mean square difference, after subtracting the mean of each input.
    log_normalizer : float
        Mean over inputs of log sum exp f: 0 if f are normalized log probabilities.
    shifted_pmi_error : float
        Root mean square of f - (PMI - log num_sampled), without subtracting means.
    shown : float64 [num_shown]
        Logits of some pairs minus the mean of their input.
    """

    objective: str
    log_p_correlation: float
    pmi_correlation: float
    log_p_error: float
    pmi_error: float
    log_normalizer: float
    shifted_pmi_error: float
    shown: Floats


class VectorPoint(NamedTuple):
    """Word vectors trained with an objective.

    Attributes
    ----------
    objective : str
        Name in `OBJECTIVES`, or "full softmax".
    steps : int64 [num_points]
        Steps after which the loss was computed.
    excess : float64 [num_points]
        Exact softmax loss of the logits minus the entropy of the corpus, in nats.
    excess_with_counts : float
        The same at the end of training, for the logits plus log p(label).
    neighbors_of_topic : float
        Share of the ten nearest neighbors by cosine similarity that have the same topic, among the most frequent
        30 % of the classes.
    """

    objective: str
    steps: NDArray[np.int64]
    excess: Floats
    excess_with_counts: float
    neighbors_of_topic: float


class Objectives(NamedTuple):
    """Results: true values of the shown pairs (minus the mean of their input), tables and word vectors."""

    log_p_shown: Floats
    pmi_shown: Floats
    table: list[TablePoint]
    vectors: list[VectorPoint]


def compare_objectives(settings: ObjectiveSettings | None = None) -> Objectives:
    """Return what each objective learns as a table of logits, and as word vectors.

    Examples
    --------
    >>> tiny = ObjectiveSettings(6, 3, 400, 4, 40, 3, 8, SmallModelSettings(num_steps=50, dim=4))
    >>> found = {point.objective: point for point in compare_objectives(tiny).table}
    >>> bool(found["sampled softmax"].log_p_error < found["negative sampling"].log_p_error)
    True
    """
    settings = settings or ObjectiveSettings()
    joint = random_joint(settings.table_classes, settings.seed)
    log_p = np.log(joint / joint.sum(axis=1, keepdims=True))
    pmi = log_p - np.log(joint.sum(axis=0))
    shown = np.random.default_rng(settings.seed).choice(joint.size, settings.num_shown, replace=False)
    table = []
    for name, objective in OBJECTIVES.items():
        sampler = objective.sampler(joint.sum(axis=0), settings.seed)
        loss = sampled(sampler, settings.table_sampled, objective.correction, objective.loss)
        table.append(_table_point(name, learned_logits(joint, loss, settings.table_steps), log_p, pmi, shown, settings))
    corpus = topic_corpus(settings.num_classes, settings.num_topics)
    vectors = [_vector_point("full softmax", corpus, full_softmax(), settings)]
    for name, objective in OBJECTIVES.items():
        sampler = objective.sampler(corpus.label_share, settings.seed)
        loss = sampled(sampler, settings.num_sampled, objective.correction, objective.loss)
        vectors.append(_vector_point(name, corpus, loss, settings))
    return Objectives(centered(log_p).ravel()[shown], centered(pmi).ravel()[shown], table, vectors)


def _table_point(
    name: str, logits: Floats, log_p: Floats, pmi: Floats, shown: NDArray[np.int64], settings: ObjectiveSettings
) -> TablePoint:
    f = centered(logits)
    largest = logits.max(axis=1)
    return TablePoint(
        name,
        correlation(f, centered(log_p)),
        correlation(f, centered(pmi)),
        _root_mean_square(f - centered(log_p)),
        _root_mean_square(f - centered(pmi)),
        float((largest + np.log(np.exp(logits - largest[:, np.newaxis]).sum(axis=1))).mean()),
        _root_mean_square(logits - pmi + np.log(settings.table_sampled)),
        f.ravel()[shown],
    )


def _vector_point(name: str, corpus: Corpus, loss: Loss, settings: ObjectiveSettings) -> VectorPoint:
    found = train_model(corpus, loss, settings.training, settings.seed)
    with_counts = exact_loss(corpus, found.model.logits() + np.log(corpus.label_share)) - corpus.entropy
    near = _neighbors_of_topic(found.model.embeddings, corpus.topics)
    return VectorPoint(name, found.steps, found.loss - corpus.entropy, with_counts, near)


def _neighbors_of_topic(embeddings: Floats, topics: NDArray[np.int64], topn: int = 10) -> float:
    """Return the share of nearest neighbors that have the same topic."""
    frequent = 3 * topics.size // 10
    unit = embeddings[:frequent] / np.linalg.norm(embeddings[:frequent], axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :topn]
    return float((topics[nearest] == topics[:frequent, np.newaxis]).mean())


def _root_mean_square(difference: Floats) -> float:
    return float(np.sqrt((difference**2).mean()))
