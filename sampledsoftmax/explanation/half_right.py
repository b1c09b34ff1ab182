"""Answers that are often heard and half right, with what each leaves out."""

from sampledsoftmax.explanation.types import Explanation
from sampledsoftmax.explanation.wording import quoted


def half_right(seen: Explanation) -> dict[int, tuple[str, str]]:
    """Return (what is heard, what it leaves out) by the position of the step where it belongs, from 0."""
    return {
        1: (
            "Only the inputs have an embedding look-up.",
            "There are two look-ups: `weights[labels]` is one too, in the table on the output side.",
        ),
        2: ("The true classes are left out of the draw.", _excluded(seen)),
        4: (
            "The correction is for the candidates only.",
            ("The" if seen.settings.subtract_log_q else "Where log Q is subtracted, the")
            + " label's logit has the log of its own expected count taken off as well.",
        ),
        5: (
            "Sampled softmax is negative sampling.",
            "Negative sampling judges each column by itself with a sigmoid and takes no log Q off; here the columns"
            " of an example share one softmax, as they do in the full one.",
        ),
        6: ("Each example updates 1 + num_sampled rows.", _updated(seen)),
    }


def _excluded(seen: Explanation) -> str:
    drawn = sorted({int(seen.values.sampled_candidates[at]) for _, at in seen.hits})
    if not drawn:
        return "Any class may be drawn, labels included; in this draw none happened to come up."
    names = ", ".join(quoted(seen.class_names, i) for i in drawn[:3]) + (", ..." if len(drawn) > 3 else "")
    return f"Any class may be drawn, labels included; here {names} came up although a label."


def _updated(seen: Explanation) -> str:
    batch_size, num_true = seen.labels.shape
    num_sampled = seen.settings.num_sampled
    return (
        f"The batch shares its candidates: {batch_size * num_true} + {num_sampled} ="
        f" {batch_size * num_true + num_sampled:,} rows are looked up, not"
        f" {batch_size} x ({num_true} + {num_sampled}) ="
        f" {batch_size * (num_true + num_sampled):,}, and {seen.summed.weights.indices.size:,} different ones get a"
        " gradient."
    )
