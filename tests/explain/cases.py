"""Batches that are explained in these tests."""

import numpy as np

import sampledsoftmax as ss
from tests.cases import make_case

# classes, dim, batch, candidates, labels an example: ragged sizes, with duplicates and hits, and one of each
SIZES = [(12, 4, 5, 4, 1), (30, 7, 6, 9, 2), (200, 3, 17, 21, 3), (1, 1, 1, 1, 1), (9, 5, 2, 9, 1)]
NAMES = [
    "<script>alert(1)</script>",
    "{{data}}",
    "`code`",
    "a long name " + "x" * 60,
    "ünï",
    "&amp;",
    '"',
    "</pre>",
    "i",
]


def explained(sizes, **options):
    """Return (case, its explanation), with float64 arrays and names."""
    case = make_case(*sizes, dtype=np.float64, seed=3)
    names = [f"name{i}" for i in range(sizes[0])]
    options = {"sampled_values": case.values, "class_names": names, "path": "reference", **options}
    return case, ss.explain(*case.arguments, **options)


def masked():
    """Return a batch in which a candidate that is no label has a bias of -inf, and its position."""
    case, _ = explained(SIZES[0])
    position = next(s for s, c in enumerate(case.values.sampled_candidates) if c not in case.labels)
    case.biases[case.values.sampled_candidates[position]] = -np.inf
    return ss.explain(*case.arguments, sampled_values=case.values, path="reference"), position


def big(path="reference", **options):
    """Return a batch of many examples, candidates and columns, of which the page shows a part."""
    case = make_case(5000, 40, 40, 30, dtype=np.float32, seed=5)
    names = [f"word{i}" for i in range(5000)]
    return ss.explain(*case.arguments, seed=5, class_names=names, path=path, **options)


def odd(path="reference"):
    """Return a batch with names that are not for HTML, two labels an example, no biases, and hits."""
    rng = np.random.default_rng(1)
    labels = np.array([[1, 2], [3, 3], [0, 7]])
    return ss.explain(
        rng.normal(size=(9, 3)), None, labels, rng.normal(size=(3, 3)), 4, 9, 2, seed=4, class_names=NAMES,
        input_ids=[3, 0, 0], path=path,
    )  # fmt: skip
