"""`sampledsoftmax recommend train`: from ratings to a model, with the quality on pairs that were held out."""

import inspect
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

import sampledsoftmax
from sampledsoftmax.cli.recommend.progress import FitReport
from sampledsoftmax.cli.recommend.report import score_lines
from sampledsoftmax.cli.recommend.shared import (
    FEW,
    check_model,
    held_out_scores,
    load,
    read,
    reading_options,
    threads_of,
    threads_option,
    titles_option,
)
from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.standard_streams import stop_notice
from sampledsoftmax.cli.vectors import visible
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.reading import files_of
from sampledsoftmax.retrieval.run_folder import RunFolder
from sampledsoftmax.retrieval.settings import SAMPLERS
from sampledsoftmax.retrieval.titles import read_titles, titles_of
from sampledsoftmax.validation import shown

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


def _setting_options(command: Any) -> Any:
    for name, (flag, text) in reversed(_FLAGS.items()):
        command = click.option(flag, name, default=None, help=text)(command)
    for name, text in reversed(_HELP.items()):
        default = _DEFAULTS[name]
        shown = "" if default is None else f" [default: {default}]"
        kind: Any = click.Choice(SAMPLERS) if name == "sampler" else int if default is None else type(default)
        command = click.option(f"--{name.replace('_', '-')}", type=kind, help=text + shown)(command)
    return command


@click.command()
@click.argument("ratings", nargs=-1)
@click.option("--output", required=True, metavar="DIR", help="Output folder, created if it does not exist.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in DIR; RATINGS may be left out.")
@click.option(
    "--validation", type=float, help=f"Share of each user's items to hold out, 0 for none [default: {_VALIDATION}]."
)
@titles_option
@click.option("--checkpoint-seconds", default=600.0, show_default=True, help="Time between checkpoints.")
@threads_option
@reading_options
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
    files = files_of(list(ratings)) if ratings else []
    names = None if titles is None else read_titles(titles)
    if resume:
        check_model(output)  # before the folder is made
    folder = RunFolder(output)
    with folder.locked(), threads_of(threads):
        folder.check_files([*files, *([Path(titles)] if titles else [])])
        if resume:
            model = _existing(folder, given)
        else:
            folder.refuse_unfinished_run()
        pairs = read(ratings, reading) if ratings else None
        if names is not None:
            _check_titles(names, titles, (pairs or model.interactions).item_ids)
            folder.save_titles(names)
        if resume and pairs is not None:
            _check_pairs(pairs, model.interactions)
        if resume and model.is_finished:  # it may have been killed after its last checkpoint
            say(f"the run in {shown_path(folder.path)} is finished: there is nothing left to train")
        else:
            _fit(model, folder, pairs, _split(validation, resume), resume=resume, checkpoint_seconds=checkpoint_seconds)
        if len(model.history) < model.settings.epochs:
            say(_early_stop(model))
        scores = held_out_scores(model)
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


def _check_pairs(pairs: Interactions, before: Interactions) -> None:
    """Raise ValueError unless both are the same pairs."""
    same = pairs.user_ids == before.user_ids and pairs.item_ids == before.item_ids
    if not (same and np.array_equal(pairs.row_splits, before.row_splits) and np.array_equal(pairs.items, before.items)):
        raise ValueError("the data is not that of the run to resume; it is in the model, and may be left out")


def _check_titles(titles: Mapping[str, str], file: Any, item_ids: list[Any]) -> None:
    """Say how many items have titles; raise ValueError if none has."""
    known = sum(map(bool, titles_of(item_ids, titles)))
    if not known:
        raise ValueError(
            f"{shown_path(file)} has a title of none of the {len(item_ids):,} items: its ids are "
            f"{shown(list(titles)[:FEW])}, those of the items {shown(item_ids[:FEW])}"
        )
    if known < len(item_ids):
        say(f"{shown_path(file)}: {known:,} of {len(item_ids):,} items have a title")


def _existing(folder: RunFolder, given: Mapping[str, Any]) -> MatrixFactorization:
    """Return the model in the folder; given options must equal its settings."""
    model, _ = load(folder.path)
    before = model.settings
    others = [f"{n}={getattr(before, n)}, not {value}" for n, value in given.items() if getattr(before, n) != value]
    if others:
        raise ValueError(f"the run in {shown_path(folder.path)} has other settings: {'; '.join(others)}")
    return model


def _split(share: float | None, resume: bool) -> dict[str, Any]:
    """Return what `fit` is told of the validation split: nothing for none, or for that of the run to resume."""
    if share is None:
        return {} if resume else {"validation": _VALIDATION}
    return {} if share == 0 else {"validation": share}


def _fit(
    model: MatrixFactorization,
    folder: RunFolder,
    pairs: Interactions | None,
    split: dict[str, Any],
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


def _early_stop(model: MatrixFactorization) -> str:
    """Return why a run has fewer epochs than were asked for."""
    done, settings = len(model.history), model.settings
    since = "the last epoch" if settings.patience == 1 else f"the last {settings.patience} epochs"
    return (
        f"stopped after epoch {done} of {settings.epochs}: no higher recall in {since}; the factors are those of epoch "
        f"{model.best_epoch}"
    )


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
