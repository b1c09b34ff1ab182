"""The data of the page: numbers and sentences of a trace and its alternatives, as plain JSON types."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.explanation.prose import TITLES, misconceptions, story
from sampledsoftmax.explanation.text import LONGEST_IN_TEXT, short
from sampledsoftmax.explanation.types import TableRows, Trace
from sampledsoftmax.runtime.config import package_version

# What fits on a page; the rest is counted.
MOST_EXAMPLES, MOST_CANDIDATES, MOST_TICKS = 8, 12, 1000
MOST_COLUMNS = 6  # of a vector


@np.errstate(over="ignore")  # a float64 beyond float32 is shown as inf
def page_data(trace: Trace) -> dict[str, Any]:
    """Return everything that the script of the page shows; the script computes nothing."""
    variants = [trace, *trace.alternatives]
    batch_size, num_true = trace.labels.shape
    examples = range(min(batch_size, MOST_EXAMPLES))
    return {
        "batch_size": batch_size,
        "num_true": num_true,
        "target": 1.0 / num_true,
        "num_classes": trace.settings.num_classes,
        "dim": trace.inputs.shape[1],
        "has_biases": trace.gradients.biases is not None,
        "titles": TITLES,
        "source": _source(trace),
        "examples": [
            {"input": _input_name(trace, b), "labels": trace.labels[b].tolist(), "values": row(trace.inputs[b])}
            for b in examples
        ],
        "names": _names(trace),
        "variants": [_variant(variant) for variant in variants],
    }


def _source(trace: Trace) -> str:
    whose = {"compiled": "its public functions", "reference": "its reference.py"}[trace.settings.path]
    seed = "" if trace.settings.seed is None else f", seed {trace.settings.seed}"
    return (
        f"Numbers: sampledsoftmax {package_version() or '(not installed)'}, {whose}{seed}. This page computes nothing."
    )


def _variant(trace: Trace) -> dict[str, Any]:
    settings = trace.settings
    examples = min(trace.labels.shape[0], MOST_EXAMPLES)
    candidates = min(settings.num_sampled, MOST_CANDIDATES)
    columns = settings.num_true + candidates
    counts = (trace.values.true_expected_count[:examples], trace.values.sampled_expected_count[:candidates])
    with np.errstate(divide="ignore", invalid="ignore"):  # given counts may be 0 if log Q is not subtracted
        logs = [np.log(count) for count in counts]
    return {
        "num_sampled": settings.num_sampled,
        "remove_accidental_hits": settings.remove_accidental_hits,
        "subtract_log_q": settings.subtract_log_q,
        "candidates": trace.values.sampled_candidates[:candidates].tolist(),
        "true_count": numbers(counts[0]),
        "sampled_count": numbers(counts[1]),
        "true_log": numbers(logs[0]),
        "sampled_log": numbers(logs[1]),
        "hits": [[int(b), int(s)] for b, s in trace.hits if b < examples and s < candidates],
        "raw_logits": numbers(trace.raw_logits[:examples, :columns]),
        "logits": numbers(trace.logits[:examples, :columns]),
        "probabilities": numbers(trace.probabilities[:examples, :columns].astype(np.float32)),
        "logit_gradients": numbers(trace.logit_gradients[:examples, :columns].astype(np.float32)),
        "loss": numbers(trace.loss[:examples]),
        "inputs_gradient": [row(values) for values in trace.gradients.inputs[:examples]],
        "slices": trace.gradients.weights.indices.size,
        "rows_given_gradient": trace.summed.weights.indices.size,
        "embeddings": _embeddings(trace),
        "map": _map(trace),
        "grid": grid(trace, examples, candidates),
        "cost": [cost._asdict() for cost in trace.cost],
        "logits_computed": int(trace.raw_logits.size),
        "logits_of_all": int(trace.labels.shape[0] * settings.num_classes),
        "text": story(trace),
        "misconceptions": {str(step): pair for step, pair in misconceptions(trace).items()},
    }


def _embeddings(trace: Trace) -> list[dict[str, Any]] | None:
    slices = trace.summed.embeddings
    if slices is None:
        return None
    ids = slices.indices[:MOST_EXAMPLES]
    return [{"id": int(i), "gradient": row(values)} for i, values in zip(ids, slices.values, strict=False)]


def _map(trace: Trace) -> list[list[Any]]:
    """Return [row, role] for the rows that are read, at most as many as can be drawn apart."""
    labels, candidates = np.unique(trace.label_rows.ids), np.unique(trace.candidate_rows.ids)
    both = np.intersect1d(labels, candidates)
    roles = [(labels, "label"), (candidates, "candidate"), (both, "both")]
    role_of = {int(i): role for ids, role in roles for i in ids}
    return [[i, role_of[i]] for i in sorted(role_of)[:MOST_TICKS]]


def grid(trace: Trace, examples: int, candidates: int) -> list[dict[str, Any]]:
    """Return the table of weights as rows and gaps, from the first class to the last.

    Shown are the rows of the first `examples` and `candidates` and, if there are few classes, the rows that are not
    read. A gap has the number of rows that it stands for, and how many of them are read.
    """
    shown_labels = trace.label_rows.ids[: examples * trace.settings.num_true]
    shown_candidates = trace.candidate_rows.ids[:candidates]
    shown = np.unique(np.concatenate((shown_labels, shown_candidates, trace.unread_rows.ids)))
    read = np.unique(np.concatenate((trace.label_rows.ids, trace.candidate_rows.ids)))
    entries: list[dict[str, Any]] = []
    last = -1
    for class_id in [*shown.tolist(), trace.settings.num_classes]:
        if class_id > last + 1:
            inside = np.searchsorted(read, class_id) - np.searchsorted(read, last + 1)
            entries.append({"gap": class_id - last - 1, "read": int(inside)})
        if class_id < trace.settings.num_classes:
            entries.append(_entry(trace, class_id))
        last = class_id
    return entries


def _entry(trace: Trace, class_id: int) -> dict[str, Any]:
    table, i = next((t, int(found[0])) for t in _tables(trace) if (found := np.flatnonzero(t.ids == class_id)).size)
    return {
        "id": class_id,
        "weights": row(table.weights[i]),
        "bias": numbers(table.biases[i]),
        "label_of": np.flatnonzero((trace.labels == class_id).any(axis=1)).tolist(),
        "candidate": bool((trace.candidate_rows.ids == class_id).any()),
        "expected": _expected(trace, class_id),
        "gradient": _gradient(trace, class_id),
        "changed": None if trace.changed_rows is None else bool((trace.changed_rows == class_id).any()),
    }


def _gradient(trace: Trace, class_id: int) -> dict[str, Any] | None:
    """Return the summed gradient of a row; None if it gets none."""
    summed = trace.summed
    found = np.flatnonzero(summed.weights.indices == class_id)
    if not found.size:
        return None
    i = int(found[0])
    return {
        "weights": row(summed.weights.values[i]),
        "bias": None if summed.biases is None else numbers(summed.biases.values[i]),
        "slices": int((trace.gradients.weights.indices == class_id).sum()),
    }


def _expected(trace: Trace, class_id: int) -> Any:
    """Return the distinct expected counts of a class: usually one, several if different ones were given."""
    counts = (
        trace.values.sampled_expected_count[trace.candidate_rows.ids == class_id],
        trace.values.true_expected_count[trace.labels == class_id],
    )
    return numbers(np.unique(np.concatenate(counts)))


def _tables(trace: Trace) -> tuple[TableRows, ...]:
    return trace.label_rows, trace.candidate_rows, trace.unread_rows


def _names(trace: Trace) -> dict[str, str]:
    """Return the names of the classes that the page shows."""
    if trace.class_names is None:
        return {}
    ids: set[int] = set(trace.unread_rows.ids.tolist())
    ids |= set(trace.labels[:MOST_EXAMPLES].ravel().tolist())
    if trace.summed.embeddings is not None:
        ids |= set(trace.summed.embeddings.indices[:MOST_EXAMPLES].tolist())
    for variant in (trace, *trace.alternatives):
        ids |= set(variant.values.sampled_candidates[:MOST_CANDIDATES].tolist())
        ids |= set(variant.unread_rows.ids.tolist())
    return {str(i): short(str(trace.class_names[i]), LONGEST_IN_TEXT) for i in sorted(ids)}


def _input_name(trace: Trace, example: int) -> str | None:
    if trace.input_ids is None or trace.class_names is None:
        return None
    return short(str(trace.class_names[trace.input_ids[example]]), LONGEST_IN_TEXT)


def row(values: NDArray[Any]) -> Any:
    """Return the first numbers of a vector."""
    return numbers(values[:MOST_COLUMNS])


def numbers(array: Any) -> Any:
    """Return numbers in the fewest digits that restore them; non-finite ones as text, which JSON lacks."""
    if array.ndim:
        return [numbers(part) for part in array]
    return float(str(array)) if np.isfinite(array) else str(array)
