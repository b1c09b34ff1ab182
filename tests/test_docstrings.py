"""Docstrings of the public API: they name what signatures name, and show an example that the doctests run."""

import ast
import dataclasses
import inspect
import re
import textwrap
from pathlib import Path

import pytest

import sampledsoftmax as ss


def sections(docstring):
    """Return the numpydoc sections of a docstring by their titles."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def names(section):
    """Return the names that a section of parameters or attributes describes, in order."""
    heads = [line for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for head in heads for name in head.split(" : ")[0].split(",")]


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def members(public):
    """Return what a class defines or inherits from this package that users call, by name."""
    found = {}
    for owner in reversed(public.__mro__):
        if owner.__module__.startswith("sampledsoftmax"):
            found |= {name: value for name, value in vars(owner).items() if name[0] != "_"}
    return found


def documented_by_a_base(public, name, value):
    """Return whether a member is, or takes its docstring from, that of a public base class, which is tested itself."""
    bases = [base for base in public.__mro__[1:] if base in CLASSES.values()]
    return any(name in members(base) and (members(base)[name] is value or not value.__doc__) for base in bases)


def own_members(public, kind):
    """Return the members of a class of one kind, functions unbound, that no public base class documents."""
    plain = {name: getattr(value, "__func__", value) for name, value in members(public).items()}
    return {
        name: value for name, value in plain.items() if kind(value) and not documented_by_a_base(public, name, value)
    }


def has_constructor(public):
    """Return whether a class has a constructor of its own, which takes and checks arguments."""
    return public.__init__ is not object.__init__ and not issubclass(public, tuple)


def is_property(value):
    return isinstance(value, property)


PUBLIC = {name: value for name in ss.__all__ if (value := getattr(ss, name)).__name__ == name}  # without aliases
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
METHODS = {
    f"{name}.{method}": function
    for name, public in CLASSES.items()
    for method, function in own_members(public, inspect.isfunction).items()
}
CALLABLES = {**{name: value for name, value in PUBLIC.items() if name not in CLASSES}, **METHODS}
PROPERTIES = {
    f"{name}.{member}": value
    for name, public in CLASSES.items()
    for member, value in own_members(public, is_property).items()
}
RECIPES = "".join(page.read_text() for page in sorted((Path(__file__).parents[1] / "docs" / "recipes").glob("*.md")))


def raises(function):
    """Return whether a function's own lines raise, or pass arguments to `validation`, which does.

    The error of a method that subclasses must define is not counted.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = any(
        (isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id == "validation")
        or (isinstance(call, ast.Name) and call.id.startswith(("checked", "_checked", "validated")))
        for call in calls
    )
    raised = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    return checks or any("NotImplementedError" not in statement for statement in raised)


def test_the_public_api_is_what_is_checked():
    assert len(CLASSES) > 10
    assert {"SampledSoftmax.step", "CandidateSampler.sample", "IndexedSlices.coalesce"} <= set(METHODS)
    assert "SkipGram.embeddings" in PROPERTIES
    assert names("weights, biases : float [dim]\n    Tables.\nk : int\n    One.\n") == ["weights", "biases", "k"]
    assert raises(ss.SkipGram.steps)
    assert not raises(ss.IndexedSlices.to_dense)


@pytest.mark.parametrize("name", [*PUBLIC, *CALLABLES, *PROPERTIES])
def test_the_first_line_says_it_in_one_sentence(name):
    documented = {**PUBLIC, **CALLABLES, **PROPERTIES}[name]
    first = (inspect.getdoc(documented) or "").split("\n")[0]
    assert re.search(r"[.:;]$", first), f"{name}: {first!r}"
    assert len(first) > 15


@pytest.mark.parametrize("name", CALLABLES)
def test_functions_and_methods_document_their_parameters_in_order(name):
    found = sections(inspect.getdoc(CALLABLES[name]))
    assert names(found.get("Parameters", "")) == parameters(CALLABLES[name])


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_parameters_have_types_and_words(name):
    found = sections(inspect.getdoc({**PUBLIC, **METHODS}[name]))
    for section in (found.get("Parameters", ""), found.get("Attributes", "")):
        for head, body in re.findall(r"^(\S.*)\n((?: +.*\n?|\n)*)", section, re.MULTILINE):
            assert re.fullmatch(r"[a-z_0-9]+(, [a-z_0-9]+)* : \S.*", head), head
            assert body.strip().endswith("."), head


@pytest.mark.parametrize("name", CLASSES)
def test_classes_document_their_parameters_in_order(name):
    found, public = sections(inspect.getdoc(CLASSES[name])), CLASSES[name]
    if issubclass(public, tuple):
        assert names(found["Attributes"]) == list(public._fields)
    elif dataclasses.is_dataclass(public):
        assert names(found["Parameters"]) == [field.name for field in dataclasses.fields(public)]
    elif has_constructor(public):
        assert names(found["Parameters"]) == parameters(public.__init__)
    else:
        assert "Parameters" not in found


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_an_example_is_shown(name):
    """Doctests run it. A method may be in the example of its class or of a subclass, or in a recipe."""
    shown = sections(inspect.getdoc({**PUBLIC, **METHODS}[name])).get("Examples", "")
    if name in METHODS:
        owner, method = name.split(".")
        related = [public for public in CLASSES.values() if issubclass(public, CLASSES[owner])]
        examples = [sections(inspect.getdoc(public)).get("Examples", "") for public in related]
        lines = [line for example in examples for line in example.splitlines()]
        shown += "".join(line for line in lines if f".{method}(" in line or f"def {method}(" in line)
    assert ">>> " in shown or "... " in shown or f"def {name.split('.')[-1]}(" in RECIPES, f"{name} has no example"


@pytest.mark.parametrize("name", [name for name in CALLABLES if raises(CALLABLES[name])])
def test_what_raises_says_so(name):
    assert "Raises" in sections(inspect.getdoc(CALLABLES[name]))


@pytest.mark.parametrize("name", [name for name, public in CLASSES.items() if has_constructor(public)])
def test_classes_that_check_their_arguments_say_so(name):
    assert "Raises" in sections(inspect.getdoc(CLASSES[name]))


@pytest.mark.parametrize("name", [name for name in CALLABLES if "Returns" not in (CALLABLES[name].__doc__ or "")])
def test_what_returns_something_says_its_shape(name):
    """Either in a section or, where a line is enough, in the first one."""
    returned = inspect.signature(CALLABLES[name]).return_annotation
    if returned not in (None, "None"):
        assert inspect.getdoc(CALLABLES[name]).startswith(("Return", "Read")), name
