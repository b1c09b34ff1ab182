"""The sentences of a trace, the same in every view: the story of the eight steps and common misconceptions.

Backticks mark code.
"""

import numpy as np

from sampledsoftmax.explanation.text import counted, quoted
from sampledsoftmax.explanation.types import Ids, Trace

TITLES = (
    "The question",
    "Labels select rows",
    "The sampler draws candidates",
    "Rows become logits",
    "Correction by log Q",
    "Softmax and loss",
    "Gradients",
    "The cost",
)
_MOST_NAMED = 4


def story(trace: Trace) -> list[list[str]]:
    """Return the sentences of each step."""
    return [step(trace) for step in (_question, _labels, _draw, _logits, _correction, _softmax, _gradients, _cost)]


def misconceptions(trace: Trace) -> dict[int, tuple[str, str]]:
    """Return (common misconception, what it misses) by the index of the step where it is shown, from 0."""
    return {
        1: (
            "Only the inputs need an embedding lookup.",
            "There are two lookups: `weights[labels]` is one too, in the output table.",
        ),
        2: ("The true classes are excluded from sampling.", _excluded(trace)),
        4: (
            "The correction applies only to the candidates.",
            "The label's logit is corrected too, by the log of the label's own expected count."
            if trace.settings.subtract_log_q
            else "When log Q is subtracted, the label's logit is corrected too, by the log of its own expected count.",
        ),
        5: (
            "Sampled softmax is negative sampling.",
            "Negative sampling scores each column separately with a sigmoid and does not subtract log Q. Here the"
            " columns of an example share one softmax, as in the full one.",
        ),
        6: ("Each example updates 1 + num_sampled rows.", _updated(trace)),
    }


def summary(trace: Trace) -> str:
    """Return the answer in one sentence."""
    cost, labels, candidates = trace.cost[0], np.unique(trace.labels), trace.values.sampled_candidates
    return (
        f"The labels select {_rows(labels)} of `weights`, the candidates {_rows(candidates)}: {cost.read:,} of"
        f" {counted(cost.num_rows, 'row')} {_verb(cost.read, 'is', 'are')} read and"
        f" {_verb(cost.read, 'gets', 'get')} a gradient."
    )


def _rows(ids: Ids) -> str:
    shown = ", ".join(map(str, ids[:8])) + (", ..." if ids.size > 8 else "")
    return f"{_verb(ids.size, 'row', 'rows')} {shown}" if ids.size else "no row"


def _question(trace: Trace) -> list[str]:
    batch_size, num_true = trace.labels.shape
    true = "the id of its true class" if num_true == 1 else "the ids of its true classes"
    return [
        "Which rows of `weights` and `biases` does this loss read, and how does it know?",
        "Two kinds: the rows of the labels, and the rows of candidates, which a sampler draws once for the whole batch."
        " No other row is read, and no other row gets a gradient.",
        f"This batch has {counted(batch_size, 'example')}. Each has an input"
        f" ({counted(trace.inputs.shape[1], 'number')} from an encoder) and {counted(num_true, 'label')}: {true}."
        " Class c has row c of `weights` and entry c of `biases`.",
    ]


def _labels(trace: Trace) -> list[str]:
    ids, times = np.unique(trace.labels, return_counts=True)
    lines = [
        "A label is a row number: `weights[labels]` and `biases[labels]` are plain lookups."
        f" The {counted(trace.labels.size, 'label')} of this batch {_verb(trace.labels.size, 'selects', 'select')}"
        f" {counted(ids.size, 'distinct row')}."
    ]
    for i in np.flatnonzero(times > 1)[:_MOST_NAMED]:
        row = f"Row {quoted(trace.class_names, ids[i])} occurs {times[i]} times"
        lines.append(f"{row}: it is looked up each time, and its gradients are summed.")
    return lines + _more(int((times > 1).sum()), "row occurs more than once", "rows occur more than once")


def _draw(trace: Trace) -> list[str]:
    settings, hits = trace.settings, trace.hits
    how = f"are drawn once (log-uniform, unique, seed {settings.seed}) and shared by all examples"
    if settings.seed is None:
        how = "were given as `sampled_values` and are shared by all examples"
    lines = [
        f"{counted(settings.num_sampled, 'candidate')} {how}.",
        "The sampler does not use the labels to choose candidates. It only computes their expected counts: how often"
        " each class is expected in such a sample.",
    ]
    positions = np.unique(hits[:, 1])
    lines += [_hit(trace, position) for position in positions[:_MOST_NAMED]]
    lines += _more(positions.size, "candidate is also a label", "candidates are also labels")
    if not len(hits):
        lines.append("No candidate is a label in this batch: there are no accidental hits.")
    if settings.seed is not None and max(count.max(initial=0) for count in trace.values[1:]) > 1:
        lines.append(
            "A count above 1 comes from TensorFlow's approximation for a sample in which no draw was rejected: in a"
            " unique sample, no class occurs more than once."
        )
    return lines


def _hit(trace: Trace, position: int) -> str:
    examples = trace.hits[trace.hits[:, 1] == position, 0]
    candidate = f"Candidate {quoted(trace.class_names, trace.values.sampled_candidates[position])}"
    if examples.size == 1:
        return f"{candidate} is also a label of example {examples[0]}: an accidental hit."
    shown = examples if examples.size <= _MOST_NAMED else examples[: _MOST_NAMED - 1]
    first = ", ".join(map(str, shown[:-1] if shown is examples else shown))
    last = str(examples[-1]) if shown is examples else f"{examples.size - shown.size:,} more"
    return f"{candidate} is also a label of examples {first} and {last}: {examples.size:,} accidental hits."


def _logits(trace: Trace) -> list[str]:
    batch_size, columns = trace.raw_logits.shape
    num_classes, num_hits = trace.settings.num_classes, len(trace.hits)
    lines = [
        "`logit[b, c] = inputs[b] . weights[c] + biases[c]`, for the label of example b and for the candidates:"
        f" {batch_size} x {columns} = {trace.raw_logits.size:,} numbers, where full softmax needs"
        f" {batch_size} x {num_classes:,} = {batch_size * num_classes:,}."
    ]
    hits = counted(num_hits, "hit")
    if num_hits and trace.settings.remove_accidental_hits:
        lines.append(
            f"{hits} {_verb(num_hits, 'is', 'are')} crossed out: the class is already in that example's softmax as its"
            " label and must not also count as a negative. For all other examples the candidate stays."
        )
    elif num_hits:
        lines.append(
            f"{hits} {_verb(num_hits, 'stays', 'stay')} in (`remove_accidental_hits` is False): the class is in that"
            " example's softmax twice, as the label and as a negative."
        )
    return lines


def _correction(trace: Trace) -> list[str]:
    if not trace.settings.subtract_log_q:
        return [
            "`subtract_log_q` is False: the logits are not corrected. Frequently drawn classes then appear in the"
            " softmax more often than others and are pushed down too far: the loss is biased."
        ]
    return [
        "Q is the expected count of a class in the sample. log Q is subtracted from each logit, so that"
        " `exp(logit - log Q) = exp(logit) / Q`.",
        "A class that is drawn half of the time counts double when it is drawn, so the sum over a few candidates"
        " estimates the sum over all classes.",
    ]


def _softmax(trace: Trace) -> list[str]:
    num_true = trace.settings.num_true
    value = "-log of the label's probability" if num_true == 1 else "the mean over its labels of -log probability"
    mean = f" The mean over the batch is {trace.loss.mean(dtype=np.float64):.4f}." if trace.loss.size else ""
    return [
        f"The softmax of an example is over its {num_true} + {trace.settings.num_sampled} columns; its loss is"
        f" {value}.{mean}",
        "The sum is over a sample, so this is not the loss of full softmax: train with it, but compare models by"
        " `full_softmax_loss`.",
    ]


def _gradients(trace: Trace) -> list[str]:
    settings, rows = trace.settings, trace.summed.weights.indices.size
    target = "1" if settings.num_true == 1 else f"1 / {settings.num_true}"
    lines = [
        f"The gradient of a logit is its probability minus its target ({target} for a label, 0 for a candidate). Times"
        " the input, it is the gradient of the row of `weights`; by itself, of the entry of `biases`; times the row, of"
        " the input.",
        f"{counted(trace.labels.size, 'label')} and {counted(settings.num_sampled, 'candidate')} give"
        f" {counted(trace.gradients.weights.indices.size, 'slice')} (a row and its id); slices with equal ids are"
        f" summed, which leaves {counted(rows, 'row')}.",
    ]
    if trace.summed.embeddings is not None:
        embeddings = counted(trace.summed.embeddings.indices.size, "row")
        lines.append(f"The gradient of the inputs is passed on to {embeddings} of the embedding table.")
    return [*lines, _untouched(trace, settings.num_classes - rows)]


def _untouched(trace: Trace, untouched: int) -> str:
    line = f"The other {counted(untouched, 'row')} of `weights` {_verb(untouched, 'gets', 'get')} no gradient."
    if untouched == 0:
        line = "In this small table every row gets a gradient."
    if trace.changed_rows is None:
        return line
    changed = trace.changed_rows.size
    kept = trace.settings.num_classes - changed
    return f"{line} On a copy, one step of SGD changed {counted(changed, 'row')} and left {kept} bit for bit unchanged."


def _cost(trace: Trace) -> list[str]:
    batch_size, num_true = trace.labels.shape
    cost = trace.cost[0]
    most = batch_size * num_true + trace.settings.num_sampled
    return [
        f"{cost.read:,} of {counted(cost.num_rows, 'row')} of `weights` {_verb(cost.read, 'is', 'are')} read:"
        f" {cost.read * cost.row_bytes:,} of {counted(cost.num_rows * cost.row_bytes, 'byte')}. Full softmax reads all"
        " of them and computes a gradient for each.",
        f"A batch of this shape never looks up more than {batch_size} x {num_true} + {trace.settings.num_sampled} ="
        f" {counted(most, 'row')} of `weights`, however many classes there are.",
    ]


def _excluded(trace: Trace) -> str:
    drawn = sorted({int(trace.values.sampled_candidates[position]) for _, position in trace.hits})
    if not drawn:
        return "Any class can be drawn, including labels; in this sample there happens to be none."
    names = ", ".join(quoted(trace.class_names, i) for i in drawn[:3]) + (", ..." if len(drawn) > 3 else "")
    if len(drawn) == 1:
        return f"Any class can be drawn, including labels; here {names} was drawn although it is a label."
    return f"Any class can be drawn, including labels; here {names} were drawn although they are labels."


def _updated(trace: Trace) -> str:
    batch_size, num_true = trace.labels.shape
    num_sampled, updated = trace.settings.num_sampled, trace.summed.weights.indices.size
    labels = batch_size * num_true
    return (
        f"The batch shares its candidates: {labels} + {num_sampled} = {labels + num_sampled:,} rows are looked up,"
        f" not {batch_size} x ({num_true} + {num_sampled}) = {batch_size * (num_true + num_sampled):,},"
        f" and {counted(updated, 'distinct row')} {_verb(updated, 'gets', 'get')} a gradient."
    )


def _more(number: int, one: str, many: str) -> list[str]:
    more = number - _MOST_NAMED
    return [f"{more:,} more {_verb(more, one, many)}."] if more > 0 else []


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
