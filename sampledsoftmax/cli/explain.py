"""`sampledsoftmax explain`: trace one batch of sampled softmax, step by step."""

from typing import Any

import click
from click.core import ParameterSource

from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.vectors import checked_output
from sampledsoftmax.explanation.example import NUM_SAMPLED, SEED, explain_example
from sampledsoftmax.explanation.explanation import Explanation
from sampledsoftmax.explanation.in_batch import InBatchExplanation
from sampledsoftmax.explanation.in_batch_example import explain_in_batch_example
from sampledsoftmax.explanation.model import explain_words, load_tables
from sampledsoftmax.io.shown_path import shown_path


@click.command()
@click.option("--num-sampled", default=NUM_SAMPLED, show_default=True, help="Number of candidates.")
@click.option("--seed", default=SEED, show_default=True, help="The same seed draws the same candidates.")
@click.option("--keep-hits", is_flag=True, help="Keep accidental hits instead of removing them.")
@click.option("--no-log-q", is_flag=True, help="Do not subtract the log of the expected counts.")
@click.option("--in-batch", is_flag=True, help="Show a batch whose candidates are the positives of all its queries.")
@click.option("--html", metavar="FILE", help="Also write a page that shows the batch in a browser.")
@click.option("--model", metavar="DIR", help="Use words of a trained model: the --output directory of a training run.")
@click.option("--word", "words", metavar="WORD", multiple=True, help="A word of the batch, with --model; repeatable.")
def explain(
    num_sampled: int,
    seed: int,
    keep_hits: bool,
    no_log_q: bool,
    in_batch: bool,
    html: str | None,
    model: str | None,
    words: tuple[str, ...],
) -> None:
    """Show which rows a batch of sampled softmax reads, how they are used, and which get a gradient.

    Without --model, the batch is a small worked example with random tables. With it, each WORD predicts the next
    one and the last one the first; a single WORD predicts the most likely other word according to the model.

    With --in-batch, it is the matrix of an in-batch softmax: six queries that share their positives as negatives, and
    two extra candidates. It is always the same; --keep-hits also keeps the copies of a column apart.

    The numbers are computed by the plain NumPy reference, so nothing has to be compiled.
    """
    page = None if html is None else checked_output("--html", html)
    if in_batch:
        _refuse_what_draws()
        trace: Explanation | InBatchExplanation = explain_in_batch_example(not keep_hits, not no_log_q)
    else:
        trace = _traced(model, words, num_sampled, seed, keep_hits, no_log_q)
    if page is not None:
        trace.save_html(page)
    click.echo(str(trace))
    if page is not None:
        say(f"\npage: {shown_path(page)}")


def _refuse_what_draws() -> None:
    """Refuse options that the in-batch example would not heed."""
    context = click.get_current_context()
    for name, option in (
        ("num_sampled", "--num-sampled"),
        ("seed", "--seed"),
        ("model", "--model"),
        ("words", "--word"),
    ):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} does not go with --in-batch: its batch is fixed")


def _traced(
    model: str | None, words: tuple[str, ...], num_sampled: int, seed: int, keep_hits: bool, no_log_q: bool
) -> Explanation:
    switches: dict[str, Any] = {
        "remove_accidental_hits": not keep_hits,
        "subtract_log_q": not no_log_q,
        "path": "reference",
    }
    if model is None and words:
        raise click.UsageError("--word needs --model DIR: it names words of a trained model")
    if model is None:
        return explain_example(num_sampled, seed, **switches)
    if not words:
        raise click.UsageError("--model needs --word WORD, at least once")
    return explain_words(load_tables(model), words, num_sampled, seed, **switches)
