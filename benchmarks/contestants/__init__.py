"""The compared implementations of skip-gram training with sampled softmax."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmarks.cases import Case, Ids


class Contestant(Protocol):
    """One implementation, constructed from a case and the name of an optimizer; all draw the same candidates.

    Attributes
    ----------
    threads : int
        Number of threads that it may use.
    """

    threads: int

    def calls(self, batches: list[tuple[Ids, Ids]]) -> Sequence[tuple[Ids, Ids]]:
        """Return the arguments of the calls of `step` that train on all batches."""

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on the pairs of one call and return the mean loss of its last batch."""

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""


class OneBatchPerCall:
    """Base class of contestants with one call per batch."""

    def calls(self, batches: list[tuple[Ids, Ids]]) -> Sequence[tuple[Ids, Ids]]:
        """Return the batches."""
        return batches


@dataclass(frozen=True)
class Spec:
    """The name of a contestant, its class and its requirements.

    Attributes
    ----------
    name, label : str
        On the command line and in tables.
    target : str
        `module:class`.
    needs : str
        Module that must be installed.
    options, environment
        Arguments of the class; variables of its process.
    unless_named : tuple of str
        Cases in which it runs only if named; "*" for all.
    """

    name: str
    label: str
    target: str
    needs: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    unless_named: tuple[str, ...] = ()

    def why_missing(self) -> str:
        """Return why it cannot run, or an empty string."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return f"{self.needs} is not installed: pip install '.[bench]'"
        return ""

    def runs_by_default(self, case: Case) -> bool:
        """Return whether it runs if no contestants are named."""
        return not {"*", case.name} & set(self.unless_named)


OURS = "benchmarks.contestants.ours"
TORCH = "benchmarks.contestants.with_torch:Torch"
NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}
# By default each barrier of OpenMP spins for milliseconds, so that a step takes 80 ms instead of 2 if another process
# uses a core; 10,000 iterations are enough if none does.
SHORT_SPINS = {"GOMP_SPINCOUNT": "10000"}
# Compile in the process itself: a pool of compiler processes would remain and compete for the cores.
COMPILE_HERE = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}

SPECS = (
    Spec("fast-1", "sampledsoftmax, 1 thread", f"{OURS}:Fast", options={"threads": 1}),
    Spec("fast", "sampledsoftmax", f"{OURS}:Fast"),
    *(
        Spec(
            f"fast-{vectors}",
            f"sampledsoftmax, {vectors if vectors == 'plain' else f'{vectors}-bit'} vectors",
            f"{OURS}:Fast",
            environment={"SAMPLEDSOFTMAX_VECTORS": vectors},
            unless_named=("*",),
        )
        for vectors in ("plain", "128", "256", "512")
    ),
    Spec("steps", "sampledsoftmax, steps()", f"{OURS}:Steps"),
    Spec(
        "tensorflow",
        "TensorFlow",
        "benchmarks.contestants.with_tensorflow:TensorFlow",
        needs="tensorflow",
        environment=NO_GPU | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    ),
    Spec("torch", "PyTorch", TORCH, needs="torch", environment=NO_GPU | SHORT_SPINS),
    Spec(
        "torch-compile",
        "PyTorch, compiled",
        TORCH,
        needs="torch",
        options={"compiled": True},
        environment=NO_GPU | SHORT_SPINS | COMPILE_HERE,
    ),
    Spec(
        "jax",
        "JAX",
        "benchmarks.contestants.with_jax:Jax",
        needs="jax",
        environment=NO_GPU | {"JAX_PLATFORMS": "cpu"},
    ),
    Spec("reference", "reference (NumPy)", "benchmarks.contestants.with_numpy:Reference", unless_named=("w3",)),
)


def chosen(names: Sequence[str], case: Case) -> list[Spec]:
    """Return the contestants of a case: those named, all for "all", else those that run by default."""
    if "all" in names:
        return list(SPECS)
    return [spec for spec in SPECS if (spec.name in names if names else spec.runs_by_default(case))]
