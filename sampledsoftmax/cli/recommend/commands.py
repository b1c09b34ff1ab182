"""`sampledsoftmax recommend`: the group of its commands."""

import click

from sampledsoftmax.cli.recommend.questions import evaluate, top
from sampledsoftmax.cli.recommend.train import train


@click.group(invoke_without_command=True)
@click.pass_context
def recommend(context: click.Context) -> None:
    """Train a recommender on ratings, evaluate it, and print recommendations."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


recommend.add_command(train)
recommend.add_command(evaluate)
recommend.add_command(top)
