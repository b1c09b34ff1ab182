"""The public API: its names, their documentation, and what importing it costs."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sampledsoftmax as ss

PUBLIC = [getattr(ss, name) for name in ss.__all__]


def test_all_names_exist_and_nothing_else_is_public():
    defined = {name for name, value in vars(ss).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert defined == set(ss.__all__)


def documented(docstring, section):
    """Names of a numpydoc section, in order."""
    match = re.search(rf"{section}\n-+\n(.*?)(?:\n\n?[A-Z][a-z ]+\n-+\n|\Z)", docstring, re.DOTALL)
    if match is None:
        return []
    heads = [line for line in match[1].split("\n") if line and not line.startswith(" ")]
    return [name.strip() for head in heads for name in head.split(" : ")[0].split(",")]


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.__name__)
def test_docstrings_say_what_signatures_say(public):
    docstring = inspect.getdoc(public)
    assert docstring.count("\n") > 2
    if issubclass(public, tuple) if inspect.isclass(public) else False:
        assert documented(docstring, "Attributes") == list(public._fields)
    else:
        assert documented(docstring, "Parameters") == list(inspect.signature(public).parameters)
        assert "Examples" in docstring


def test_importing_compiles_nothing_and_needs_only_numpy_and_numba():
    program = """
import sys, numba, numba.extending
before = set(sys.modules)  # numba imports scipy where it is installed
import sampledsoftmax
from sampledsoftmax.jit.kernel import Kernel
kernels = [value for name, module in list(sys.modules.items()) if name.startswith("sampledsoftmax")
           for value in vars(module).values() if isinstance(value, Kernel)]
print(len(kernels), sum(len(kernel.entry.signatures) + len(kernel.body.signatures) for kernel in kernels))
print([name for name in ("scipy", "click", "tqdm", "matplotlib", "tensorflow") if name in sys.modules.keys() - before])
"""
    environment = {"PATH": "", "NUMBA_DISABLE_JIT": "0"}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    kernels, extras = run.stdout.splitlines()
    count, compiled = map(int, kernels.split())
    assert count > 10
    assert compiled == 0
    assert extras == "[]"


def test_the_parity_page_names_everything_that_tensorflow_also_has():
    page = (Path(__file__).parents[1] / "docs" / "tensorflow.md").read_text()
    kinds = ("sampler", "Sampler", "loss", "hits", "logits", "SGD", "Momentum", "Adagrad", "Adam", "Slices")
    ours = {"CandidateSampler", "diagnose_sampler"}  # a base class, a diagnostic
    named = [name for name in ss.__all__ if name.endswith(kinds) and name not in ours]
    assert not [name for name in named if name.removesuffix("_and_grad") not in page]
