"""Terminal view of a trace: sentences and tables, step by step."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampledsoftmax.explanation.prose import TITLES, misconceptions, story, summary
from sampledsoftmax.explanation.text import MOST_ROWS, WIDTH, short, table, vector
from sampledsoftmax.explanation.types import Trace

_MOST_COLUMNS = 12


def as_text(trace: Trace) -> str:
    """Return the eight steps with their tables, then a summary, at most 100 columns wide."""
    wrong = misconceptions(trace)
    parts = []
    for i, (sentences, tables) in enumerate(zip(story(trace), step_tables(trace), strict=True)):
        lines = [f"{i + 1}. {TITLES[i]}", *map(_wrapped, sentences), "", tables]
        if i in wrong:
            claim, answer = wrong[i]
            lines += ["", _wrapped(f'Common misconception: "{claim}" {answer}')]
        parts.append("\n".join(lines).rstrip())
    return "\n\n".join([*parts, f"In short\n{_wrapped(summary(trace))}"])


def step_tables(trace: Trace) -> list[str]:
    """Return the tables of each step."""
    steps = (_question, _label_rows, _candidates, _raw_logits, _logits, _probabilities, _gradients, _cost)
    return [step(trace) for step in steps]


def example_name(trace: Trace, example: int) -> str:
    """Return the number of an example, followed by the name of its input if it has one."""
    if trace.input_ids is None or trace.class_names is None:
        return str(example)
    return f"{example} {short(str(trace.class_names[trace.input_ids[example]]))}"


def _wrapped(sentence: str) -> str:
    return textwrap.fill(sentence.replace("`", ""), WIDTH, initial_indent="  ", subsequent_indent="  ")


def _question(trace: Trace) -> str:
    rows = [
        [example_name(trace, b), ", ".join(short(trace.name(c)) for c in trace.labels[b]), vector(trace.inputs[b])]
        for b in _first(trace)
    ]
    return table(["example", "label", "input"], rows, _left_out(trace))


def _label_rows(trace: Trace) -> str:
    num_true, read = trace.settings.num_true, trace.label_rows
    rows = [
        [
            example_name(trace, i // num_true),
            short(trace.name(read.ids[i])),
            vector(read.weights[i]),
            f"{read.biases[i]:.2f}",
        ]
        for i in range(min(read.ids.size, MOST_ROWS))
    ]
    return table(["example", "label", "row of weights", "bias"], rows, read.ids.size - len(rows))


def _candidates(trace: Trace) -> str:
    read, counts = trace.candidate_rows, trace.values.sampled_expected_count
    examples_of: dict[int, list[str]] = {}
    for example, position in trace.hits:
        examples_of.setdefault(int(position), []).append(str(example))
    rows = [
        [short(trace.name(read.ids[i])), f"{counts[i]:.4f}", _list(examples_of.get(i, [])), vector(read.weights[i]),
         f"{read.biases[i]:.2f}"]
        for i in range(min(read.ids.size, MOST_ROWS))
    ]  # fmt: skip
    head = ["candidate", "expected", "hit in", "row of weights", "bias"]
    label_counts = [
        [short(trace.name(trace.labels[b, t])), f"{trace.values.true_expected_count[b, t]:.4f}"]
        for b, t in _distinct_labels(trace)
    ]
    drawn = table(head, rows, read.ids.size - len(rows))
    return f"{drawn}\n\n{table(['label', 'expected'], label_counts, np.unique(trace.labels).size - len(label_counts))}"


def _distinct_labels(trace: Trace) -> list[tuple[int, int]]:
    _, first = np.unique(trace.labels, return_index=True)
    return [divmod(int(i), trace.settings.num_true) for i in first[:MOST_ROWS]]


def _raw_logits(trace: Trace) -> str:
    removed = _removed_hits(trace)

    def cell(b: int, column: int) -> str:
        value = f"{trace.raw_logits[b, column]:.3f}"
        return f"x {value}" if (b, column) in removed else value

    note = "\n  x: accidental hit, removed" if removed else ""
    return _matrix(trace, cell) + note


def _removed_hits(trace: Trace) -> set[tuple[int, int]]:
    """Return the (example, column) pairs that are excluded from the softmax."""
    hits = trace.hits if trace.settings.remove_accidental_hits else trace.hits[:0]
    return {(int(b), int(s) + trace.settings.num_true) for b, s in hits}


def _logits(trace: Trace) -> str:
    removed = _removed_hits(trace)
    return _matrix(trace, lambda b, column: "hit" if (b, column) in removed else f"{trace.logits[b, column]:.3f}")


def _probabilities(trace: Trace) -> str:
    return _matrix(trace, lambda b, column: f"{trace.probabilities[b, column]:.4f}", loss=True)


def _gradients(trace: Trace) -> str:
    slices = np.unique(trace.gradients.weights.indices, return_counts=True)[1]
    summed = trace.summed
    rows = [
        [short(trace.name(summed.weights.indices[i])), str(slices[i]), vector(summed.weights.values[i]),
         "-" if summed.biases is None else f"{summed.biases.values[i]:.3f}"]
        for i in range(min(slices.size, MOST_ROWS))
    ]  # fmt: skip
    parts = [table(["row", "slices", "gradient of weights", "of biases"], rows, slices.size - len(rows))]
    inputs = [[example_name(trace, b), vector(trace.gradients.inputs[b])] for b in _first(trace)]
    parts.append(table(["example", "gradient of its input"], inputs, _left_out(trace)))
    if summed.embeddings is not None:
        ids, values = summed.embeddings.indices, summed.embeddings.values
        rows = [[short(trace.name(ids[i])), vector(values[i])] for i in range(min(ids.size, MOST_ROWS))]
        parts.append(table(["row", "gradient of embeddings"], rows, ids.size - len(rows)))
    return "\n\n".join(parts)


def _cost(trace: Trace) -> str:
    rows = [
        [cost.name, f"{cost.gathered:,}", f"{cost.read:,}", f"{cost.given_gradient:,}", f"{cost.num_rows:,}",
         f"{cost.read * cost.row_bytes:,}", f"{cost.num_rows * cost.row_bytes:,}"]
        for cost in trace.cost
    ]  # fmt: skip
    return table(["table", "lookups", "rows read", "rows updated", "of rows", "bytes read", "of bytes"], rows)


def _matrix(trace: Trace, cell: Any, loss: bool = False) -> str:
    """Return a table with a row per example and a column per label and candidate."""
    num_true, candidates = trace.settings.num_true, trace.values.sampled_candidates
    columns = min(num_true + candidates.size, _MOST_COLUMNS)
    head = ["example"] + ["label"] * min(num_true, columns)
    head += [short(trace.name(c)) for c in candidates[: columns - num_true]] if columns > num_true else []
    rows = [
        [example_name(trace, b), *([f"{trace.loss[b]:.4f}"] if loss else []), *(cell(b, k) for k in range(columns))]
        for b in _first(trace)
    ]
    if loss:
        head.insert(1, "loss")
    left_out = num_true + candidates.size - columns
    return table(head, rows, _left_out(trace), left_out)


def _first(trace: Trace) -> range:
    return range(min(trace.labels.shape[0], MOST_ROWS))


def _left_out(trace: Trace) -> int:
    return int(trace.labels.shape[0]) - len(_first(trace))


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:3]) + (f", {len(items) - 3} more" if len(items) > 3 else "")
