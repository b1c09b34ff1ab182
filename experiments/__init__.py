"""Experiments that measure what the documentation claims; each writes a JSON file and figures.

Functions take arrays and return plain records; only `figures` draws. Run them from a checkout: `python -m experiments`.
"""

from experiments.bias import BiasPoint, BiasSettings, bias_by_sampler
from experiments.mistakes import MistakePoint, MistakeSettings, what_goes_wrong

__all__ = ["BiasPoint", "BiasSettings", "MistakePoint", "MistakeSettings", "bias_by_sampler", "what_goes_wrong"]
