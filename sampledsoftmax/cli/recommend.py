"""`sampledsoftmax recommend`: from ratings to recommendations, with the quality on pairs that were held out."""

import inspect
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

import sampledsoftmax
from sampledsoftmax.cli.recommend_progress import FitReport
from sampledsoftmax.cli.recommend_report import item_lines, score_lines, write_json
from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.standard_streams import stop_notice
from sampledsoftmax.cli.vectors import checked_output, visible
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.layouts import FORMATS
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.queries import UnknownIdError
from sampledsoftmax.retrieval.run_folder import MODEL, RunFolder
from sampledsoftmax.retrieval.settings import SAMPLERS
from sampledsoftmax.retrieval.state import without
from sampledsoftmax.retrieval.titles import read_titles
from sampledsoftmax.runtime.threadpool import get_num_threads, set_num_threads
from sampledsoftmax.word2vec.corpus.find_files import find_files

_HELP = {
    "dim": "Numbers per user and item.",
    "num_sampled": "Candidates of a batch [default: 4096, at most the number of items].",
    "temperature": "Logits are divided by it.",
    "epochs": "Passes over all pairs.",
    "batch_size": "Users per batch, each with all its items.",
    "sampler": "Distribution of the candidates.",
    "popularity_exponent": "Exponent of the counts of the items, for popularity.",
    "patience": "Epochs without a higher recall on the held-out pairs after which training stops.",
    "seed": "The same seed gives the same factors, bit for bit.",
}
_FLAGS = {
    "normalize": ("--cosine/--dot", "Scores are cosines, or dot products [default: cosine]."),
    "subtract_log_q": ("--log-q/--no-log-q", "Subtract log Q [default: yes]; without it popular items are punished."),
}
_DEFAULTS = {n: inspect.signature(MatrixFactorization).parameters[n].default for n in (*_HELP, *_FLAGS)}
_VALIDATION = 0.1
_SHOWN_ITEMS, _SHOWN_NEAR = 4, 5  # items whose most similar ones are printed after training

_READING = (
    click.option("--format", "form", type=click.Choice(FORMATS), help="Layout of the lines [default: told from them]."),
    click.option("--header/--no-header", default=None, help="Whether the first line names columns [default: told]."),
    click.option("--min-rating", type=float, help="Leave out lines with a lower rating [default: keep all]."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files."),
    click.option("--errors", type=click.Choice(["strict", "replace", "ignore"]), default="strict", show_default=True,
                 help="How to handle bytes that are not of the encoding."),
)  # fmt: skip
_directory = click.argument("directory", metavar="DIR")
_k = click.option("--k", default=20, show_default=True, help="Length of the rankings.")
_json = click.option("--json", "json_file", metavar="FILE", help="Also write the results to FILE.")
_threads = click.option("--threads", type=int, help="Threads; results do not depend on them [default: one per core].")
_titles = click.option(
    "--titles", metavar="FILE", help="Titles of items: lines of an id and a title, such as movies.csv."
)


@click.group()
def recommend() -> None:
    """Train a recommender on ratings, evaluate it, and print recommendations."""


def _reading_options(command: Any) -> Any:
    for option in reversed(_READING):
        command = option(command)
    return command


def _setting_options(command: Any) -> Any:
    for name, (flag, text) in reversed(_FLAGS.items()):
        command = click.option(flag, name, default=None, help=text)(command)
    for name, text in reversed(_HELP.items()):
        default = _DEFAULTS[name]
        shown = "" if default is None else f" [default: {default}]"
        kind: Any = click.Choice(SAMPLERS) if name == "sampler" else int if default is None else type(default)
        command = click.option(f"--{name.replace('_', '-')}", type=kind, help=text + shown)(command)
    return command


@recommend.command("train")
@click.argument("ratings", nargs=-1)
@click.option("--output", required=True, metavar="DIR", help="Output folder, created if it does not exist.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in DIR; RATINGS may be left out.")
@click.option(
    "--validation", type=float, help=f"Share of each user's items to hold out, 0 for none [default: {_VALIDATION}]."
)
@_titles
@click.option("--checkpoint-seconds", default=600.0, show_default=True, help="Time between checkpoints.")
@_threads
@_reading_options
@_setting_options
def train(
    ratings: tuple[str, ...],
    output: str,
    resume: bool,
    validation: float | None,
    titles: str | None,
    checkpoint_seconds: float,
    threads: int | None,
    **options: Any,
) -> None:
    """Learn factors of users and items from ratings, and write them to a folder.

    RATINGS is one or more files of lines "user,item" or "user,item,rating", separated by commas, tabs, semicolons, ::
    or white space, with or without a header, or of lists "user item item ..."; plain or compressed; folders of them;
    or - for standard input. Every line counts, whatever its rating, unless --min-rating is given.

    A tenth of each user's items is held out: recall and NDCG on them are measured after each epoch, and the factors of
    the best epoch are kept. --validation 0 trains on everything.

    The files in DIR are model.zip (the checkpoint), settings.json, loss.csv, loss.png if matplotlib is installed, and
    titles.csv with --titles. Ctrl-C stops the run and saves it: continue with --resume.
    """
    start = time.perf_counter()
    reading = {name: options.pop(name) for name in ("form", "header", "min_rating", "encoding", "errors")}
    given = {name: value for name, value in options.items() if value is not None}
    model = MatrixFactorization(**given)
    if not ratings and not resume:
        raise click.UsageError("Missing argument 'RATINGS...'.")
    files = find_files(ratings) if ratings else []
    names = None if titles is None else read_titles(titles)
    folder = RunFolder(output)
    with folder.locked(), _threads_of(threads):
        folder.check_files([*files, *([Path(titles)] if titles else [])])
        if resume:
            model = _existing(folder, given)
        else:
            folder.refuse_unfinished_run()
        pairs = _read(ratings, reading) if ratings else None
        if names is not None:
            folder.save_titles(names)
        if resume and model.is_finished:  # it may have been killed after its last checkpoint
            say(f"the run in {shown_path(folder.path)} is finished: there is nothing left to train")
        else:
            _fit(model, folder, pairs, _split(validation, resume), resume=resume, checkpoint_seconds=checkpoint_seconds)
        scores = _held_out_scores(model)
        settings = {"ratings": list(ratings), **model.settings.described(), **_results(model, scores)}
        plot = "" if folder.save(model, settings) else "; no loss.png, since matplotlib is not installed"
        known = folder.titles() if names is None else names
    seconds = time.perf_counter() - start
    sizes = repr(model.interactions).partition("(")[2].rstrip(")")
    say(f"{sizes} in {shown_path(folder.path)} after {seconds:.1f} s{plot}")
    if scores:
        click.echo("\n".join([*score_lines(scores), ""]))
    for line in _similar_lines(model, known):
        click.echo(line)


@recommend.command("evaluate")
@_directory
@click.argument("test", nargs=-1)
@_k
@_json
@_threads
@_reading_options
def evaluate(
    directory: str, test: tuple[str, ...], k: int, json_file: str | None, threads: int | None, **reading: Any
) -> None:
    """Rank all items for each user, and score the rankings on pairs that were not trained on.

    DIR is the --output folder of a training run. TEST is a file of pairs, as for training; without it the pairs that
    the training held out are used. Items that the user has in the training data are not ranked.

    The column "popularity" has the scores of a ranking by popularity, the same for all users.
    """
    file = None if json_file is None else checked_output("--json", json_file)
    model, _ = _load(directory)
    with _threads_of(threads):
        if test:
            pairs = _read(test, reading)
            found = pairs.with_rows_of(model.interactions)
            if found.num_pairs < pairs.num_pairs:
                say(found.notes[-1])
            scores = _scores(model, found, model.interactions, k)
        else:
            scores = _held_out_scores(model, k)
            if not scores:
                raise ValueError(
                    f"{shown_path(directory)} was trained on all pairs, without --validation: name a file of test pairs"
                )
    num_users = scores["model"].num_users
    click.echo("\n".join(score_lines(scores)))
    say(f"means over the {num_users:,} users with test pairs")
    if file:
        write_json(file, {name: one._asdict() for name, one in scores.items()})


@recommend.command("top")
@_directory
@click.argument("users", metavar="USER...", nargs=-1, required=True)
@click.option("--k", default=10, show_default=True, help="Number of items.")
@click.option(
    "--exclude-seen/--include-seen", default=True, help="Leave out items that the user has [default], or not."
)
@_titles
@_json
def top(
    directory: str, users: tuple[str, ...], k: int, exclude_seen: bool, titles: str | None, json_file: str | None
) -> None:
    """Print the items that are recommended to each USER, with their scores.

    DIR is the --output folder of a training run. Titles are those of the training, or of --titles.
    """
    file = None if json_file is None else checked_output("--json", json_file)
    model, folder = _load(directory)
    names = read_titles(titles) if titles else folder.titles() if folder else {}
    try:
        found = {user: model.recommend(_named(user, model.interactions.user_rows), k, exclude_seen) for user in users}
    except UnknownIdError as error:
        raise ValueError(str(error)) from None
    for user, (ids, scores) in found.items():
        if len(found) > 1:
            click.echo(f"{visible(user)}:")
        for line in item_lines(ids.tolist(), scores.tolist(), names):
            click.echo(line)
    if file:
        content = {user: _plain(ids.tolist(), scores.tolist(), names) for user, (ids, scores) in found.items()}
        write_json(file, content)


def _read(paths: tuple[str, ...], reading: Mapping[str, Any]) -> Interactions:
    """Read pairs, and say what was found in the files."""
    others = {name: value for name, value in reading.items() if name != "form"}
    pairs: Interactions = Interactions.read(list(paths), format=reading["form"], **others)
    for note in pairs.notes:
        say(note)
    return pairs


def _existing(folder: RunFolder, given: Mapping[str, Any]) -> MatrixFactorization:
    """Return the model in the folder; given options must equal its settings."""
    model, _ = _load(folder.path)
    before = model.settings
    others = [f"{n}={getattr(before, n)}, not {value}" for n, value in given.items() if getattr(before, n) != value]
    if others:
        raise ValueError(f"the run in {shown_path(folder.path)} has other settings: {'; '.join(others)}")
    return model


def _load(directory: Any) -> tuple[MatrixFactorization, RunFolder | None]:
    """Return the model of a folder, or of a file that `save` has written, which has no folder."""
    path = Path(directory)
    if path.is_file():
        return MatrixFactorization.load(path), None
    if not path.is_dir():
        raise FileNotFoundError(f"{shown_path(path)} does not exist: name the --output folder of recommend train")
    if not (path / MODEL).is_file():
        raise FileNotFoundError(f"{shown_path(path)} has no {MODEL}: name the --output folder of recommend train")
    return MatrixFactorization.load(path / MODEL), RunFolder(path)


def _split(share: float | None, resume: bool) -> dict[str, float]:
    """Return what `fit` is told of the validation split: nothing for none, or for that of the run to resume."""
    if share is None:
        return {} if resume else {"validation": _VALIDATION}
    return {} if share == 0 else {"validation": share}


def _fit(
    model: MatrixFactorization,
    folder: RunFolder,
    pairs: Interactions | None,
    split: Mapping[str, float],
    **options: Any,
) -> None:
    report = FitReport()
    try:
        with stop_notice(say, "stopping: one moment; press Ctrl-C again to stop at once"):
            model.fit(
                pairs,
                **split,
                **options,
                checkpoint=folder.model,
                on_epoch=report.on_epoch,
                on_progress=report.on_progress,
                on_compile=lambda: say("compiling the training step: some 10 to 30 seconds, once per machine"),
            )
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}; {folder.saved()}") from None
    except (KeyboardInterrupt, SystemExit) as stop:
        report.close()
        if model.is_fitted:
            folder.save_curve(model)
        if isinstance(stop, KeyboardInterrupt):
            raise KeyboardInterrupt(f"interrupted; {folder.saved()}") from None
        say(f"sampledsoftmax: terminated; {folder.saved()}")
        raise
    finally:
        report.close()


def _held_out_scores(model: MatrixFactorization, k: int = 20) -> dict[str, RankingScores]:
    """Return the scores on the validation split; nothing if there is none."""
    held_out = model.validation
    if held_out is None:
        return {}
    return _scores(model, held_out, without(model.interactions, held_out), k)


def _scores(model: MatrixFactorization, test: Interactions, seen: Interactions, k: int) -> dict[str, RankingScores]:
    """Return the scores of the model, and those of a ranking by popularity."""
    counts = seen.item_counts[:, np.newaxis].astype(np.float64)
    popularity = evaluate_ranking(np.ones((seen.num_users, 1)), counts, seen, test, k)
    return {"model": model.evaluate(test, k=k), "popularity": popularity}


def _results(model: MatrixFactorization, scores: Mapping[str, RankingScores]) -> dict[str, Any]:
    last, pairs = model.history[-1], model.interactions
    return {
        "users": pairs.num_users,
        "items": pairs.num_items,
        "pairs": pairs.num_pairs,
        "epochs_done": last.epoch,
        "best_epoch": model.best_epoch,
        "loss": last.loss,
        "scores": {name: one._asdict() for name, one in scores.items()},
        "notes": list(pairs.notes),
        "version": sampledsoftmax.__version__,
    }


def _similar_lines(model: MatrixFactorization, titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the items most similar to the most popular ones."""
    pairs = model.interactions
    if pairs.num_items <= _SHOWN_NEAR:
        return
    for row in np.argsort(-pairs.item_counts, kind="stable")[:_SHOWN_ITEMS].tolist():
        item = pairs.item_ids[row]
        ids, cosines = model.similar_items(item, _SHOWN_NEAR)
        near = (f"{_title(one, titles)} {cosine:.2f}" for one, cosine in zip(ids.tolist(), cosines, strict=True))
        yield f"{_title(item, titles)}: {', '.join(near)}"


def _title(item: Any, titles: Mapping[str, str]) -> str:
    return visible(titles.get(str(item), "") or item)


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


@contextmanager
def _threads_of(threads: int | None) -> Iterator[None]:
    """Use a number of threads within the block."""
    before = get_num_threads()
    if threads is not None:
        set_num_threads(threads)
    try:
        yield
    finally:
        set_num_threads(before)
