"""A trace as text, step by step."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampledsoftmax.explanation.half_right import half_right
from sampledsoftmax.explanation.sentences import TITLES, story, summary
from sampledsoftmax.explanation.tables import MOST_ROWS, WIDTH, short, table, vector
from sampledsoftmax.explanation.types import Explanation

_MOST_COLUMNS = 12


def as_text(seen: Explanation) -> str:
    """Return the eight steps with their tables, and the answer in short, at most 100 columns wide."""
    heard = half_right(seen)
    parts = []
    for i, (sentences, tables) in enumerate(zip(story(seen), step_tables(seen), strict=True)):
        lines = [f"{i + 1}. {TITLES[i]}", *map(_wrapped, sentences), "", tables]
        if i in heard:
            claim, answer = heard[i]
            lines += ["", _wrapped(f'Half right: "{claim}" {answer}')]
        parts.append("\n".join(lines).rstrip())
    return "\n\n".join([*parts, f"In short\n{_wrapped(summary(seen))}"])


def step_tables(seen: Explanation) -> list[str]:
    """Return the tables of each step."""
    steps = (_question, _label_rows, _candidates, _raw_logits, _logits, _probabilities, _gradients, _cost)
    return [step(seen) for step in steps]


def example_name(seen: Explanation, example: int) -> str:
    """Return an example's number, and the name of its input where it has one."""
    if seen.input_ids is None or seen.class_names is None:
        return str(example)
    return f"{example} {short(str(seen.class_names[seen.input_ids[example]]))}"


def _wrapped(sentence: str) -> str:
    return textwrap.fill(sentence.replace("`", ""), WIDTH, initial_indent="  ", subsequent_indent="  ")


def _question(seen: Explanation) -> str:
    rows = [
        [example_name(seen, b), ", ".join(short(seen.name(c)) for c in seen.labels[b]), vector(seen.inputs[b])]
        for b in _first(seen)
    ]
    return table(["example", "label", "input"], rows, _left_out(seen))


def _label_rows(seen: Explanation) -> str:
    num_true, read = seen.settings.num_true, seen.label_rows
    rows = [
        [
            example_name(seen, i // num_true),
            short(seen.name(read.ids[i])),
            vector(read.weights[i]),
            f"{read.biases[i]:.2f}",
        ]
        for i in range(min(read.ids.size, MOST_ROWS))
    ]
    return table(["example", "label", "row of weights", "bias"], rows, read.ids.size - len(rows))


def _candidates(seen: Explanation) -> str:
    read, counts = seen.candidate_rows, seen.values.sampled_expected_count
    examples_of: dict[int, list[str]] = {}
    for example, at in seen.hits:
        examples_of.setdefault(int(at), []).append(str(example))
    rows = [
        [short(seen.name(read.ids[i])), f"{counts[i]:.4f}", _list(examples_of.get(i, [])), vector(read.weights[i]),
         f"{read.biases[i]:.2f}"]
        for i in range(min(read.ids.size, MOST_ROWS))
    ]  # fmt: skip
    head = ["candidate", "expected", "hit in", "row of weights", "bias"]
    of_labels = [
        [short(seen.name(seen.labels[b, t])), f"{seen.values.true_expected_count[b, t]:.4f}"]
        for b, t in _different_labels(seen)
    ]
    drawn = table(head, rows, read.ids.size - len(rows))
    return f"{drawn}\n\n{table(['label', 'expected'], of_labels, np.unique(seen.labels).size - len(of_labels))}"


def _different_labels(seen: Explanation) -> list[tuple[int, int]]:
    _, first = np.unique(seen.labels, return_index=True)
    return [divmod(int(i), seen.settings.num_true) for i in first[:MOST_ROWS]]


def _raw_logits(seen: Explanation) -> str:
    left_out = _left_out_hits(seen)

    def cell(b: int, column: int) -> str:
        value = f"{seen.raw_logits[b, column]:.3f}"
        return f"x {value}" if (b, column) in left_out else value

    note = "\n  x: an accidental hit, left out" if left_out else ""
    return _matrix(seen, cell) + note


def _left_out_hits(seen: Explanation) -> set[tuple[int, int]]:
    """Return the (example, column) pairs that are left out of the sums."""
    hits = seen.hits if seen.settings.remove_accidental_hits else seen.hits[:0]
    return {(int(b), int(s) + seen.settings.num_true) for b, s in hits}


def _logits(seen: Explanation) -> str:
    left_out = _left_out_hits(seen)
    return _matrix(seen, lambda b, column: "hit" if (b, column) in left_out else f"{seen.logits[b, column]:.3f}")


def _probabilities(seen: Explanation) -> str:
    return _matrix(seen, lambda b, column: f"{seen.probabilities[b, column]:.4f}", loss=True)


def _gradients(seen: Explanation) -> str:
    slices = np.unique(seen.gradients.weights.indices, return_counts=True)[1]
    summed = seen.summed
    rows = [
        [short(seen.name(summed.weights.indices[i])), str(slices[i]), vector(summed.weights.values[i]),
         "-" if summed.biases is None else f"{summed.biases.values[i]:.3f}"]
        for i in range(min(slices.size, MOST_ROWS))
    ]  # fmt: skip
    parts = [table(["row", "slices", "gradient of weights", "of biases"], rows, slices.size - len(rows))]
    inputs = [[example_name(seen, b), vector(seen.gradients.inputs[b])] for b in _first(seen)]
    parts.append(table(["example", "gradient of its input"], inputs, _left_out(seen)))
    if summed.embeddings is not None:
        ids, values = summed.embeddings.indices, summed.embeddings.values
        rows = [[short(seen.name(ids[i])), vector(values[i])] for i in range(min(ids.size, MOST_ROWS))]
        parts.append(table(["row", "gradient of embeddings"], rows, ids.size - len(rows)))
    return "\n\n".join(parts)


def _cost(seen: Explanation) -> str:
    rows = [
        [cost.name, f"{cost.gathered:,}", f"{cost.read:,}", f"{cost.given_gradient:,}", f"{cost.num_rows:,}",
         f"{cost.read * cost.row_bytes:,}", f"{cost.num_rows * cost.row_bytes:,}"]
        for cost in seen.cost
    ]  # fmt: skip
    return table(["table", "look-ups", "rows read", "rows updated", "of rows", "bytes read", "of bytes"], rows)


def _matrix(seen: Explanation, cell: Any, loss: bool = False) -> str:
    """Return a matrix of examples by labels and candidates."""
    num_true, candidates = seen.settings.num_true, seen.values.sampled_candidates
    columns = min(num_true + candidates.size, _MOST_COLUMNS)
    head = ["example"] + ["label"] * min(num_true, columns)
    head += [short(seen.name(c)) for c in candidates[: columns - num_true]] if columns > num_true else []
    rows = [
        [example_name(seen, b), *([f"{seen.loss[b]:.4f}"] if loss else []), *(cell(b, k) for k in range(columns))]
        for b in _first(seen)
    ]
    if loss:
        head.insert(1, "loss")
    left_out = num_true + candidates.size - columns
    return table(head, rows, _left_out(seen), left_out)


def _first(seen: Explanation) -> range:
    return range(min(seen.labels.shape[0], MOST_ROWS))


def _left_out(seen: Explanation) -> int:
    return int(seen.labels.shape[0]) - len(_first(seen))


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:3]) + (f", {len(items) - 3} more" if len(items) > 3 else "")
