"""Experiment: the loss of a model after training, by sampler and number of candidates."""

from dataclasses import dataclass, field
from typing import NamedTuple

from experiments.corpus import topic_corpus
from experiments.small_model import SmallModelSettings, full_softmax, sampled, train_model
from sampledsoftmax.diagnostics.samplers import sampler_of


@dataclass(frozen=True)
class LossSettings:
    """What is measured: every sampler with every number of candidates, log Q subtracted and hits removed.

    Attributes
    ----------
    num_classes, num_topics : int
        Size of the corpus, `topic_corpus`.
    samplers : tuple of str
        Names in `samplers.SAMPLERS`; their counts are those of the labels.
    num_sampled : tuple of int
        Candidates per step.
    seeds : tuple of int
    training : SmallModelSettings
    """

    num_classes: int = 1000
    num_topics: int = 20
    samplers: tuple[str, ...] = ("log-uniform", "counts", "counts^0.75", "uniform")
    num_sampled: tuple[int, ...] = (4, 16, 64, 256)
    seeds: tuple[int, ...] = (1, 2)
    training: SmallModelSettings = field(default_factory=lambda: SmallModelSettings(num_points=1))


class LossPoint(NamedTuple):
    """Exact loss of the trained model minus the entropy of the corpus, in nats, for each seed."""

    sampler: str
    num_sampled: int
    excess: list[float]


def loss_by_sampler(settings: LossSettings | None = None) -> list[LossPoint]:
    """Return the losses of models after the same steps on the same pairs; the first is with the full softmax.

    Examples
    --------
    >>> training = SmallModelSettings(num_steps=60, dim=4, num_points=1)
    >>> tiny = LossSettings(40, 3, ("counts",), (2, 30), (1,), training)
    >>> full, few, many = (point.excess[0] for point in loss_by_sampler(tiny))
    >>> abs(many - full) < abs(few - full)
    True
    """
    settings = settings or LossSettings()
    corpus = topic_corpus(settings.num_classes, settings.num_topics)
    seeds, training = settings.seeds, settings.training
    exact = [float(train_model(corpus, full_softmax(), training, seed).loss[-1] - corpus.entropy) for seed in seeds]
    points = [LossPoint("full softmax", settings.num_classes, exact)]
    for name in settings.samplers:
        for num_sampled in settings.num_sampled:
            excess = []
            for seed in seeds:
                loss = sampled(sampler_of(name, corpus.label_share, seed), num_sampled)
                excess.append(float(train_model(corpus, loss, training, seed).loss[-1] - corpus.entropy))
            points.append(LossPoint(name, num_sampled, excess))
    return points
