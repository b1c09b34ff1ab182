"""What holds for any call: a documented result or a documented error in one line, and an error changes nothing."""

import builtins
import inspect
import re
import threading
import time
import warnings

import numpy as np
from numba.core.event import Listener, install_listener

import sampledsoftmax as ss
from sampledsoftmax.layers.pulled_rows import Pull
from sampledsoftmax.word2vec.training.progress import TrainingDivergedError
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError

MAX_SECONDS = 5.0  # of processor time of the thread that calls, which a busy machine hardly changes
MAX_MESSAGE = 1000
# Memory is allocated by NumPy, whose error says how much was asked for.
ALWAYS_ALLOWED = (MemoryError,)
BY_NAME = {
    **{name: value for name, value in vars(builtins).items() if inspect.isclass(value)},
    "UnknownWordError": UnknownWordError,
    "TrainingDivergedError": TrainingDivergedError,
}


class Undocumented(AssertionError):
    """A call broke a promise."""


def documented_errors(function):
    """Return the exception classes that the docstring of a function, or of a class, names under Raises."""
    docstring = inspect.getdoc(function) or ""
    section = re.search(r"^Raises\n-+\n(.*?)(?:\n\n[A-Z]|\Z)", docstring, re.DOTALL | re.MULTILINE)
    heads = [line for line in section[1].split("\n") if line and line[0] != " "] if section else []
    return tuple(BY_NAME[name.strip()] for head in heads for name in head.split(","))


def check_call(target):
    """Make a call and return its result, or the error that it documents; raise `Undocumented` otherwise."""
    before = fingerprint([target.owner, target.arguments])
    position = [(sampler, sampler.state) for sampler in samplers_of(target.owner)]
    allowed = (*documented_errors(target.function), *ALWAYS_ALLOWED)
    compiling, start = CompilingTime(), time.thread_time()
    try:
        with install_listener("numba:compile", compiling), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = target.function(**target.arguments)
    except Exception as error:
        result = error
    # Code for a kind of arrays is compiled once in a lifetime, and the time of that depends on the machine.
    seconds = time.thread_time() - start - compiling.seconds
    if seconds > MAX_SECONDS:
        raise Undocumented(f"the call took {seconds:.1f} s")
    if isinstance(result, Exception):
        check_error(result, allowed)
        if isinstance(result, FloatingPointError):
            take_back(target, position)
        if fingerprint([target.owner, target.arguments]) != before:
            raise Undocumented(f"the call failed and changed its arguments or its object: {result}")
    return result


def samplers_of(owner):
    """Return the sampler of a layer."""
    output = owner.output if isinstance(owner, ss.SkipGram) else owner
    return [output.sampler] if isinstance(output, ss.SampledSoftmax) else []


def take_back(target, position):
    """Put the sampler back: a batch whose loss is not finite takes its place in the random stream, as documented."""
    if "takes its place in the random stream" in (inspect.getdoc(target.function) or ""):
        for sampler, state in position:
            sampler.state = state


class CompilingTime(Listener):
    """Sums the processor time in which the thread that calls compiles, of nested compilations the outer one."""

    def __init__(self):
        self.seconds, self.depth, self.start, self.thread = 0.0, 0, 0.0, threading.get_ident()

    def on_start(self, event):
        if threading.get_ident() == self.thread:
            self.start = self.start if self.depth else time.thread_time()
            self.depth += 1

    def on_end(self, event):
        if threading.get_ident() == self.thread:
            self.depth -= 1
            self.seconds += 0.0 if self.depth else time.thread_time() - self.start


def check_error(error, allowed):
    message = str(error)
    if not isinstance(error, allowed):
        raise Undocumented(f"{type(error).__name__} is not documented: {message[:MAX_MESSAGE]}") from error
    if not message.strip():
        raise Undocumented(f"{type(error).__name__} has no message") from error
    if len(message) > MAX_MESSAGE or "\n" in message:
        raise Undocumented(f"the message is not one line: {message[:MAX_MESSAGE]!r}") from error


def fingerprint(value):
    """Return something that differs if any number of `value` differs: arrays, containers and objects of the package."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes() if value.dtype != object else repr(value.tolist())[:200])
    if isinstance(value, (int, float, str, bytes, bytearray, np.generic, np.dtype)):
        return type(value).__name__, repr(value)
    if isinstance(value, dict):
        return tuple((repr(key)[:80], fingerprint(entry)) for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(fingerprint, value))
    return fingerprint(state_of(value)) if isinstance(value, tuple(STATES)) else None


def state_of(value):
    """Return what calls change in an object of the package."""
    return next((state(value) for kind, state in STATES.items() if isinstance(value, kind)), [])


def of_table(table):
    return [np.asarray(table.values), dict(table.slots)]


def words_of(model):
    """Return the words of a `Word2Vec` with their counts, None before they are known."""
    try:
        return [repr(model.vocabulary.words), np.asarray(model.vocabulary.counts)]
    except ValueError:
        return None


def of_layer(layer):
    settings = [str(vars(layer.optimizer)), layer.num_sampled, type(layer.sampler).__name__, layer.sampler.state]
    return [*settings, *map(of_table, (layer.weight_table, layer.bias_table))]


STATES = {
    ss.CandidateSampler: lambda sampler: [sampler.state, sampler.expected_count],
    ss.StreamingFrequency: lambda frequency: [frequency.state],
    ss.SampledSoftmax: of_layer,
    ss.EmbeddingTable: lambda table: [table.values, str(vars(table.optimizer))],
    ss.PulledRows: vars,
    ss.RowGradients: vars,
    Pull: lambda pull: [pull.is_pushed],
    ss.SkipGram: lambda model: [state_of(model.output), of_table(model.embedding_table)],
    ss.Word2Vec: lambda model: [
        str(model.settings),
        [of_table(table) for table in model.tables] if model.is_trained else None,
        words_of(model),
    ],
    ss.WordVectors: lambda vectors: [list(vectors.words), vectors.vectors],
    ss.Optimizer: lambda optimizer: [str(vars(optimizer))],
}
