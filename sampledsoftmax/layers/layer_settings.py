"""The settings of a layer: checked, described as plain data, and compared with what was saved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.layers import saved_objects
from sampledsoftmax.losses.arguments import correction_for
from sampledsoftmax.losses.objectives import Objective, checked_objective
from sampledsoftmax.optimizers import Adagrad, Optimizer, checked_optimizer
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.samplers import CandidateSampler, sampler_for
from sampledsoftmax.samplers.in_batch import InBatchSampler
from sampledsoftmax.samplers.mixed import MixedSampler
from sampledsoftmax.types import DOT_PRODUCT, Correction, Similarity

Arrays = dict[str, NDArray[Any]]


class LayerSettings(NamedTuple):
    """The checked arguments of a layer.

    Attributes
    ----------
    num_classes, dim, num_sampled : int
    dtype : numpy.dtype
    optimizer : Optimizer
    sampler : CandidateSampler
    objective : Objective
    correction : Correction
    """

    num_classes: int
    dim: int
    num_sampled: int
    dtype: np.dtype[Any]
    optimizer: Optimizer
    sampler: CandidateSampler
    objective: Objective
    correction: Correction

    def described(self) -> dict[str, Any]:
        """Return the settings as plain data for JSON."""
        return {
            "num_classes": self.num_classes,
            "dim": self.dim,
            "num_sampled": self.num_sampled,
            "dtype": self.dtype.name,
            "optimizer": saved_objects.described_optimizer(self.optimizer),
            "sampler": saved_objects.described_sampler(self.sampler),
            "objective": saved_objects.described_objective(self.objective),
            "subtract_log_q": self.correction.subtract_log_q,
            "remove_accidental_hits": self.correction.remove_accidental_hits,
            **self.correction.similarity._asdict(),
        }

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return the settings as plain data, and the arrays of the sampler."""
        state, arrays = saved_objects.state_of_sampler(self.sampler)
        return {**self.described(), "sampler_state": state}, arrays

    @property
    def lock(self) -> ForkLock:
        """The lock that a step holds."""
        return self.sampler.lock

    @property
    def objects(self) -> dict[str, Any]:
        """What may be an object of a user's own class."""
        return {"optimizer": self.optimizer, "sampler": self.sampler, "objective": self.objective}

    @staticmethod
    def restored(
        saved: dict[str, Any], arrays: Arrays, how: str, given: dict[str, Any]
    ) -> tuple["LayerSettings", Callable[[], None]]:
        """Return saved settings, see `restored_settings`."""
        return restored_settings(saved, arrays, how, given)


def checked_settings(
    num_classes: Any,
    dim: Any,
    num_sampled: Any,
    optimizer: Any,
    sampler: Any,
    subtract_log_q: Any,
    remove_accidental_hits: Any,
    dtype: Any,
    seed: Any,
    objective: Any,
    similarity: Similarity,
) -> LayerSettings:
    """Return the arguments of a layer with defaults filled in; TypeError or ValueError names the wrong one."""
    num_classes = validation.whole_number("num_classes", num_classes, 1)
    checked = checked_objective(objective)
    return LayerSettings(
        num_classes,
        validation.whole_number("dim", dim, 1),
        _checked_size(num_sampled, num_classes, sampler),
        validation.float_dtype("dtype", dtype),
        checked_optimizer(Adagrad(0.05) if optimizer is None else optimizer),
        sampler_for(sampler, num_classes, seed),
        checked,
        correction_for(checked, subtract_log_q, remove_accidental_hits, similarity),
    )


def _checked_size(num_sampled: Any, num_classes: int, sampler: Any) -> int:
    """Return the number of candidates: those of samplers that draw copies may be more than there are classes."""
    if isinstance(sampler, (InBatchSampler, MixedSampler)):
        return sampler.checked_size(num_sampled, unique=False)
    return validation.sample_size("num_sampled", num_sampled, True, "num_classes", num_classes)


def restored_settings(
    saved: dict[str, Any], arrays: Arrays, how: str, given: dict[str, Any]
) -> tuple[LayerSettings, Callable[[], None]]:
    """Return saved settings, and a function that puts the sampler in its saved state.

    Parameters
    ----------
    saved : dict
    arrays : dict
        From `LayerSettings.state`.
    how : str
        The call to write in a message, such as "SampledSoftmax.load(path".
    given : dict
        "optimizer", "sampler" and "objective", or None for each that is to be made.

    Raises
    ------
    TypeError, ValueError
        An object must be given and is not, or one of another class is; or what was saved is inconsistent.
    """
    optimizer = saved_objects.restored_optimizer(saved["optimizer"], given["optimizer"], how)
    sampler = saved_objects.restored_sampler(saved["sampler"], arrays, given["sampler"], how)
    objective = saved_objects.restored_objective(saved["objective"], given["objective"], how)
    sizes = (saved["num_classes"], saved["dim"], saved["num_sampled"])
    flags = (saved["subtract_log_q"], saved["remove_accidental_hits"])
    similarity = Similarity(*(_with_defaults(saved)[name] for name in Similarity._fields))
    settings = checked_settings(*sizes, optimizer, sampler, *flags, saved["dtype"], None, objective, similarity)
    return settings, lambda: saved_objects.set_state(settings.sampler, saved["sampler_state"], arrays)


@contextmanager
def consistent(path: Any) -> Iterator[None]:
    """Turn errors about what a file holds into one line that names it."""
    path = shown_path(path)
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{path} is inconsistent: {error} is missing or unknown") from None
    except AttributeError as error:
        raise ValueError(f"{path} is inconsistent: {error}") from None
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what differs between two descriptions; the learning rate may."""
    saved = _with_defaults(saved)
    return [
        f"{name} = {saved_objects.short(saved.get(name))}, got {saved_objects.short(value)}"
        for name, value in now.items()
        if saved_objects.without_rate(saved.get(name)) != saved_objects.without_rate(value)
    ]


def _with_defaults(saved: dict[str, Any]) -> dict[str, Any]:
    """Return saved settings with those that layers did not have when files were first written."""
    return DOT_PRODUCT._asdict() | saved
