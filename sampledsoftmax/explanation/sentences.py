"""What happened, in sentences: the same ones on a terminal and on the page. Backticks mark code."""

import numpy as np

from sampledsoftmax.explanation.parts import Ids
from sampledsoftmax.explanation.types import Explanation
from sampledsoftmax.explanation.wording import counted, quoted

TITLES = (
    "The question",
    "The labels name rows",
    "The sampler draws candidates",
    "Rows become logits",
    "Correction by log Q",
    "Softmax and loss",
    "The gradient flows back",
    "The cost",
)
_MOST_NAMED = 4


def story(seen: Explanation) -> list[list[str]]:
    """Return the sentences of each step."""
    return [step(seen) for step in (_question, _labels, _draw, _logits, _correction, _softmax, _gradients, _cost)]


def summary(seen: Explanation) -> str:
    """Return the answer in one sentence."""
    cost, labels, candidates = seen.cost[0], np.unique(seen.labels), seen.values.sampled_candidates
    return (
        f"The labels name {_rows(labels)} of `weights`, the candidates {_rows(candidates)}: {cost.read:,} of"
        f" {counted(cost.num_rows, 'row')} {_verb(cost.read, 'is', 'are')} read and get"
        f"{_verb(cost.read, 's', '')} a gradient."
    )


def _rows(ids: Ids) -> str:
    shown = ", ".join(map(str, ids[:8])) + (", ..." if ids.size > 8 else "")
    return f"{_verb(ids.size, 'row', 'rows')} {shown}" if ids.size else "no row"


def _question(seen: Explanation) -> list[str]:
    batch_size, num_true = seen.labels.shape
    true = "the id of its true class" if num_true == 1 else "the ids of its true classes"
    return [
        "Which rows of `weights` and `biases` does this loss read, and how does it know?",
        "Two kinds: the rows that the labels name, and the rows that a sampler draws, once for the whole batch."
        " No other row is read, and no other row gets a gradient.",
        f"This batch has {counted(batch_size, 'example')}. Each brings an input,"
        f" {counted(seen.inputs.shape[1], 'number')} from an encoder, and {counted(num_true, 'label')}: {true}."
        " Class c owns row c of `weights` and entry c of `biases`.",
    ]


def _labels(seen: Explanation) -> list[str]:
    ids, times = np.unique(seen.labels, return_counts=True)
    lines = [
        "A label is a row number: `weights[labels]` and `biases[labels]` are plain look-ups."
        f" {counted(seen.labels.size, 'label')} of this batch {_verb(seen.labels.size, 'names', 'name')}"
        f" {counted(ids.size, 'different row')}."
    ]
    for i in np.flatnonzero(times > 1)[:_MOST_NAMED]:
        named = f"Row {quoted(seen.class_names, ids[i])} is named {times[i]} times"
        lines.append(f"{named}: looked up each time, and its gradients are summed.")
    return lines + _more(int((times > 1).sum()), "row is named more than once", "rows are named more than once")


def _draw(seen: Explanation) -> list[str]:
    settings, hits = seen.settings, seen.hits
    how = f"are drawn (log-uniform, without repeats, seed {settings.seed}), once, and shared by all examples"
    if settings.seed is None:
        how = "were given as `sampled_values`; all examples share them"
    lines = [
        f"{counted(settings.num_sampled, 'candidate')} {how}.",
        "The sampler never looks at the labels to choose. They only get an expected count: how often a class is"
        " expected in such a sample.",
    ]
    positions = np.unique(hits[:, 1])
    lines += [_hit(seen, at) for at in positions[:_MOST_NAMED]]
    lines += _more(positions.size, "candidate is a label too", "candidates are labels too")
    if not len(hits):
        lines.append("No candidate is a label of this batch: there are no accidental hits.")
    if settings.seed is not None and max(count.max(initial=0) for count in seen.values[1:]) > 1:
        lines.append(
            "A count above 1 is TensorFlow's approximation where no draw had to be repeated: without repeats, no"
            " class comes more than once."
        )
    return lines


def _hit(seen: Explanation, position: int) -> str:
    examples = seen.hits[seen.hits[:, 1] == position, 0]
    candidate = f"Candidate {quoted(seen.class_names, seen.values.sampled_candidates[position])}"
    if examples.size == 1:
        return f"{candidate} is a label of example {examples[0]} too: an accidental hit."
    shown = examples if examples.size <= _MOST_NAMED else examples[: _MOST_NAMED - 1]
    first = ", ".join(map(str, shown[:-1] if shown is examples else shown))
    last = str(examples[-1]) if shown is examples else f"{examples.size - shown.size:,} more"
    return f"{candidate} is a label of examples {first} and {last} too: {examples.size:,} accidental hits."


def _logits(seen: Explanation) -> list[str]:
    batch_size, columns = seen.raw_logits.shape
    num_classes, num_hits = seen.settings.num_classes, len(seen.hits)
    lines = [
        "`logit[b, c] = inputs[b] . weights[c] + biases[c]`, for the label of example b and for the candidates:"
        f" {batch_size} x {columns} = {seen.raw_logits.size:,} numbers, where full softmax needs"
        f" {batch_size} x {num_classes:,} = {batch_size * num_classes:,}."
    ]
    hits = counted(num_hits, "hit")
    if num_hits and seen.settings.remove_accidental_hits:
        lines.append(
            f"{hits} {_verb(num_hits, 'is', 'are')} crossed out: the class is already in that example's sum as its"
            " label, and must not stand there as a wrong answer too. For the other examples the candidate stays."
        )
    elif num_hits:
        lines.append(
            f"{hits} {_verb(num_hits, 'stays', 'stay')} in (`remove_accidental_hits` is False): the class stands in"
            " that example's sum twice, as the right answer and as a wrong one."
        )
    return lines


def _correction(seen: Explanation) -> list[str]:
    if not seen.settings.subtract_log_q:
        return [
            "`subtract_log_q` is False: the logits stay as they are. Classes that are drawn often then stand in the"
            " sums more often than the others and are pushed down too far: the loss is biased."
        ]
    return [
        "Q is the expected count of a class in the sample. Each logit has log Q taken off, so that"
        " `exp(logit - log Q) = exp(logit) / Q`.",
        "A class that comes half of the time counts double when it comes: so the sum over few candidates stands for"
        " the sum over all classes.",
    ]


def _softmax(seen: Explanation) -> list[str]:
    num_true = seen.settings.num_true
    value = "-log of the label's probability" if num_true == 1 else "the mean over its labels of -log probability"
    mean = f" Mean of the batch: {seen.loss.mean(dtype=np.float64):.4f}." if seen.loss.size else ""
    return [
        f"Softmax over the {num_true} + {seen.settings.num_sampled} columns of an example; its loss is {value}.{mean}",
        "The sum runs over a sample, so this is not the loss of full softmax: train with it, and compare models by"
        " `full_softmax_loss`.",
    ]


def _gradients(seen: Explanation) -> list[str]:
    settings, rows = seen.settings, seen.summed.weights.indices.size
    target = "1" if settings.num_true == 1 else f"1 / {settings.num_true}"
    lines = [
        f"A logit's gradient is its probability less its target ({target} for a label, 0 for a candidate). Times the"
        " input, it goes to the row of `weights`; as it is, to the entry of `biases`; times the row, to the input.",
        f"{counted(seen.labels.size, 'label')} and {counted(settings.num_sampled, 'candidate')} make"
        f" {counted(seen.gradients.weights.indices.size, 'slice')}, rows with their ids; slices of equal ids are"
        f" summed, which leaves {counted(rows, 'row')}.",
    ]
    if seen.summed.embeddings is not None:
        looked_up = counted(seen.summed.embeddings.indices.size, "row")
        lines.append(
            f"The gradient of the inputs goes on to the {looked_up} of the embedding table that they came from."
        )
    return [*lines, _untouched(seen, settings.num_classes - rows)]


def _untouched(seen: Explanation, untouched: int) -> str:
    line = f"The other {counted(untouched, 'row')} of `weights` {_verb(untouched, 'gets', 'get')} nothing at all."
    if untouched == 0:
        line = "In this small table no row is left over."
    if seen.changed_rows is None:
        return line
    changed = seen.changed_rows.size
    kept = seen.settings.num_classes - changed
    return f"{line} Tried on a copy: one step of SGD changed {counted(changed, 'row')} and left {kept} bit for bit."


def _cost(seen: Explanation) -> list[str]:
    batch_size, num_true = seen.labels.shape
    cost = seen.cost[0]
    most = batch_size * num_true + seen.settings.num_sampled
    return [
        f"{cost.read:,} of {counted(cost.num_rows, 'row')} of `weights` {_verb(cost.read, 'is', 'are')} read:"
        f" {cost.read * cost.row_bytes:,} of {counted(cost.num_rows * cost.row_bytes, 'byte')}. Full softmax reads them"
        " all, and gives each of them a gradient.",
        f"A batch of this shape never looks up more than {batch_size} x {num_true} + {seen.settings.num_sampled} ="
        f" {counted(most, 'row')} of `weights`, however many classes there are.",
    ]


def _more(number: int, one: str, many: str) -> list[str]:
    more = number - _MOST_NAMED
    return [f"{more:,} more {_verb(more, one, many)}."] if more > 0 else []


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
