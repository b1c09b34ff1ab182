"""What the page is given: numbers and sentences of a trace and of its alternatives, as plain data for JSON."""

from typing import Any

import numpy as np

import sampledsoftmax
from sampledsoftmax.explanation.half_right import half_right
from sampledsoftmax.explanation.page_numbers import numbers, row
from sampledsoftmax.explanation.page_rows import grid
from sampledsoftmax.explanation.sentences import TITLES, story
from sampledsoftmax.explanation.types import Explanation

# What fits on a page; more is counted and said.
MOST_EXAMPLES, MOST_CANDIDATES, MOST_TICKS = 8, 12, 1000


def page_data(seen: Explanation) -> dict[str, Any]:
    """Return what the script of the page shows; it computes nothing."""
    variants = [seen, *seen.alternatives]
    batch_size, num_true = seen.labels.shape
    examples = range(min(batch_size, MOST_EXAMPLES))
    return {
        "batch_size": batch_size,
        "num_true": num_true,
        "target": 1.0 / num_true,
        "num_classes": seen.settings.num_classes,
        "dim": seen.inputs.shape[1],
        "has_biases": seen.gradients.biases is not None,
        "titles": TITLES,
        "source": _source(seen),
        "examples": [
            {"input": _input_name(seen, b), "labels": seen.labels[b].tolist(), "values": row(seen.inputs[b])}
            for b in examples
        ],
        "names": _names(seen),
        "variants": [_variant(variant) for variant in variants],
    }


def _source(seen: Explanation) -> str:
    whose = {"compiled": "its public functions", "reference": "its reference.py"}[seen.settings.path]
    seed = "" if seen.settings.seed is None else f", seed {seen.settings.seed}"
    return f"Numbers: sampledsoftmax {sampledsoftmax.__version__}, {whose}{seed}. This page computes nothing."


def _variant(seen: Explanation) -> dict[str, Any]:
    settings = seen.settings
    examples = min(seen.labels.shape[0], MOST_EXAMPLES)
    candidates = min(settings.num_sampled, MOST_CANDIDATES)
    columns = settings.num_true + candidates
    counts = (seen.values.true_expected_count[:examples], seen.values.sampled_expected_count[:candidates])
    with np.errstate(divide="ignore", invalid="ignore"):  # counts that were given may be 0 where log Q is not used
        logs = [np.log(count) for count in counts]
    return {
        "num_sampled": settings.num_sampled,
        "remove_accidental_hits": settings.remove_accidental_hits,
        "subtract_log_q": settings.subtract_log_q,
        "candidates": seen.values.sampled_candidates[:candidates].tolist(),
        "true_count": numbers(counts[0]),
        "sampled_count": numbers(counts[1]),
        "true_log": numbers(logs[0]),
        "sampled_log": numbers(logs[1]),
        "hits": [[int(b), int(s)] for b, s in seen.hits if b < examples and s < candidates],
        "raw_logits": numbers(seen.raw_logits[:examples, :columns]),
        "logits": numbers(seen.logits[:examples, :columns]),
        "probabilities": numbers(seen.probabilities[:examples, :columns].astype(np.float32)),
        "logit_gradients": numbers(seen.logit_gradients[:examples, :columns].astype(np.float32)),
        "loss": numbers(seen.loss[:examples]),
        "inputs_gradient": [row(values) for values in seen.gradients.inputs[:examples]],
        "slices": seen.gradients.weights.indices.size,
        "rows_given_gradient": seen.summed.weights.indices.size,
        "embeddings": _embeddings(seen),
        "map": _map(seen),
        "grid": grid(seen, examples, candidates),
        "cost": [cost._asdict() for cost in seen.cost],
        "logits_computed": int(seen.raw_logits.size),
        "logits_of_all": int(seen.labels.shape[0] * settings.num_classes),
        "text": story(seen),
        "half_right": {str(step): answer for step, answer in half_right(seen).items()},
    }


def _embeddings(seen: Explanation) -> list[dict[str, Any]] | None:
    slices = seen.summed.embeddings
    if slices is None:
        return None
    ids = slices.indices[:MOST_EXAMPLES]
    return [{"id": int(i), "gradient": row(values)} for i, values in zip(ids, slices.values, strict=False)]


def _map(seen: Explanation) -> list[list[Any]]:
    """Return the rows that are read, and for whom: at most so many as can be told apart."""
    labels, candidates = np.unique(seen.label_rows.ids), np.unique(seen.candidate_rows.ids)
    both = np.intersect1d(labels, candidates)
    roles = [(labels, "label"), (candidates, "candidate"), (both, "both")]
    role_of = {int(i): role for ids, role in roles for i in ids}
    return [[i, role_of[i]] for i in sorted(role_of)[:MOST_TICKS]]


def _names(seen: Explanation) -> dict[str, str]:
    """Return the names of the classes that the page shows."""
    if seen.class_names is None:
        return {}
    ids: set[int] = set(seen.unread_rows.ids.tolist())
    ids |= set(seen.labels[:MOST_EXAMPLES].ravel().tolist())
    if seen.summed.embeddings is not None:
        ids |= set(seen.summed.embeddings.indices[:MOST_EXAMPLES].tolist())
    for variant in (seen, *seen.alternatives):
        ids |= set(variant.values.sampled_candidates[:MOST_CANDIDATES].tolist())
        ids |= set(variant.unread_rows.ids.tolist())
    return {str(i): str(seen.class_names[i]) for i in sorted(ids)}


def _input_name(seen: Explanation, example: int) -> str | None:
    if seen.input_ids is None or seen.class_names is None:
        return None
    return str(seen.class_names[seen.input_ids[example]])
