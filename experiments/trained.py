"""Experiment: what a model has learnt after training, by sampler and by number of candidates."""

from dataclasses import dataclass, field
from typing import NamedTuple

from experiments.corpus import topic_corpus
from experiments.training import Training, full_softmax, sampled, train
from sampledsoftmax.diagnostics.samplers import sampler_of


@dataclass(frozen=True)
class TrainedSettings:
    """What is measured: every sampler with every number of candidates, log Q subtracted and hits left out.

    Attributes
    ----------
    num_classes, num_topics : int
        Of the corpus, `topic_corpus`.
    samplers : tuple of str
        Names in `samplers.SAMPLERS`; their counts are those of the labels.
    num_sampled : tuple of int
        Candidates a step.
    seeds : tuple of int
    training : Training
    """

    num_classes: int = 1000
    num_topics: int = 20
    samplers: tuple[str, ...] = ("log-uniform", "counts", "counts^0.75", "uniform")
    num_sampled: tuple[int, ...] = (4, 16, 64, 256)
    seeds: tuple[int, ...] = (1, 2)
    training: Training = field(default_factory=lambda: Training(num_points=1))


class TrainedPoint(NamedTuple):
    """Exact loss of the trained model, less the entropy of the corpus, in nats, for each seed."""

    sampler: str
    num_sampled: int
    excess: list[float]


def loss_by_sampler(settings: TrainedSettings | None = None) -> list[TrainedPoint]:
    """Return what models have learnt after the same steps on the same pairs; first, with the full softmax.

    Examples
    --------
    >>> training = Training(num_steps=60, dim=4, num_points=1)
    >>> tiny = TrainedSettings(40, 3, ("counts",), (2, 30), (1,), training)
    >>> full, few, many = (point.excess[0] for point in loss_by_sampler(tiny))
    >>> abs(many - full) < abs(few - full)
    True
    """
    settings = settings or TrainedSettings()
    corpus = topic_corpus(settings.num_classes, settings.num_topics)
    seeds, training = settings.seeds, settings.training
    exact = [float(train(corpus, full_softmax(), training, seed).loss[-1] - corpus.entropy) for seed in seeds]
    points = [TrainedPoint("full softmax", settings.num_classes, exact)]
    for name in settings.samplers:
        for num_sampled in settings.num_sampled:
            excess = []
            for seed in seeds:
                loss = sampled(sampler_of(name, corpus.label_share, seed), num_sampled)
                excess.append(float(train(corpus, loss, training, seed).loss[-1] - corpus.entropy))
            points.append(TrainedPoint(name, num_sampled, excess))
    return points
