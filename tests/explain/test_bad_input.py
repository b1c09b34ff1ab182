"""Invalid arguments of `explain` raise one clear error."""

import re

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.cases import make_case

CASE = make_case(20, 4, 3, 5, dtype=np.float64)
NAMES = [f"name{i}" for i in range(20)]

BAD = [
    ({"path": "fast"}, ValueError, "path must be one of 'compiled', 'reference', got 'fast'"),
    ({"path": "reference", "hit_copies": "last"}, ValueError, "hit_copies must be 'all' with path='reference'"),
    ({"labels": [[1], [20], [3]]}, ValueError, "labels[1, 0] = 20 is not a class id: ids are in [0, 20)"),
    ({"weights": CASE.weights.T}, ValueError, "it looks transposed: pass weights.T"),
    ({"num_sampled": 21}, ValueError, "num_sampled = 21 unique candidates cannot be drawn from num_classes = 20"),
    ({"num_classes": 21}, ValueError, "num_classes = 21, but weights has 20 rows"),
    ({"seed": "1"}, TypeError, "seed must be an int, got str '1'"),
    ({"remove_accidental_hits": 1}, TypeError, "remove_accidental_hits must be True or False, got int 1"),
    ({"subtract_log_q": None}, TypeError, "subtract_log_q must be True or False, got NoneType None"),
    (
        {"weights": [CASE.weights[:10], CASE.weights[10:]]},
        ValueError,
        "must be single arrays to be explained, got a list",
    ),
    (
        {"biases": [CASE.biases[:10], CASE.biases[10:]]},
        ValueError,
        "must be single arrays to be explained, got a list",
    ),
    ({"class_names": NAMES[:19]}, ValueError, "class_names must have a name for each of 20 classes, got 19"),
    ({"class_names": "abc"}, TypeError, "class_names must be a sequence of str, got str"),
    ({"class_names": iter(NAMES)}, TypeError, "class_names must be a sequence of str, got list_iterator"),
    ({"class_names": [*NAMES[:7], 7, *NAMES[8:]]}, TypeError, "class_names[7] must be a str, got int 7"),
    ({"input_ids": [1, 2]}, ValueError, "input_ids must have shape [3], got [2]"),
    ({"input_ids": [1, 20, 2]}, ValueError, "input_ids[1] = 20 is not a class id: ids are in [0, 20)"),
    ({"input_ids": [1.0, 2.0, 3.0]}, TypeError, "input_ids must hold integer ids, got dtype float64"),
    ({"also_num_sampled": [2, 21]}, ValueError, "also_num_sampled[1] = 21 unique candidates cannot be drawn"),
    ({"also_num_sampled": 2}, TypeError, "also_num_sampled must be a sequence of whole numbers, got int 2"),
    ({"also_num_sampled": ["2"]}, TypeError, "also_num_sampled[0] must be a whole number, got str '2'"),
    ({"also_num_sampled": [0]}, ValueError, "also_num_sampled[0] must be at least 1, got 0"),
    (
        {"also_num_sampled": [2], "sampled_values": CASE.values},
        ValueError,
        "also_num_sampled must be omitted if sampled_values are given",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
@pytest.mark.parametrize("path", ["compiled", "reference"])
def test_bad_arguments(arguments, error, message, path):
    names = ("weights", "biases", "labels", "inputs", "num_sampled", "num_classes", "num_true")
    good = dict(zip(names, CASE.arguments, strict=True))
    with pytest.raises(error, match=re.escape(message)):
        ss.explain(**{**good, "path": path, **arguments})


def test_a_page_that_cannot_be_written(tmp_path):
    trace = ss.explain(*CASE.arguments, seed=1, path="reference")
    with pytest.raises(FileNotFoundError):
        trace.save_html(tmp_path / "no folder" / "page.html")
    with pytest.raises(IsADirectoryError):
        trace.save_html(tmp_path)
    assert list(tmp_path.iterdir()) == []
