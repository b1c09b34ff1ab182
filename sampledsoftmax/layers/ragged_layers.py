"""Ragged labels for the layers: their steps, and what they cannot be combined with."""

from typing import Any

from sampledsoftmax.kernels.loss.objectives import SoftmaxCrossEntropy
from sampledsoftmax.layers.layer_settings import LayerSettings
from sampledsoftmax.layers.ragged_step import RaggedSteps


def ragged_steps_of(settings: LayerSettings) -> RaggedSteps:
    """Return the steps over ragged labels of a layer with these settings."""
    correction = settings.correction
    return RaggedSteps(
        settings.num_sampled,
        settings.dim,
        settings.dtype,
        settings.sampler,
        temperature=correction.temperature,
        normalize=correction.normalize,
        subtract_log_q=correction.subtract_log_q,
    )


def check_ragged(settings: LayerSettings, sample_weight: Any, ignore_index: Any) -> None:
    """Refuse what ragged labels cannot be combined with.

    Raises
    ------
    ValueError
        If `sample_weight` or `ignore_index` is given, or if the layer has another loss than sampled softmax without
        accidental hits.
    """
    for name, value in (("sample_weight", sample_weight), ("ignore_index", ignore_index)):
        if value is not None:
            raise ValueError(f"{name} must be None with ss.RaggedLabels: leave out the labels that do not count")
    if not isinstance(settings.objective.compiled_loss(), SoftmaxCrossEntropy):
        raise ValueError("objective must be 'sampled_softmax' for ss.RaggedLabels")
    if not settings.correction.remove_accidental_hits:
        raise ValueError(
            "remove_accidental_hits must be True for ss.RaggedLabels: all labels of an example are left out"
        )
