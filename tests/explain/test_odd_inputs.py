"""Odd names, odd numbers and reused arrays in `explain`: every view works, or one line says what is wrong."""

import itertools
import json
import re
import warnings

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import sampledsoftmax as ss
from sampledsoftmax.explanation.page import as_json
from sampledsoftmax.explanation.page_data import page_data
from sampledsoftmax.explanation.text import short

NUM_CLASSES, DIM = 20, 4
RNG = np.random.default_rng(0)
WEIGHTS, BIASES = RNG.normal(size=(NUM_CLASSES, DIM)), np.zeros(NUM_CLASSES)
INPUTS, LABELS = RNG.normal(size=(3, DIM)), np.array([[1], [2], [2]])


def explained(path="reference", **changes):
    arguments = {"weights": WEIGHTS, "biases": BIASES, "labels": LABELS, "inputs": INPUTS, "num_sampled": 5}
    return ss.explain(**arguments | {"num_classes": NUM_CLASSES, "seed": 1, "path": path} | changes)


def views(trace):
    return [repr(trace), str(trace), trace._repr_html_(), trace.to_html()]


NAMES = {
    "dollar": "$x$ costs $5",
    "markup": "<b>&\"'</b>",
    "end of script": "</script><script>alert(1)</script><!--",
    "template": "{{data}}{{script}}",
    "control characters": "a\x1b[31m\r\n\t\x00\x7f\x9bb",
    "line separators": "a\u2028b\u2029c\x85d",
    "right to left": "\u202egnp.exe\u2066",
    "lone surrogate": "a\udcffb\ud800",
    "backtick": "a`b`c",
    "percent and braces": "%s {0} \\x \\N{DASH}",
    "wide": "日本語の言葉とても長い言葉",
    "joined": "👩\u200d👩\u200d👧",
    "empty": "",
    "blank": "   ",
    "long": "x" * 10**6,
    "long control": "\x1b" * 10**6,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_class_name_is_shown_in_every_view(name):
    names = [name if i in (1, 2) else f"n{i}" for i in range(NUM_CLASSES)]
    for number, text in enumerate(views(explained(class_names=names, input_ids=[1, 2, 3]))):
        assert len(text) < 10**6
        assert text.encode()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
        assert number < 2 or "<script>alert" not in text  # HTML
    lines = str(explained(class_names=names, input_ids=[1, 2, 3])).splitlines()
    assert max(map(len, lines)) <= 100


def test_names_are_data_of_the_page_and_nothing_else():
    name = "</script>{{text}}\x1b"
    trace = explained(class_names=[name] * NUM_CLASSES, input_ids=[1, 2, 3])
    data = page_data(trace)
    assert set(data["names"].values()) == {r"</script>{{text}}\x1b"}
    assert json.loads(as_json(data)) == json.loads(json.dumps(data))
    assert "</" not in as_json(data)
    assert as_json(data) in trace.to_html()


def test_a_long_name_is_cut_and_the_object_keeps_it():
    names = ["y" * 1000] * NUM_CLASSES
    trace = explained(class_names=names)
    assert trace.name(3) == f"3 {names[3]}"
    assert "y" * 81 not in str(trace)
    assert (short("x" * 14), short("x" * 15)) == ("x" * 14, "x" * 11 + "...")


NUMBERS = {
    "NaN in a row": {"weights": np.where(np.arange(NUM_CLASSES)[:, None] == 1, np.nan, WEIGHTS)},
    "infinite row": {"weights": np.where(np.arange(NUM_CLASSES)[:, None] == 2, np.inf, WEIGHTS)},
    "NaN everywhere": {"inputs": INPUTS * np.nan, "weights": WEIGHTS * np.nan, "biases": BIASES * np.nan},
    "infinite biases": {"biases": np.full(NUM_CLASSES, -np.inf)},
    "overflow": {"weights": WEIGHTS * 1e200, "inputs": INPUTS * 1e200},
    "underflow": {"weights": WEIGHTS * 1e-300, "inputs": INPUTS * 1e-300},
    "overflow in float32": {
        "weights": np.float32(WEIGHTS * 1e30), "inputs": np.float32(INPUTS * 1e30), "biases": np.float32(BIASES)
    },
    "no examples": {"labels": np.zeros((0, 1), int), "inputs": np.zeros((0, DIM))},
    "one class": {"weights": WEIGHTS[:1], "biases": None, "labels": [[0]] * 3, "num_sampled": 1, "num_classes": 1},
    "reversed views": {"weights": WEIGHTS[::-1], "inputs": INPUTS[::-1], "labels": LABELS[::-1]},
    "one row for all": {"weights": as_strided(WEIGHTS, WEIGHTS.shape, (0, 8))},
    "no log Q of zero": {
        "sampled_values": (np.arange(5), np.zeros((3, 1), np.float32), np.zeros(5, np.float32)),
        "subtract_log_q": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("changes", NUMBERS.values(), ids=NUMBERS)
def test_odd_numbers_are_shown_as_they_are(path, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = explained(path, **changes)
        texts = views(trace)
    assert all("nan" in texts[1] for _ in [0] if np.isnan(trace.loss).any())
    data = json.loads(as_json(page_data(trace)))
    assert len(data["variants"]) == 1 + len(trace.alternatives)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"class_names": [b"x" * 10**6] * NUM_CLASSES}, TypeError, "class_names[0] must be a str, got bytes b'xxx"),
        ({"class_names": ["a", [0] * 10**6, *"c" * 18]}, TypeError, "class_names[1] must be a str, got list [0, 0"),
        ({"class_names": dict.fromkeys(range(NUM_CLASSES), "a")}, TypeError, "must be a sequence of str, got dict"),
        ({"class_names": np.full((NUM_CLASSES, 2), "a")}, TypeError, "class_names[0] must be a str, got ndarray"),
        ({"also_num_sampled": "9" * 10**6}, TypeError, "also_num_sampled must be a sequence of whole numbers, got str"),
        ({"also_num_sampled": itertools.repeat(3)}, TypeError, "must be a sequence of whole numbers, got repeat"),
        ({"also_num_sampled": range(1, 10**9)}, ValueError, "also_num_sampled must have at most 32 numbers"),
        ({"also_num_sampled": [[1] * 10**6]}, TypeError, "also_num_sampled[0] must be a whole number, got list"),
        ({"weights": np.ma.masked_less(WEIGHTS, 0)}, TypeError, "weights must be an array without a mask"),
        ({"labels": np.ma.masked_equal(LABELS, 1)}, TypeError, "labels must be an array without a mask"),
        ({"path": "x" * 10**6}, ValueError, "path must be one of"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_short_line(changes, error, message):
    with pytest.raises(error, match=re.escape(message)) as refused:
        explained(**changes)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", ["reference", "compiled"])
def test_arrays_that_change_afterwards_change_no_trace(path):
    arrays = {"weights": WEIGHTS.copy(), "biases": BIASES.copy(), "labels": LABELS.copy(), "inputs": INPUTS.copy()}
    names, ids = [f"n{i}" for i in range(NUM_CLASSES)], np.array([1, 2, 3])
    values = ss.log_uniform_candidate_sampler(LABELS, 1, 5, True, NUM_CLASSES, seed=1)
    trace = explained(path, **arrays, class_names=names, input_ids=ids, sampled_values=values)
    before = views(trace)
    for array in (*arrays.values(), ids, *values):
        array[...] = 7
    names[1] = "another"
    explained(path, inputs=INPUTS * 2, num_sampled=9)  # the same memory of the library
    assert views(trace) == before
