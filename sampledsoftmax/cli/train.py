"""`sampledsoftmax train`: from text to word vectors in a directory."""

import inspect
import platform
import time
from typing import Any

import click

import sampledsoftmax
from sampledsoftmax.cli.neighbors import neighbor_lines
from sampledsoftmax.cli.report import Report, say
from sampledsoftmax.words.corpus import TextFiles
from sampledsoftmax.words.output_directory import OutputDirectory
from sampledsoftmax.words.progress import Progress, TrainingDivergedError
from sampledsoftmax.words.python_source import PythonSource
from sampledsoftmax.words.vocabulary import Vocabulary
from sampledsoftmax.words.word2vec import Word2Vec

DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(Word2Vec).parameters.items()}

# Measured on CPython 3.11, half a million names: rarer names are too noisy to be anybody's neighbors,
# keywords are context worth keeping, and both tables together are steadier from seed to seed than one.
STANDARD_LIBRARY_DEFAULTS = {"min_count": 20, "sample": 0, "which": "both"}
STANDARD_LIBRARY_WORDS = ("append", "min", "int", "read", "acquire", "keys")

_HELP = {
    "vector_size": "Width of a vector.",
    "window": "Farthest distance of two words that make a pair.",
    "min_count": "Leave out words that occur less often.",
    "sample": "Thin out words of a higher frequency than this; 0 keeps all.",
    "epochs": "Passes over the corpus.",
    "num_sampled": "Candidates of a batch that the true word is told from.",
    "batch_size": "Pairs of a step, at most.",
    "learning_rate": "Adagrad's learning rate.",
    "seed": "The same seed gives the same vectors, bit for bit.",
    "which": "Vectors to keep: in (embeddings) or both (beside them the output weights).",
}


def _options(command: Any) -> Any:
    for name, text in reversed(_HELP.items()):
        shown = str(DEFAULTS[name])
        if name in STANDARD_LIBRARY_DEFAULTS:
            shown += f"; {STANDARD_LIBRARY_DEFAULTS[name]} for the standard library"
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, type=type(DEFAULTS[name]), help=f"{text} [default: {shown}]")(command)
    return command


@click.command()
@click.argument("corpus", nargs=-1)
@click.option("--output", required=True, metavar="DIR", help="Where results go; made if it is not there.")
@_options
def train(corpus: tuple[str, ...], output: str, **options: Any) -> None:
    """Train word vectors and write them to a directory.

    CORPUS is one or more text files, plain, .gz or .xz: a line is a sentence, tokens are separated by
    blanks. Without it: the names in the source of this Python's standard library.

    DIR gets vectors.txt (word2vec text format), settings.json, loss.csv, and loss.png where matplotlib is
    installed; vectors are written after each epoch.
    """
    standard = {} if corpus else STANDARD_LIBRARY_DEFAULTS
    given = {name: value for name, value in options.items() if value is not None}
    settings = {**DEFAULTS, **standard, **given}
    model = Word2Vec(**settings)
    sentences = TextFiles(corpus) if corpus else None
    directory = OutputDirectory(output)
    _run(model, sentences or _standard_library(), directory, {"corpus": list(corpus), **settings})
    words = _well_known(model.vocabulary) if corpus else STANDARD_LIBRARY_WORDS
    known = tuple(word for word in words if word in model.vectors)
    for line in neighbor_lines(model.vectors, known, topn=8) if known else []:
        click.echo(line)


def _standard_library() -> PythonSource:
    source = PythonSource()
    say(
        f"standard library of Python {platform.python_version()}: {len(source.sentences)} files, "
        f"{sum(map(len, source)):,} names, {len(source.unreadable)} files unreadable"
    )
    return source


def _run(
    model: Word2Vec, sentences: TextFiles | PythonSource, directory: OutputDirectory, settings: dict[str, Any]
) -> None:
    report, start, last = Report(), time.perf_counter(), 0

    def on_progress(progress: Progress) -> None:
        directory.add_progress(progress)
        report.on_progress(progress)

    def on_epoch(progress: Progress) -> None:
        nonlocal last
        directory.save(model.vectors, {**settings, **_results(model, progress)})
        last = progress.epoch
        report.on_epoch(progress)

    def kept() -> str:
        return f"{directory.path} keeps the vectors of epoch {last}" if last else "no epoch was complete"

    try:
        model.train(sentences, on_progress, on_epoch)
    except TrainingDivergedError as error:
        raise FloatingPointError(f"{error}; {kept()}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {kept()}") from None
    finally:
        report.close()
    plot = "" if directory.save_plot() else "; no loss.png, since matplotlib is not installed"
    say(f"{len(model.vocabulary):,} vectors in {directory.path} after {time.perf_counter() - start:.1f} s{plot}")


def _results(model: Word2Vec, progress: Progress) -> dict[str, Any]:
    return {
        "epochs_done": progress.epoch,
        "vocabulary_size": len(model.vocabulary),
        "words": int(model.vocabulary.counts.sum()),
        "pairs": progress.pairs,
        "steps": progress.step,
        "loss": progress.loss,
        "version": sampledsoftmax.__version__,
        "python": platform.python_version(),
    }


def _well_known(vocabulary: Vocabulary, how_many: int = 4) -> tuple[str, ...]:
    """Return frequent words that are not the very commonest ones, which go with everything."""
    after = min(100, len(vocabulary) // 4)
    words = [word for word in vocabulary.words[after:] if len(word) > 3 and word.isalpha()]
    return tuple(words[:how_many]) or tuple(vocabulary.words[:how_many])
