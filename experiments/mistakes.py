"""Experiment: what goes wrong when the method is not kept to, in the gradient and in what a model learns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from experiments.corpus import Corpus, topic_corpus
from experiments.training import Training, full_softmax, sampled, train
from experiments.wrong_q import Recounted, ReplacedLogUniform, RoundedLogUniform, WithReplacement
from sampledsoftmax.diagnostics.gradient import GradientBias, Method, Sampler, gradient_bias
from sampledsoftmax.diagnostics.problem import problem
from sampledsoftmax.samplers.log_uniform import LogUniformSampler


@dataclass(frozen=True)
class Variant:
    """A way to use sampled softmax with log-uniform candidates.

    Attributes
    ----------
    sampler : function
        From a number of classes and a seed to what draws.
    method : Method
        Whether log Q is subtracted and hits are removed.
    sorted_ids : bool
        Whether ids are in order of falling frequency.
    """

    sampler: Callable[[int, int], Sampler] = LogUniformSampler
    method: Method = field(default_factory=Method)
    sorted_ids: bool = True


VARIANTS = {
    "right": Variant(),
    "right, exact counts": Variant(lambda size, seed: LogUniformSampler(size, seed, expected_count="inclusion")),
    "right, with replacement": Variant(lambda size, seed: WithReplacement(LogUniformSampler(size, seed))),
    "no log Q": Variant(method=Method(subtract_log_q=False)),
    "log Q added": Variant(lambda size, seed: Recounted(LogUniformSampler(size, seed), np.reciprocal)),
    "hits left in": Variant(method=Method(remove_accidental_hits=False)),
    "ids not sorted": Variant(sorted_ids=False),
    "ids not sorted, no log Q": Variant(method=Method(subtract_log_q=False), sorted_ids=False),
    "draws rounded": Variant(RoundedLogUniform),
    "copies counted once": Variant(ReplacedLogUniform, Method(hit_copies="last")),
}


@dataclass(frozen=True)
class MistakeSettings:
    """What is measured.

    Attributes
    ----------
    num_classes, num_topics : int
        Of the corpus, `topic_corpus`; its labels are those of the gradient too.
    num_sampled : tuple of int
        Candidates of a sample.
    num_samples : int
        Gradients that are averaged.
    seeds : tuple of int
        Of the models; the gradient takes the first.
    training : Training
    """

    num_classes: int = 1000
    num_topics: int = 20
    num_sampled: tuple[int, ...] = (16, 128)
    num_samples: int = 600
    seeds: tuple[int, ...] = (1, 2, 3)
    training: Training = field(default_factory=Training)


class MistakePoint(NamedTuple):
    """What a variant does with one number of candidates.

    Attributes
    ----------
    variant : str
        Name in `VARIANTS`, or "full softmax".
    num_sampled : int
        Candidates of a sample.
    gradient : GradientBias or None
        None for the full softmax.
    excess : list of float
        Exact loss in nats of the trained model, less the entropy of the corpus, for each seed.
    """

    variant: str
    num_sampled: int
    gradient: GradientBias | None
    excess: list[float]


def what_goes_wrong(settings: MistakeSettings | None = None) -> list[MistakePoint]:
    """Return what every variant does to the gradient and to a model; first, the full softmax.

    Examples
    --------
    >>> training = Training(num_steps=100, dim=4, num_points=1)
    >>> tiny = MistakeSettings(40, 3, (6,), num_samples=20, seeds=(1,), training=training)
    >>> found = {point.variant: point for point in what_goes_wrong(tiny)}
    >>> bool(found["full softmax"].excess[0] < found["right"].excess[0] < found["no log Q"].excess[0])
    True
    """
    settings = settings or MistakeSettings()
    corpus = topic_corpus(settings.num_classes, settings.num_topics)
    mixed = corpus.renamed(settings.seeds[0])
    exact = [
        train(corpus, full_softmax(), settings.training, seed).loss[-1] - corpus.entropy for seed in settings.seeds
    ]
    points = [MistakePoint("full softmax", settings.num_classes, None, exact)]
    for name, variant in VARIANTS.items():
        of = corpus if variant.sorted_ids else mixed
        points += [_point(name, of, num_sampled, settings) for num_sampled in settings.num_sampled]
    return points


def _point(name: str, corpus: Corpus, num_sampled: int, settings: MistakeSettings) -> MistakePoint:
    variant = VARIANTS[name]
    batch = problem(corpus.label_share, seed=settings.seeds[0])
    sampler = variant.sampler(settings.num_classes, settings.seeds[0])
    gradient = gradient_bias(batch, sampler, num_sampled, settings.num_samples, variant.method)
    excess = []
    for seed in settings.seeds:
        loss = sampled(variant.sampler(settings.num_classes, seed), num_sampled, variant.method)
        excess.append(train(corpus, loss, settings.training, seed).loss[-1] - corpus.entropy)
    return MistakePoint(name, num_sampled, gradient, excess)
