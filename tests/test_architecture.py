"""Imports point in one direction: a package knows those below it only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "sampledsoftmax"

# From the bottom to the top. Those of one line do not know each other.
LAYERS = [
    "jit",
    "kernels.structs, kernels.sync, kernels.hash_table",
    "kernels.linalg",
    "kernels.sampling, kernels.update, kernels.loss, kernels.full",
    "kernels.step, kernels.in_batch",
    "kernels.text, kernels.ragged",
    "validation",
    "not_a_number",
    "types, reference",
    "runtime",
    "samplers, io",
    "optimizers",
    "losses",
    "layers",
    "retrieval, sharding",
    "word2vec.corpus",
    "word2vec.encoding",
    "word2vec.vectors",
    "word2vec.plots",
    "word2vec.training",
    "word2vec.evaluation",
    "word2vec.gensim_names, word2vec.gensim_callbacks, word2vec.gensim_predictions",
    "word2vec.gensim_attributes",
    "word2vec.model",
    "retrieval",
    "diagnostics, explanation, jax, testing",
    PACKAGE,  # what `import sampledsoftmax` offers
    "cli, torch, ray",
    "__main__",
]
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names.split(", ")}
DIVIDED = {"kernels", "word2vec"}  # packages whose subpackages are layers
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))
ROOT_MODULES = {"__init__.py", "__main__.py", "not_a_number.py", "reference.py", "types.py", "validation.py"}


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imports(path):
    """Return (line, module) of every import in a file, those in functions included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [(node.lineno, name if name in MODULES else node.module) for name in names]
    return found


def layer_of(module):
    """Return the part of the package that a module is in: one of `LAYERS`."""
    parts = module.split(".")[1:]
    if not parts:
        return PACKAGE
    return ".".join(parts[:2]) if parts[0] in DIVIDED and len(parts) > 1 else parts[0]


def arrows(path):
    """Return (line, layer) of the imports of this package in a file that leave its own layer."""
    ours = [(line, layer_of(name)) for line, name in imports(path) if name.split(".")[0] == PACKAGE]
    return [(line, layer) for line, layer in ours if layer != layer_of(module_of(path))]


def test_every_module_is_in_a_layer():
    layers = {layer_of(module) for module in MODULES} - DIVIDED  # whose __init__ imports nothing
    assert layers == set(LEVELS)
    assert {path.name for path in (ROOT / PACKAGE).glob("*.py")} == ROOT_MODULES


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_look_down(path):
    layer = layer_of(module_of(path))
    upwards = [f"line {line}: {layer} imports {other}" for line, other in arrows(path) if not below(other, layer)]
    assert not upwards


def below(other, layer):
    return other in LEVELS and LEVELS[other] < LEVELS[layer]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_programs_beside_the_package_are_not_imported(path):
    assert not {name.split(".")[0] for _, name in imports(path)} & {"experiments", "benchmarks", "tests"}


def test_no_module_imports_itself_through_others():
    graph = {module_of(path): {name for _, name in imports(path) if name in MODULES} for path in FILES}
    while leaves := {module for module, known in graph.items() if not known}:
        graph = {module: known - leaves for module, known in graph.items() if module not in leaves}
    assert not graph, "a cycle among these modules, or above one"
