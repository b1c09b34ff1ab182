"""`sampledsoftmax recommend evaluate` and `top`: scores on test pairs, and the items recommended to a user."""

from collections.abc import Mapping
from typing import Any

import click

from sampledsoftmax.cli.recommend.report import item_lines, score_lines, write_json
from sampledsoftmax.cli.recommend.shared import (
    FEW,
    directory_argument,
    held_out_scores,
    json_option,
    k_option,
    load,
    read,
    reading_options,
    scores_of,
    threads_of,
    threads_option,
    titles_option,
)
from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.vectors import checked_output, visible
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.queries import UnknownIdError
from sampledsoftmax.retrieval.state import without
from sampledsoftmax.retrieval.titles import read_titles
from sampledsoftmax.validation import shown


@click.command()
@directory_argument
@click.argument("test", nargs=-1)
@k_option
@json_option
@threads_option
@reading_options
def evaluate(
    directory: str, test: tuple[str, ...], k: int, json_file: str | None, threads: int | None, **reading: Any
) -> None:
    """Rank all items for each user, and score the rankings on pairs that were not trained on.

    DIR is the --output folder of a training run. TEST is a file of pairs, as for training; without it the pairs that
    the training held out are used. Items that the user has in the training data are not ranked.

    The column "popularity" has the scores of a ranking by popularity, the same for all users.
    """
    file = None if json_file is None else checked_output("--json", json_file)
    model, _ = load(directory)
    with threads_of(threads):
        if test:
            scores = scores_of(model, *_test_pairs(read(test, reading), model), k)
        else:
            scores = held_out_scores(model, k)
            if not scores:
                raise ValueError(
                    f"{shown_path(directory)} was trained on all pairs, without --validation: name a file of test pairs"
                )
    num_users = scores["model"].num_users
    click.echo("\n".join(score_lines(scores)))
    say(f"means over {num_users:,} user{'s' * (num_users != 1)} with test pairs")
    if file:
        write_json(file, {name: one._asdict() for name, one in scores.items()})


@click.command()
@directory_argument
@click.argument("users", metavar="USER...", nargs=-1, required=True)
@click.option("--k", default=10, show_default=True, help="Number of items.")
@click.option(
    "--exclude-seen/--include-seen", default=True, help="Leave out items that the user has [default], or not."
)
@titles_option
@json_option
def top(
    directory: str, users: tuple[str, ...], k: int, exclude_seen: bool, titles: str | None, json_file: str | None
) -> None:
    """Print the items that are recommended to each USER, with their scores.

    DIR is the --output folder of a training run. Titles are those of the training, or of --titles.
    """
    file = None if json_file is None else checked_output("--json", json_file)
    model, folder = load(directory)
    names = read_titles(titles) if titles else folder.titles() if folder else {}
    found = {}
    for user in users:
        try:
            found[user] = model.recommend(_named(user, model.interactions.user_rows), k, exclude_seen)
        except UnknownIdError:
            everyone = model.interactions.user_ids
            few = ", ".join([*map(visible, everyone[:FEW]), *(["..."] if len(everyone) > FEW else [])])
            raise ValueError(f"the user {shown(user)} is not in the training data: its users are {few}") from None
    for user, (ids, scores) in found.items():
        if not ids.size:
            say(f"{visible(user)} has all items: --include-seen recommends those too")
        if len(found) > 1:
            click.echo(f"{visible(user)}:")
        for line in item_lines(ids.tolist(), scores.tolist(), names):
            click.echo(line)
    if file:
        content = {user: _plain(ids.tolist(), scores.tolist(), names) for user, (ids, scores) in found.items()}
        write_json(file, content)


def _test_pairs(pairs: Interactions, model: MatrixFactorization) -> tuple[Interactions, Interactions]:
    """Return the test pairs that can be ranked, and the pairs that are left out of the rankings."""
    whole, held_out = model.interactions, model.validation
    test = pairs.with_rows_of(whole)
    if test.num_pairs < pairs.num_pairs:
        say(f"{pairs.num_pairs - test.num_pairs:,} of {pairs.num_pairs:,} test pairs have a user or an item that the "
            "training data has not: left out")  # fmt: skip
    trained = whole if held_out is None else without(whole, held_out)
    unseen = without(test, trained)
    if unseen.num_pairs < test.num_pairs:
        say(f"{test.num_pairs - unseen.num_pairs:,} of {pairs.num_pairs:,} test pairs were trained on: left out")
    if not unseen.num_pairs:
        raise ValueError(
            "no test pairs are left: pairs of users and items of the training data that were not trained on"
        )
    has_held_out = held_out is not None and without(unseen, held_out).num_pairs < unseen.num_pairs
    return unseen, trained if has_held_out else whole


def _named(text: str, known: Mapping[Any, int]) -> Any:
    """Return the id that an argument means: the int, where ids are ints."""
    try:
        return int(text) if text not in known and str(int(text)) == text and int(text) in known else text
    except ValueError:
        return text


def _plain(ids: list[Any], scores: list[float], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"id": one, "score": score, **({"title": titles[str(one)]} if str(one) in titles else {})}
        for one, score in zip(ids, scores, strict=True)
    ]
