"""The table of weights as the page draws it: rows that are read, and gaps that say how many are not."""

from typing import Any

import numpy as np

from sampledsoftmax.explanation.page_numbers import numbers, row
from sampledsoftmax.explanation.parts import TableRows
from sampledsoftmax.explanation.types import Explanation


def grid(seen: Explanation, examples: int, candidates: int) -> list[dict[str, Any]]:
    """Return rows and gaps from the first class to the last.

    Shown are the rows of the first `examples` and `candidates`, and those that are not read where there are few
    classes. A gap says how many rows it stands for, and how many of them are read.
    """
    shown_labels = seen.label_rows.ids[: examples * seen.settings.num_true]
    shown_candidates = seen.candidate_rows.ids[:candidates]
    shown = np.unique(np.concatenate((shown_labels, shown_candidates, seen.unread_rows.ids)))
    read = np.unique(np.concatenate((seen.label_rows.ids, seen.candidate_rows.ids)))
    entries: list[dict[str, Any]] = []
    last = -1
    for class_id in [*shown.tolist(), seen.settings.num_classes]:
        if class_id > last + 1:
            inside = np.searchsorted(read, class_id) - np.searchsorted(read, last + 1)
            entries.append({"gap": class_id - last - 1, "read": int(inside)})
        if class_id < seen.settings.num_classes:
            entries.append(_entry(seen, class_id))
        last = class_id
    return entries


def _entry(seen: Explanation, class_id: int) -> dict[str, Any]:
    table, place = next((t, int(at[0])) for t in _tables(seen) if (at := np.flatnonzero(t.ids == class_id)).size)
    examples = np.flatnonzero((seen.labels == class_id).any(axis=1))
    summed = seen.summed
    gradient = None
    for i in np.flatnonzero(summed.weights.indices == class_id):
        gradient = {
            "weights": row(summed.weights.values[i]),
            "bias": None if summed.biases is None else row(summed.biases.values[i : i + 1])[0],
            "slices": int((seen.gradients.weights.indices == class_id).sum()),
        }
    return {
        "id": class_id,
        "weights": row(table.weights[place]),
        "bias": row(table.biases[place : place + 1])[0],
        "label_of": examples.tolist(),
        "candidate": bool((seen.candidate_rows.ids == class_id).any()),
        "expected": _expected(seen, class_id),
        "gradient": gradient,
        "changed": None if seen.changed_rows is None else bool((seen.changed_rows == class_id).any()),
    }


def _expected(seen: Explanation, class_id: int) -> Any:
    """Return the expected counts of a class: one, but where two different ones were given; none of others."""
    counts = (
        seen.values.sampled_expected_count[seen.candidate_rows.ids == class_id],
        seen.values.true_expected_count[seen.labels == class_id],
    )
    return numbers(np.unique(np.concatenate(counts)))


def _tables(seen: Explanation) -> tuple[TableRows, ...]:
    return seen.label_rows, seen.candidate_rows, seen.unread_rows
