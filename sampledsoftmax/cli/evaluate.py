"""`sampledsoftmax evaluate`: scores of vectors on question files, and of a model on text."""

import json
from typing import Any

import click

from sampledsoftmax.cli.vectors import checked_output, directory_argument, reading_options, which_option
from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.evaluation.analogies import AnalogyScores, Section, evaluate_analogies
from sampledsoftmax.word2vec.evaluation.questions import RESTRICT_VOCAB
from sampledsoftmax.word2vec.evaluation.similarities import SimilarityScores, evaluate_similarities
from sampledsoftmax.word2vec.evaluation.text_loss import TextLoss, evaluate_text
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.vector_file import Reading


@click.command()
@directory_argument
@click.option("--analogies", metavar="FILE", help="Questions a b c d under lines ': section' (questions-words.txt).")
@click.option("--similarities", metavar="FILE", multiple=True, help="Lines of two words and a score; may be repeated.")
@click.option("--text", metavar="FILE", help="Held-out text, for the exact loss.")
@which_option
@click.option("--restrict-vocab", default=RESTRICT_VOCAB, show_default=True, help="Use only the most frequent words.")
@click.option("--case-sensitive", is_flag=True, help="Look words up as they are written: Athens is not athens.")
@click.option("--window", type=int, help="Maximum distance of a pair of --text [default: that of the training].")
@click.option("--max-pairs", default=200_000, show_default=True, help="Use only the first pairs of --text.")
@click.option("--json", "json_file", metavar="FILE", help="Also write all scores to FILE.")
@reading_options
def evaluate(directory: str, json_file: str | None, reading: Reading, **asked: Any) -> None:
    """Score vectors on questions, and a model on text.

    DIR is the --output directory of a training run, or a file of vectors. Questions with a word that has no vector
    are ignored, not counted as wrong; each score comes with the number of questions it is based on.

    Analogies: share of correct answers. Similarities: Spearman's rank correlation with human judgments. Text: the
    exact softmax loss per pair, the mean reciprocal rank of its word, and how often it is among the k best; the loss
    is meaningful for a model trained with sampled softmax, since negative sampling learns no probabilities.
    """
    if not (asked["analogies"] or asked["similarities"] or asked["text"]):
        raise click.UsageError("nothing to evaluate: name a file with --analogies, --similarities or --text")
    file = None if json_file is None else checked_output("--json", json_file)
    model = load_trained(directory, reading)
    scores: dict[str, Any] = {}
    if asked["analogies"] or asked["similarities"]:
        vectors = model.vectors(asked["which"])
        rule = asked["restrict_vocab"], not asked["case_sensitive"]
        similar = {name: evaluate_similarities(vectors, name, *rule) for name in asked["similarities"]}
        if asked["analogies"]:
            answered = evaluate_analogies(vectors, asked["analogies"], *rule)
            scores["analogies"] = _plain_analogies(answered)
            _echo(_analogy_lines(answered))
        if similar:
            scores["similarities"] = {name: score._asdict() for name, score in similar.items()}
            _echo(_similarity_lines(similar))
    if asked["text"]:
        loss = evaluate_text(model, asked["text"], asked["window"], asked["max_pairs"])
        scores["text"] = {"file": asked["text"], "window": loss.window, **loss.scores._asdict()}
        _echo(_text_lines(asked["text"], loss))
    if file:
        with writing(file), new_file(file) as written:
            text = json.dumps(_without_nan(scores), indent=2, ensure_ascii=False, allow_nan=False)
            written.write(text.encode("utf-8", "backslashreplace").decode() + "\n")  # names may not be UTF-8


def _echo(lines: list[str]) -> None:
    click.echo("\n".join(lines) + "\n")


def _analogy_lines(scores: AnalogyScores) -> list[str]:
    shown = [*scores.sections, scores.total]
    width = max(len("analogies"), *(len(section.name) for section in shown))
    lines = [f"{'analogies':<{width}}  right    of  covered  accuracy"]
    for section in shown:
        covered = f"{section.covered / section.questions:.0%}" if section.questions else "-"
        counts = f"{section.correct:6d} {section.covered:5d} {covered:>8}"
        lines.append(f"{section.name:<{width}} {counts}  {_score(section.accuracy)}")
    return lines


def _similarity_lines(scores: dict[str, SimilarityScores]) -> list[str]:
    width = max(len("similarities"), *map(len, scores))
    lines = [f"{'similarities':<{width}}  pairs    of  Spearman   Pearson"]
    for file, score in scores.items():
        numbers = f"{_score(score.spearman)}  {_score(score.pearson)}"
        lines.append(f"{file:<{width}} {score.covered:6d} {score.pairs:5d}  {numbers}")
    return lines


def _text_lines(file: str, loss: TextLoss) -> list[str]:
    scores = loss.scores
    file = shown_path(file)
    lines = [
        f"text {file}: {scores.num_pairs:,} pairs within {loss.window} words, {loss.covered:.1%} of its words known",
        f"  loss (nats/pair)      {scores.loss:.4f}; word counts alone: {loss.unigram_loss:.4f}",
        f"  mean reciprocal rank  {scores.mrr:.4f}",
    ]
    return lines + [f"  recall@{k:<14} {share:.4f}" for k, share in scores.recall.items()]


def _score(value: float) -> str:
    return "       -" if value != value else f"{value:8.3f}"  # noqa: PLR0124 - NaN


def _plain_analogies(scores: AnalogyScores) -> dict[str, Any]:
    return {"sections": [_plain(section) for section in scores.sections], "total": _plain(scores.total)}


def _plain(section: Section) -> dict[str, Any]:
    return {**section._asdict(), "accuracy": section.accuracy}


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN
