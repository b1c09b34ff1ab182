"""Experiment: effects of common mistakes on the gradient and on a trained model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from experiments.corpus import Corpus, topic_corpus
from experiments.small_model import SmallModelSettings, full_softmax, sampled, train_model
from experiments.wrong_q import Recounted, ReplacedLogUniform, RoundedLogUniform, WithReplacement
from sampledsoftmax.diagnostics.gradient import CORRECT, GradientBias, Sampler, gradient_bias
from sampledsoftmax.diagnostics.problem import problem
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.types import Correction


@dataclass(frozen=True)
class Variant:
    """One way to use sampled softmax with log-uniform candidates.

    Attributes
    ----------
    sampler : function
        From a number of classes and a seed to a sampler.
    correction : Correction
        Whether log Q is subtracted and hits are removed.
    sorted_ids : bool
        Whether ids are in order of falling frequency.
    """

    sampler: Callable[[int, int], Sampler] = LogUniformSampler
    correction: Correction = CORRECT
    sorted_ids: bool = True


VARIANTS = {
    "right": Variant(),
    "right, exact counts": Variant(lambda size, seed: LogUniformSampler(size, seed, expected_count="inclusion")),
    "right, with replacement": Variant(lambda size, seed: WithReplacement(LogUniformSampler(size, seed))),
    "no log Q": Variant(correction=CORRECT._replace(subtract_log_q=False)),
    "log Q added": Variant(lambda size, seed: Recounted(LogUniformSampler(size, seed), np.reciprocal)),
    "hits left in": Variant(correction=CORRECT._replace(remove_accidental_hits=False)),
    "ids not sorted": Variant(sorted_ids=False),
    "ids not sorted, no log Q": Variant(correction=CORRECT._replace(subtract_log_q=False), sorted_ids=False),
    "draws rounded": Variant(RoundedLogUniform),
    "copies counted once": Variant(ReplacedLogUniform, CORRECT._replace(hit_copies="last")),
}


@dataclass(frozen=True)
class MistakeSettings:
    """What is measured.

    Attributes
    ----------
    num_classes, num_topics : int
        Size of the corpus, `topic_corpus`, whose labels are also those of the gradient.
    num_sampled : tuple of int
        Candidates per sample.
    num_samples : int
        Number of gradients that are averaged.
    seeds : tuple of int
        Seeds of the models; the gradient uses the first.
    training : SmallModelSettings
    """

    num_classes: int = 1000
    num_topics: int = 20
    num_sampled: tuple[int, ...] = (16, 128)
    num_samples: int = 600
    seeds: tuple[int, ...] = (1, 2, 3)
    training: SmallModelSettings = field(default_factory=SmallModelSettings)


class MistakePoint(NamedTuple):
    """Results of a variant with one number of candidates.

    Attributes
    ----------
    variant : str
        Name in `VARIANTS`, or "full softmax".
    num_sampled : int
        Candidates per sample.
    gradient : GradientBias or None
        None for the full softmax.
    excess : list of float
        Exact loss in nats of the trained model minus the entropy of the corpus, for each seed.
    """

    variant: str
    num_sampled: int
    gradient: GradientBias | None
    excess: list[float]


def what_goes_wrong(settings: MistakeSettings | None = None) -> list[MistakePoint]:
    """Return the effect of every variant on the gradient and on a model; the first point is the full softmax.

    Examples
    --------
    >>> training = SmallModelSettings(num_steps=100, dim=4, num_points=1)
    >>> tiny = MistakeSettings(40, 3, (6,), num_samples=20, seeds=(1,), training=training)
    >>> found = {point.variant: point for point in what_goes_wrong(tiny)}
    >>> bool(found["full softmax"].excess[0] < found["right"].excess[0] < found["no log Q"].excess[0])
    True
    """
    settings = settings or MistakeSettings()
    corpus = topic_corpus(settings.num_classes, settings.num_topics)
    shuffled = corpus.renamed(settings.seeds[0])
    exact = [
        train_model(corpus, full_softmax(), settings.training, seed).loss[-1] - corpus.entropy
        for seed in settings.seeds
    ]
    points = [MistakePoint("full softmax", settings.num_classes, None, exact)]
    for name, variant in VARIANTS.items():
        chosen = corpus if variant.sorted_ids else shuffled
        points += [_point(name, chosen, num_sampled, settings) for num_sampled in settings.num_sampled]
    return points


def _point(name: str, corpus: Corpus, num_sampled: int, settings: MistakeSettings) -> MistakePoint:
    variant = VARIANTS[name]
    batch = problem(corpus.label_share, seed=settings.seeds[0])
    sampler = variant.sampler(settings.num_classes, settings.seeds[0])
    gradient = gradient_bias(batch, sampler, num_sampled, settings.num_samples, variant.correction)
    excess = []
    for seed in settings.seeds:
        loss = sampled(variant.sampler(settings.num_classes, seed), num_sampled, variant.correction)
        excess.append(train_model(corpus, loss, settings.training, seed).loss[-1] - corpus.entropy)
    return MistakePoint(name, num_sampled, gradient, excess)
