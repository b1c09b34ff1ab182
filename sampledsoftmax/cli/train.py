"""`sampledsoftmax train`: from text to word vectors in a directory."""

import inspect
import platform
import time
from collections.abc import Iterable
from typing import Any

import click

import sampledsoftmax
from sampledsoftmax.cli.report import Report, say
from sampledsoftmax.cli.standard_streams import stop_notice
from sampledsoftmax.cli.vectors import neighbor_lines
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.corpus.corpus import TextFiles
from sampledsoftmax.word2vec.corpus.python_source import PythonSource
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training.output_directory import MODEL, OutputDirectory
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.settings import OBJECTIVES, OPTIMIZERS, SAMPLERS
from sampledsoftmax.word2vec.training.watch import Watch
from sampledsoftmax.word2vec.vectors.word_vectors import WHICH

# Measured on CPython 3.11, half a million names: neighbors of rarer names are noise, keywords are useful context, and
# both tables together vary less from seed to seed than one.
STANDARD_LIBRARY_DEFAULTS = {"min_count": 20, "sample": 0, "which": "both"}
STANDARD_LIBRARY_WORDS = ("append", "min", "int", "read", "acquire", "keys")

_HELP = {
    "vector_size": "Dimension of the vectors.",
    "window": "Maximum distance of the two words of a pair.",
    "min_count": "Drop words that occur less often.",
    "sample": "Subsample words of a higher frequency; 0 keeps all [default: 3e-4, CBOW 1e-4, standard library 0].",
    "epochs": "Passes over the corpus.",
    "num_sampled": "Sampled candidates per batch [default: 48, with CBOW 32, at most half of the words].",
    "batch_size": "Words per batch, each with all its pairs.",
    "learning_rate": "Initial learning rate [default: 0.2, less for sgd].",
    "min_learning_rate": "Final learning rate of the linear decay [default: half of the initial one].",
    "objective": "Training objective.",
    "sampler": "Distribution of the candidates.",
    "ns_exponent": "Exponent of the counts for the unigram sampler.",
    "optimizer": "Optimizer of the tables.",
    "seed": "The same seed gives the same vectors, bit for bit.",
    "shards": "Parts of the text trained side by side, 1 to 256: more let more threads work, and change the vectors.",
    "which": "Vectors to save: in (embeddings), out (output weights), their mean, or both concatenated.",
    "shrinkage": "Pull vectors toward their mean: of n occurrences, a word keeps n / (n + shrinkage) of its own.",
}
_CHOICES = {"objective": OBJECTIVES, "sampler": SAMPLERS, "optimizer": OPTIMIZERS, "which": WHICH}
_FLAGS = {
    "sg": ("--sg/--cbow", "Skip-gram, or CBOW: the mean of the context predicts the word [default: sg]."),
    "shrink_windows": ("--shrink-windows/--fixed-windows", "Draw window sizes from 1 to --window [default: shrink]."),
    "subtract_log_q": ("--log-q/--no-log-q", "Subtract log Q [default: except for negative sampling]."),
    "bias": ("--bias/--no-bias", "Learn output biases [default: with log Q]."),
}  # fmt: skip
DEFAULTS = {name: inspect.signature(Word2Vec).parameters[name].default for name in (*_HELP, *_FLAGS)}


def _options(command: Any) -> Any:
    for name, (flag, text) in reversed(_FLAGS.items()):
        command = click.option(flag, name, default=None, help=text)(command)
    for name, text in reversed(_HELP.items()):
        command = click.option(f"--{name.replace('_', '-')}", type=_type(name), help=text + _shown(name))(command)
    return command


def _type(name: str) -> Any:
    if name in _CHOICES:
        return click.Choice(_CHOICES[name])
    if DEFAULTS[name] is None:
        return int if name == "num_sampled" else float
    return type(DEFAULTS[name])


def _shown(name: str) -> str:
    if DEFAULTS[name] is None:
        return ""
    standard = STANDARD_LIBRARY_DEFAULTS.get(name)
    return f" [default: {DEFAULTS[name]}" + ("]" if standard is None else f"; {standard} for the standard library]")


@click.command()
@click.argument("corpus", nargs=-1)
@click.option("--output", required=True, metavar="DIR", help="Output directory, created if it does not exist.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in DIR.")
@click.option("--grow-vocab", is_flag=True, help="Train the model in DIR on more text; its words keep their rows.")
@click.option("--checkpoint-seconds", default=600.0, show_default=True, help="Time between checkpoints.")
@click.option("--threads", type=int, help="Threads; results do not depend on them [default: the fastest number].")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="How to handle bytes that are not of the encoding.",
)
@click.option(
    "--encoding", default="utf-8", show_default=True, help="Encoding of CORPUS: utf-8, cp1252, gbk, utf-16 or another."
)
@click.option("--tensorboard", is_flag=True, help="Also write loss and learning rate to DIR for TensorBoard.")
@_options
def train(
    corpus: tuple[str, ...],
    output: str,
    resume: bool,
    grow_vocab: bool,
    checkpoint_seconds: float,
    threads: int | None,
    errors: str,
    encoding: str,
    tensorboard: bool,
    **options: Any,
) -> None:
    """Train word vectors and write them to a directory.

    CORPUS is one or more text files, plain or compressed (gzip, bzip2, xz, Zstandard), directories of them, patterns in
    quotes, or - for standard input: a line is a sentence, tokens are separated by white space. Without CORPUS: the
    names in the source of this Python's standard library.

    The files in DIR are model.zip (the checkpoint, written every --checkpoint-seconds), vectors.txt (word2vec text
    format), settings.json, loss.csv, loss.png if matplotlib is installed, and lock, which says that a run is using DIR.
    Ctrl-C stops the run within a few hundredths of a second and saves it: continue with --resume.
    """
    start = time.perf_counter()
    given = {name: value for name, value in options.items() if value is not None}
    standard = {} if corpus else STANDARD_LIBRARY_DEFAULTS
    model = Word2Vec(**{**DEFAULTS, **standard, **given}, threads=threads)
    reading = {"encoding": encoding, "exclude": [output]}  # the output may be in a folder of the corpus
    files = TextFiles(corpus, errors, **reading) if corpus else None  # type: ignore[arg-type]
    directory = OutputDirectory(output)
    with directory.locked():
        directory.check_files(files.files if files else ())
        if resume or grow_vocab:
            model = _existing_model(directory, given, resume)
            model.threads = threads
        else:
            directory.refuse_unfinished_run()
        if tensorboard:
            directory.open_tensorboard()
        if resume and model.is_finished:  # it may have been killed after its last checkpoint
            say(f"the run in {shown_path(directory.path)} is finished: there is nothing left to train")
        else:
            run = {"resume": resume, "grow_vocab": grow_vocab, "checkpoint_seconds": checkpoint_seconds}
            _run(model, files or _standard_library(), directory, run)
        directory.save(
            model.vectors, {"corpus": list(corpus), **model.settings.as_dict(), **_results(model)}, model.history
        )
        plot = "" if directory.save_plot(model.history) else "; no loss.png, since matplotlib is not installed"
    seconds = time.perf_counter() - start
    say(f"{len(model.vocabulary):,} vectors in {shown_path(directory.path)} after {seconds:.1f} s{plot}")
    words = _well_known(model.vocabulary) if corpus else STANDARD_LIBRARY_WORDS
    vectors = model.vectors
    known = tuple(word for word in words if word in vectors)
    for line in neighbor_lines(vectors, known, topn=8) if known else []:
        click.echo(line)


def _existing_model(directory: OutputDirectory, given: dict[str, Any], resume: bool) -> Word2Vec:
    """Return the model in the directory, interrupted or finished; given options must equal its settings."""
    model: Word2Vec = Word2Vec.load(directory.path / MODEL)
    before = model.settings.as_dict()
    others = [f"{name}={before[name]}, not {value}" for name, value in given.items() if before[name] != value]
    if others:
        raise ValueError(f"the run in {shown_path(directory.path)} has other settings: {'; '.join(others)}")
    if not resume and not model.is_finished:
        raise ValueError(f"the run in {shown_path(directory.path)} is not finished: continue it with --resume first")
    return model


def _standard_library() -> PythonSource:
    source = PythonSource()
    say(
        f"standard library of Python {platform.python_version()}: {len(source.sentences)} files, "
        f"{sum(map(len, source)):,} names, {len(source.unreadable)} files unreadable"
    )
    return source


def _run(model: Word2Vec, source: Iterable[Any], directory: OutputDirectory, options: dict[str, Any]) -> None:
    report = Report()
    watch = Watch(
        directory.watch(report.on_progress),
        report.on_epoch,
        report.on_read,
        lambda folder: say(f"corpus read from the cache: {shown_path(folder)}"),
        lambda plan: say(f"memory: {plan}"),
        lambda left_out, words: say(f"{left_out:,} of {words:,} words are not in the vocabulary and are left out"),
        lambda: say("compiling the training step: some 10 to 30 seconds, once per machine"),
    )
    try:
        with stop_notice(say, "stopping: one moment; press Ctrl-C again to stop at once"):
            model.train(
                source,
                watch=watch,
                cache=directory.path / ".corpus" if isinstance(source, TextFiles) else None,
                checkpoint=directory.path / MODEL,
                **options,
            )
    except TrainingDivergedError as error:
        raise FloatingPointError(f"{error}; {directory.saved()}") from None
    except KeyboardInterrupt:
        _save_what_is_there(model, directory, report)
        raise KeyboardInterrupt(f"interrupted; {directory.saved()}") from None
    except SystemExit:  # SIGTERM or SIGHUP, after a checkpoint
        _save_what_is_there(model, directory, report)
        say(f"sampledsoftmax: terminated; {directory.saved()}")
        raise
    finally:
        report.close()
        directory.close()


def _save_what_is_there(model: Word2Vec, directory: OutputDirectory, report: Report) -> None:
    report.close()
    directory.save_loss(model.history if model.is_trained else [])


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


def _well_known(vocabulary: Vocabulary, num_words: int = 4) -> tuple[str, ...]:
    """Return frequent words, except the most frequent ones, whose neighbors say little."""
    after = min(100, len(vocabulary) // 4)
    words = [word for word in vocabulary.words[after:] if len(word) > 3 and word.isalpha()]
    return tuple(words[:num_words]) or tuple(vocabulary.words[:num_words])
