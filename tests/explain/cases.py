"""Batches that these tests trace."""

import numpy as np

import sampledsoftmax as ss
from tests.cases import make_case

# (num_classes, dim, batch_size, num_sampled, num_true): odd sizes with duplicates and hits, and one of size 1
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
    """Return (case, its trace), with float64 arrays and names."""
    case = make_case(*sizes, dtype=np.float64, seed=3)
    names = [f"name{i}" for i in range(sizes[0])]
    options = {"sampled_values": case.values, "class_names": names, "path": "reference", **options}
    return case, ss.explain(*case.arguments, **options)


def masked():
    """Return the trace of a batch in which a candidate that is no label has bias -inf, and its position."""
    case, _ = explained(SIZES[0])
    position = next(s for s, c in enumerate(case.values.sampled_candidates) if c not in case.labels)
    case.biases[case.values.sampled_candidates[position]] = -np.inf
    return ss.explain(*case.arguments, sampled_values=case.values, path="reference"), position


def big(path="reference", **options):
    """Return the trace of a batch with more examples, candidates and columns than the page shows."""
    case = make_case(5000, 40, 40, 30, dtype=np.float32, seed=5)
    names = [f"word{i}" for i in range(5000)]
    return ss.explain(*case.arguments, seed=5, class_names=names, path=path, **options)


def odd(path="reference"):
    """Return the trace of a batch with names to escape in HTML, two labels per example, no biases, and hits."""
    rng = np.random.default_rng(1)
    labels = np.array([[1, 2], [3, 3], [0, 7]])
    return ss.explain(
        rng.normal(size=(9, 3)), None, labels, rng.normal(size=(3, 3)), 4, 9, 2, seed=4, class_names=NAMES,
        input_ids=[3, 0, 0], path=path,
    )  # fmt: skip
