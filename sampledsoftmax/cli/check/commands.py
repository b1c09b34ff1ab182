"""`sampledsoftmax check`: check a sampler or a loss of one's own, and print the report."""

import click

from sampledsoftmax.cli.check.target import loaded
from sampledsoftmax.testing import Report, check_candidates, check_loss, check_sampler
from sampledsoftmax.testing.candidates import TOLERANCE

_CLASSES = click.option("--num-classes", type=int, required=True, help="Number of classes.")


@click.group(invoke_without_command=True)
@click.pass_context
def check(context: click.Context) -> None:
    """Check that a sampler or a loss of your own is what it claims.

    A FUNCTION is named as MODULE:FUNCTION or FILE.py:FUNCTION; the current folder is searched too.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@check.command()
@click.argument("function")
@click.option(
    "--probability", metavar="FUNCTION", required=True, help="From ids int64 to the probabilities that are claimed."
)
@_CLASSES
@click.option("--num-draws", default=100_000, show_default=True, help="More draws show smaller deviations.")
@click.option("--tolerance", default=0.0, show_default=True, help="Total variation that is accepted.")
def sampler(function: str, probability: str, num_classes: int, num_draws: int, tolerance: float) -> None:
    """Check independent draws: FUNCTION gets a size and returns that number of ids."""
    draw, claim = loaded("FUNCTION", function), loaded("--probability", probability)
    _print(check_sampler(draw, claim, num_classes, num_draws=num_draws, tolerance=tolerance))


@check.command()
@click.argument("function")
@_CLASSES
@click.option("--num-sampled", type=int, required=True, help="Candidates per call.")
@click.option("--with-replacement", is_flag=True, help="The candidates of a call may be equal.")
@click.option("--num-calls", default=1000, show_default=True, help="More calls show smaller deviations.")
@click.option("--tolerance", default=TOLERANCE, show_default=True, help="Total variation that is accepted.")
def candidates(
    function: str, num_classes: int, num_sampled: int, with_replacement: bool, num_calls: int, tolerance: float
) -> None:
    """Check candidates against their expected counts.

    FUNCTION gets labels [num_classes, 1], and returns candidates [num_sampled], the expected counts of the labels and
    those of the candidates.
    """
    _print(
        check_candidates(
            loaded("FUNCTION", function), num_classes, num_sampled, unique=not with_replacement, num_calls=num_calls,
            tolerance=tolerance,
        )
    )  # fmt: skip


@check.command()
@click.argument("function")
@click.option(
    "--gradient", metavar="FUNCTION", help="Gradients of the losses in the inputs. [default: derived numerically]"
)
@click.option("--temperature", default=1.0, show_default=True, help="What the loss divides dot products by.")
@click.option("--normalize", is_flag=True, help="The loss takes cosines.")
@click.option("--keep-hits", is_flag=True, help="The loss does not leave out accidental hits.")
@click.option("--unique", is_flag=True, help="Candidates always differ: do not check copies of hits.")
@click.option("--no-large-ids", is_flag=True, help="Do not check ids above 2**24, which takes a large table.")
@click.option("--num-samples", default=200, show_default=True, help="Samples over which the gradient is averaged.")
def loss(
    function: str, gradient: str | None, temperature: float, normalize: bool, keep_hits: bool, unique: bool,
    no_large_ids: bool, num_samples: int,
) -> None:  # fmt: skip
    """Check a sampled softmax loss.

    FUNCTION gets weights, biases, labels, inputs, and the candidates with their expected counts, and returns the
    losses [batch_size].
    """
    _print(
        check_loss(
            loaded("FUNCTION", function),
            gradient=None if gradient is None else loaded("--gradient", gradient),
            temperature=temperature,
            normalize=normalize,
            remove_accidental_hits=not keep_hits,
            copies=not unique,
            large_ids=not no_large_ids,
            num_samples=num_samples,
        )
    )


def _print(report: Report) -> None:
    click.echo(str(report))
    if not report.passed:
        names = ", ".join(check.name for check in report.failures)
        raise ValueError(f"{len(report.failures)} of {len(report.checks)} checks failed: {names}")
