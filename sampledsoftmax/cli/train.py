"""`sampledsoftmax train`: from text to word vectors in a directory."""

import inspect
import platform
import time
from collections.abc import Iterable
from typing import Any

import click

import sampledsoftmax
from sampledsoftmax.cli.neighbors import neighbor_lines
from sampledsoftmax.cli.report import Report, say
from sampledsoftmax.word2vec.corpus.find_files import find_files
from sampledsoftmax.word2vec.corpus.python_source import PythonSource
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.model import Watch, Word2Vec
from sampledsoftmax.word2vec.training.output_directory import MODEL, OutputDirectory
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.settings import OBJECTIVES, OPTIMIZERS, SAMPLERS, WHICH

DEFAULTS = {
    name: parameter.default for name, parameter in inspect.signature(Word2Vec).parameters.items() if name != "threads"
}

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
    "batch_size": "Words of a batch, each with all its pairs.",
    "learning_rate": "Learning rate at the start.",
    "min_learning_rate": "Learning rate at the end; it falls in a straight line [default: half of the first].",
    "objective": "What is learnt.",
    "sampler": "Where candidates come from.",
    "ns_exponent": "Power of the counts for the unigram sampler [default: 1 with log Q, 0.75 without].",
    "optimizer": "How rows are updated.",
    "seed": "The same seed gives the same vectors, bit for bit.",
    "which": "Vectors to keep: in (embeddings), out (output weights), their mean, or both side by side.",
}
_CHOICES = {"objective": OBJECTIVES, "sampler": SAMPLERS, "optimizer": OPTIMIZERS, "which": WHICH}
_FLAGS = {
    "sg": ("--sg/--cbow", "Skip-gram, or CBOW: the mean of the words around predicts it [default: sg]."),
    "shrink_windows": ("--shrink-windows/--fixed-windows", "Draw each window from 1 to --window [default: shrink]."),
    "subtract_log_q": ("--log-q/--no-log-q", "Subtract log Q [default: not for negative sampling]."),
    "bias": ("--bias/--no-bias", "Learn output biases [default: with log Q]."),
}  # fmt: skip


def _options(command: Any) -> Any:
    for name, (flag, text) in reversed(_FLAGS.items()):
        command = click.option(flag, name, default=None, help=text)(command)
    for name, text in reversed(_HELP.items()):
        command = click.option(f"--{name.replace('_', '-')}", type=_type(name), help=text + _shown(name))(command)
    return command


def _type(name: str) -> Any:
    if name in _CHOICES:
        return click.Choice(_CHOICES[name])
    return float if DEFAULTS[name] is None else type(DEFAULTS[name])


def _shown(name: str) -> str:
    if DEFAULTS[name] is None:
        return ""
    standard = STANDARD_LIBRARY_DEFAULTS.get(name)
    return f" [default: {DEFAULTS[name]}" + ("]" if standard is None else f"; {standard} for the standard library]")


@click.command()
@click.argument("corpus", nargs=-1)
@click.option("--output", required=True, metavar="DIR", help="Where results go; made if it is not there.")
@click.option("--resume", is_flag=True, help="Go on with the run in DIR that was stopped.")
@click.option("--grow-vocab", is_flag=True, help="Train the model in DIR on more text; its words keep their rows.")
@click.option("--checkpoint-seconds", default=600.0, show_default=True, help="Time between two checkpoints.")
@click.option(
    "--threads", type=int, help="Threads, at most 4 of use; results do not depend on them [default: what is faster]."
)
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with bytes that are not UTF-8.",
)
@click.option("--tensorboard", is_flag=True, help="Write loss and learning rate for TensorBoard to DIR too.")
@_options
def train(
    corpus: tuple[str, ...],
    output: str,
    resume: bool,
    grow_vocab: bool,
    checkpoint_seconds: float,
    threads: int | None,
    errors: str,
    tensorboard: bool,
    **options: Any,
) -> None:
    """Train word vectors and write them to a directory.

    CORPUS is one or more text files, plain, .gz, .xz or .zst, directories of them, patterns in quotes, or - for
    standard input: a line is a sentence, tokens are separated by blanks. Without it: the names in the source of this
    Python's standard library.

    DIR gets model.zip (everything that training needs to go on; written every --checkpoint-seconds), vectors.txt
    (word2vec text format), settings.json, loss.csv, and loss.png where matplotlib is installed. Ctrl-C stops after a
    few hundredths of a second and keeps the run: go on with --resume.
    """
    start = time.perf_counter()
    given = {name: value for name, value in options.items() if value is not None}
    standard = {} if corpus else STANDARD_LIBRARY_DEFAULTS
    model = Word2Vec(**{**DEFAULTS, **standard, **given}, threads=threads)
    find_files(corpus)
    directory = OutputDirectory(output)
    if resume or grow_vocab:
        model = _old_model(directory, given, resume)
        model.threads = threads
    else:
        directory.refuse_a_run_that_is_not_finished()
    if tensorboard:
        directory.open_tensorboard()
    if resume and model.is_finished:  # it may have been killed between its last checkpoint and its vectors
        say(f"the run in {directory.path} is finished: nothing is left to train")
    else:
        run = {"resume": resume, "grow_vocab": grow_vocab, "errors": errors, "checkpoint_seconds": checkpoint_seconds}
        _run(model, list(corpus) if corpus else _standard_library(), directory, run, bool(corpus))
    directory.save(
        model.vectors, {"corpus": list(corpus), **model.settings.as_dict(), **_results(model)}, model.history
    )
    plot = "" if directory.save_plot(model.history) else "; no loss.png, since matplotlib is not installed"
    say(f"{len(model.vocabulary):,} vectors in {directory.path} after {time.perf_counter() - start:.1f} s{plot}")
    words = _well_known(model.vocabulary) if corpus else STANDARD_LIBRARY_WORDS
    vectors = model.vectors
    known = tuple(word for word in words if word in vectors)
    for line in neighbor_lines(vectors, known, topn=8) if known else []:
        click.echo(line)


def _old_model(directory: OutputDirectory, given: dict[str, Any], resume: bool) -> Word2Vec:
    """Return the model in the directory, stopped or finished; options that are given must be its own."""
    model = Word2Vec.load(directory.path / MODEL)
    before = model.settings.as_dict()
    others = [f"{name}={before[name]}, not {value}" for name, value in given.items() if before[name] != value]
    if others:
        raise ValueError(f"the run in {directory.path} has other settings: {'; '.join(others)}")
    if not resume and not model.is_finished:
        raise ValueError(f"the run in {directory.path} is not finished: go on with it by --resume first")
    return model


def _standard_library() -> PythonSource:
    source = PythonSource()
    say(
        f"standard library of Python {platform.python_version()}: {len(source.sentences)} files, "
        f"{sum(map(len, source)):,} names, {len(source.unreadable)} files unreadable"
    )
    return source


def _run(
    model: Word2Vec, source: Iterable[Any], directory: OutputDirectory, options: dict[str, Any], has_files: bool
) -> None:
    report = Report()
    watch = Watch(
        directory.watch(report.on_progress),
        report.on_epoch,
        report.on_read,
        lambda folder: say(f"the corpus was read before: {folder}"),
        lambda plan: say(f"memory: {plan}"),
    )
    try:
        model.train(
            source,
            watch=watch,
            cache=directory.path / ".corpus" if has_files else None,
            checkpoint=directory.path / MODEL,
            **options,
        )
    except TrainingDivergedError as error:
        raise FloatingPointError(f"{error}; {directory.kept()}") from None
    except KeyboardInterrupt:
        report.close()
        directory.save_loss(model.history if model.is_trained else [])
        raise KeyboardInterrupt(f"interrupted; {directory.kept()}") from None
    finally:
        report.close()
        directory.close()


def _results(model: Word2Vec) -> dict[str, Any]:
    last: Progress = model.history[-1]
    return {
        "epochs_done": last.epoch,
        "vocabulary_size": len(model.vocabulary),
        "words": int(model.vocabulary.counts.sum()),
        "pairs": last.pairs,
        "steps": last.step,
        "loss": last.loss,
        "version": sampledsoftmax.__version__,
        "python": platform.python_version(),
    }


def _well_known(vocabulary: Vocabulary, how_many: int = 4) -> tuple[str, ...]:
    """Return frequent words that are not the very commonest ones, which go with everything."""
    after = min(100, len(vocabulary) // 4)
    words = [word for word in vocabulary.words[after:] if len(word) > 3 and word.isalpha()]
    return tuple(words[:how_many]) or tuple(vocabulary.words[:how_many])
