"""Ctrl-C, SIGTERM and SIGHUP end a run with a checkpoint; what is ignored stays ignored."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from sampledsoftmax.runtime.patient_call import patient_call
from sampledsoftmax.runtime.stop_signals import StopSignals
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import trainer
from sampledsoftmax.word2vec.training.trainer import Trainer
from tests.word2vec.test_word2vec import BLOCK, SMALL, bits, trained, two_worlds

pytestmark = [pytest.mark.compiled, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]

STOPS = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)]


@pytest.fixture(autouse=True)
def many_blocks(monkeypatch):
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)


@pytest.fixture(autouse=True)
def handlers():
    """Start with the handlers of a new process."""
    before = {number: signal.getsignal(number) for number, _ in STOPS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send_at(block, number, times=1):
    """Return a callback that sends a signal to this process at a block."""
    blocks = iter(range(1, 10_000))

    def on_progress(_):
        if next(blocks) == block:
            for _ in range(times):
                os.kill(os.getpid(), number)

    return on_progress


@pytest.mark.parametrize(("number", "error"), STOPS)
def test_a_signal_ends_the_run_after_the_block_with_a_checkpoint(number, error, tmp_path):
    path, model = tmp_path / "model.zip", Word2Vec(**SMALL)
    before = signal.getsignal(number)
    with pytest.raises(error) as raised:
        model.train(two_worlds(), send_at(3, number), checkpoint=path)
    if error is SystemExit:
        assert raised.value.code == 128 + number
    assert signal.getsignal(number) == before
    assert len(model.history) == 3
    loaded = Word2Vec.load(path)
    assert bits(loaded) == bits(model)
    for other in (model, loaded):
        other.train(two_worlds(), resume=True)
        assert bits(other) == bits(trained())


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None], ids=["ignored", "own handler"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_ignored_or_handled_by_the_program_is_left_alone(number, handler):
    signal.signal(number, handler)
    model = Word2Vec(**SMALL)
    model.train(two_worlds(), send_at(2, number))
    assert model.is_finished
    assert signal.getsignal(number) == handler


def test_ctrl_c_that_is_ignored_as_in_a_background_job():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    model = Word2Vec(**SMALL)
    model.train(two_worlds(), send_at(2, signal.SIGINT))
    assert model.is_finished


@pytest.mark.parametrize(("number", "error"), STOPS)
def test_while_the_corpus_is_read_a_signal_acts_at_once(number, error, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Corpus:
        def __iter__(self):
            yield from two_worlds()
            os.kill(os.getpid(), number)
            time.sleep(60)

    for model in (Word2Vec(**SMALL), trained()):
        before = bits(model) if model.is_trained else None
        for call in (model.train, lambda corpus, model=model: model.train(corpus, grow_vocab=model.is_trained)):
            with pytest.raises(error):
                call(Corpus())
        assert model.is_trained == (before is not None)
        assert before is None or bits(model) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "error"), STOPS)
def test_a_second_signal_acts_at_once_and_the_checkpoint_is_intact(number, error, tmp_path, monkeypatch):
    path, model, train_block = tmp_path / "model.zip", Word2Vec(**SMALL), Trainer.train_block

    def stopped_twice(self, epoch, block, rate):
        result = train_block(self, epoch, block, rate)
        if (epoch, block) == (1, 1):
            send_at(1, number, times=2)(None)
        return result

    monkeypatch.setattr(Trainer, "train_block", stopped_twice)
    with pytest.raises(error):
        model.train(two_worlds(), checkpoint=path, checkpoint_seconds=0)
    monkeypatch.undo()
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)
    with pytest.raises(ValueError, match="this run was stopped within a block: load its last checkpoint, or go"):
        model.train(two_worlds(), resume=True)
    loaded = Word2Vec.load(path)
    loaded.train(two_worlds(), resume=True)
    assert bits(loaded) == bits(trained())


def test_a_run_on_another_thread_changes_no_handler():
    before, seen = [signal.getsignal(number) for number, _ in STOPS], []
    model = Word2Vec(**SMALL)

    def watch(_):
        seen.append([signal.getsignal(number) for number, _ in STOPS])

    thread = threading.Thread(target=model.train, args=(two_worlds(), watch))
    thread.start()
    thread.join(600)
    assert model.is_finished
    assert all(handlers == before for handlers in seen)


def test_a_slow_call_is_reported_and_can_be_interrupted():
    slow, reported = [], threading.Event()

    def report():
        slow.append(1)
        reported.set()

    assert patient_call(lambda: reported.wait(60) and 5, report, patience=0.05) == 5
    assert slow == [1]
    assert patient_call(lambda: 5, lambda: slow.append(2), patience=60) == 5
    with pytest.raises(ZeroDivisionError):
        patient_call(lambda: 1 / 0, lambda: slow.append(2), patience=60)
    end = threading.Event()
    with StopSignals(), pytest.raises(SystemExit):
        patient_call(lambda: end.wait(60), lambda: os.kill(os.getpid(), signal.SIGTERM), patience=0.05)
    end.set()
    assert slow == [1]


CALLED_BY_LLVM = """
import os, signal
def notify():
    os.kill(os.getpid(), number)
    sum(range(100))
"""


@pytest.mark.parametrize(("number", "error"), STOPS)
def test_a_signal_while_llvm_calls_python_is_not_lost(number, error):
    """`ctypes` prints an exception that is raised in such a call, and goes on."""
    module = {"__name__": "llvmlite.binding", "number": number}
    exec(CALLED_BY_LLVM, module)
    with StopSignals():
        ctypes.CFUNCTYPE(None)(module["notify"])()
        with pytest.raises(error):
            time.sleep(600)


COMPILING = """
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training.watch import Watch
model = Word2Vec(vector_size=4, min_count=1)
model.train([["a", "b"]] * 9, watch=Watch(on_compile=lambda: print("compiling", flush=True)))
print("trained", flush=True)
"""


def test_compiling_is_announced_and_a_signal_ends_it_at_once(tmp_path):
    """A new folder for compiled code: the first step takes many seconds."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", COMPILING], env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "compiling\n"
        run.send_signal(signal.SIGTERM)
        assert run.communicate(timeout=60)[0] == ""
    assert run.returncode == 128 + signal.SIGTERM


def test_the_command_ends_with_the_status_of_the_signal(tmp_path):
    corpus, output = tmp_path / "corpus.txt", tmp_path / "run"
    corpus.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds(20_000)))
    command = [sys.executable, "-m", "sampledsoftmax", "train", str(corpus), "--output", str(output)]
    command += ["--min-count", "1", "--epochs", "2000", "--checkpoint-seconds", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        while not (output / "model.zip").exists():
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        lines = run.communicate(timeout=60)[1]
    assert run.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in lines
    model = Word2Vec.load(output / "model.zip")
    assert len(model.history) > 0
    assert not model.is_finished
