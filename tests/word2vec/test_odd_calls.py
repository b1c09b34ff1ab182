"""Odd arguments at every method of word vectors: documented exceptions only, in a line, and nothing is changed."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sampledsoftmax as ss

ROWS = np.random.default_rng(1).normal(size=(7, 3))
WORDS = ["a", "b", "", "new\nline", "\ud800", "x" * 100, "7"]
ITEMS = [1, 2, 3, 10**30, -5, 0, "s"]
OBJECTS = {"str": ss.WordVectors(WORDS, ROWS.astype(np.float32)), "int": ss.WordVectors(ITEMS, ROWS * 1e200)}
WRITERS = {"save", "save_word2vec_format"}
PUBLIC = {name for name in dir(ss.WordVectors) if not name.startswith("_")} - WRITERS
METHODS = [*sorted(name for name in PUBLIC if callable(getattr(OBJECTS["str"], name))), "__getitem__", "__contains__"]
METHODS.append("__call__")
ODD = [
    "a", "b", "zz", "", "\ud800", "x" * 1_000_000, b"a", None, True, 0, 3, -1, 10**30, 2**63, 0.5, float("nan"),
    float("inf"), [], (), {}, {"a", "b"}, {"a": 1}, ["a", "b"], ["a", "zz"], ("a", 0.5), [("a", 0.5)], [("a", "b")],
    [("a", 1e308), ("b", 1e308)], [None], [["a"]], [1e300], [[1.0, 2.0, 3.0]], np.array(["a", "b"]), np.array([1, 2]),
    np.zeros(3), np.ones(3), np.ones((2, 3)), np.array(3), np.array("a"), np.full(3, np.nan), np.full(3, 1e308),
    np.array([None]), np.int8(3), np.float16(1), range(3), object(), ..., slice(0, 2), "in", "utf-8", np.float32,
]  # fmt: skip
DOCUMENTED = (TypeError, ValueError, KeyError, OSError)


def called(name, kind):
    """Return the method of a name; the constructor for "__call__"."""
    return ss.WordVectors if name == "__call__" else getattr(OBJECTS[kind], name)


def raised_by(function, arguments, options):
    """Return the message of the documented exception of a call, which is empty if there is none."""
    try:
        function(*arguments, **options)
    except DOCUMENTED as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_odd_arguments_raise_what_is_documented(name, data):
    function = called(name, data.draw(st.sampled_from(sorted(OBJECTS))))
    arguments = data.draw(st.lists(st.sampled_from(ODD), max_size=3))
    names = list(inspect.signature(function).parameters)[len(arguments) :]
    options = {option: data.draw(st.sampled_from(ODD)) for option in names if data.draw(st.booleans())}
    message = raised_by(function, arguments, options)
    assert len(message) < 700
    assert "\n" not in message
    for kind, words in (("str", WORDS), ("int", ITEMS)):
        assert OBJECTS[kind].words == words
        assert np.isfinite(OBJECTS[kind].vectors).all()


@pytest.mark.parametrize("method", ["save", "save_word2vec_format", "load", "load_word2vec_format"])
@pytest.mark.parametrize("path", [None, 3, 1.5, [], ["a"], object(), "", "a\0b", "\ud800", "x" * 100_000, np.ones(3)])
def test_what_is_no_path_is_refused(method, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(ss.WordVectors if method.startswith("load") else OBJECTS["str"], method)
    if method == "save_word2vec_format":
        function = ss.WordVectors(["a"], np.eye(1)).save_word2vec_format
    with pytest.raises((TypeError, ValueError), match=r"^path ") as raised:
        function(path)
    assert len(str(raised.value)) < 300
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(tmp_path):
    vectors = ss.WordVectors(["a"], np.eye(1))
    for write in (vectors.save, vectors.save_word2vec_format):
        with pytest.raises(OSError, match=r"no/such cannot be written: there is no folder"):
            write(tmp_path / "no" / "such")
