"""Docstrings of the public face: they name what signatures name, and show an example that the doctests run."""

import ast
import dataclasses
import inspect
import re
import textwrap

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


def functions(public):
    """Return the public methods of a class, unbound."""
    plain = {name: getattr(value, "__func__", value) for name, value in members(public).items()}
    return {name: value for name, value in plain.items() if inspect.isfunction(value)}


FACE = {name: getattr(ss, name) for name in ss.__all__}
CLASSES = {name: value for name, value in FACE.items() if inspect.isclass(value)}
METHODS = {
    f"{name}.{method}": function for name, public in CLASSES.items() for method, function in functions(public).items()
}
CALLABLES = {**{name: value for name, value in FACE.items() if name not in CLASSES}, **METHODS}
PROPERTIES = {
    f"{name}.{member}": value
    for name, public in CLASSES.items()
    for member, value in members(public).items()
    if isinstance(value, property)
}


def raises(function):
    """Return whether a function's own lines raise, or pass arguments to `check`, which does."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = any(
        (isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id == "check")
        or (isinstance(call, ast.Name) and call.id.startswith(("checked", "_checked")))
        for call in calls
    )
    return checks or any(isinstance(node, ast.Raise) for node in ast.walk(tree))


def test_what_is_checked_is_the_face():
    assert len(CLASSES) > 10
    assert {"SampledSoftmax.step", "LogUniformSampler.sample", "IndexedSlices.coalesce"} <= set(METHODS)
    assert "SkipGram.embeddings" in PROPERTIES
    assert names("weights, biases : float [dim]\n    Tables.\nk : int\n    One.\n") == ["weights", "biases", "k"]
    assert raises(ss.SkipGram.steps)
    assert not raises(ss.IndexedSlices.to_dense)


@pytest.mark.parametrize("name", [*FACE, *CALLABLES, *PROPERTIES])
def test_the_first_line_says_it_in_one_sentence(name):
    documented = {**FACE, **CALLABLES, **PROPERTIES}[name]
    first = (inspect.getdoc(documented) or "").split("\n")[0]
    assert re.search(r"[.:;]$", first), f"{name}: {first!r}"
    assert len(first) > 15


@pytest.mark.parametrize("name", CALLABLES)
def test_functions_and_methods_document_their_parameters_in_order(name):
    found = sections(inspect.getdoc(CALLABLES[name]))
    assert names(found.get("Parameters", "")) == parameters(CALLABLES[name])


@pytest.mark.parametrize("name", [*FACE, *METHODS])
def test_parameters_have_types_and_words(name):
    found = sections(inspect.getdoc({**FACE, **METHODS}[name]))
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
    else:
        assert names(found["Parameters"]) == parameters(public.__init__)


@pytest.mark.parametrize("name", [*FACE, *METHODS])
def test_an_example_is_shown(name):
    """The doctests run it; a method may be shown in the example of its class."""
    documented = {**FACE, **METHODS}[name]
    shown = sections(inspect.getdoc(documented)).get("Examples", "")
    if name in METHODS:
        owner, method = name.split(".")
        shown += "".join(
            line
            for line in sections(inspect.getdoc(CLASSES[owner])).get("Examples", "").splitlines()
            if f".{method}(" in line
        )
    assert ">>> " in shown or "... " in shown, f"{name} has no example"


@pytest.mark.parametrize("name", [name for name in CALLABLES if raises(CALLABLES[name])])
def test_what_raises_says_so(name):
    assert "Raises" in sections(inspect.getdoc(CALLABLES[name]))


@pytest.mark.parametrize("name", [name for name in CLASSES if not issubclass(CLASSES[name], tuple)])
def test_classes_that_check_their_arguments_say_so(name):
    assert "Raises" in sections(inspect.getdoc(CLASSES[name]))


@pytest.mark.parametrize("name", [name for name in CALLABLES if "Returns" not in (CALLABLES[name].__doc__ or "")])
def test_what_returns_something_says_its_shape(name):
    """Either in a section or, where a line is enough, in the first one."""
    returned = inspect.signature(CALLABLES[name]).return_annotation
    if returned not in (None, "None"):
        assert inspect.getdoc(CALLABLES[name]).startswith(("Return", "Read")), name
