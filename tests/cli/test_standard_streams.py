"""Commands whose standard streams are closed, full, or read by a program that has left; and signals."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.cli.report import Report, say
from sampledsoftmax.cli.standard_streams import stop_notice, usable_streams
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training.progress import Progress

fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell and /dev/full")

TRAIN = "train {corpus} --output run --min-count 1 --num-sampled 2 --sample 0 --epochs 1 --vector-size 4"
COMMANDS = {
    "neighbors": "neighbors v.txt a",
    "analogy": "analogy v.txt a b c",
    "explain": "explain",
    "sample": "sample",
    "export": "export v.txt --format word2vec --output out.txt",
    "version": "--version",
    "help": "--help",
}
MADE = {"loss.csv", "model.zip", "settings.json", "vectors.txt"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\na 1 2\nb 3 4\nc 2 1\n")
    (tmp_path / "c.txt").write_text("a b c d\n" * 40)
    return tmp_path


def shell(folder, command, redirections, **options):
    line = f"{sys.executable} -m sampledsoftmax {command} {redirections}"
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=600, check=False, **options
    )


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- <&-", ">&- 2>&-", ">&- <&- 2>&-"])
@pytest.mark.parametrize("command", ["neighbors", "export"])
def test_commands_work_with_closed_streams(folder, command, closed):
    done = shell(folder, COMMANDS[command], closed)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    if command == "export":
        assert (folder / "out.txt").read_text().startswith("3 2\na 1.0 2.0\n")
    elif ">&-" not in closed.split():
        assert done.stdout.startswith("a: ")
    if "2>&-" not in closed and command == "neighbors":
        assert done.stderr == ""


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"export"}))
def test_output_that_is_full_is_one_line(folder, command):
    done = shell(folder, COMMANDS[command], "> /dev/full")
    assert done.returncode == 1
    assert done.stderr == "sampledsoftmax: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_a_message_that_cannot_be_printed_keeps_the_exit_code(folder, stream):
    done = shell(folder, "neighbors v.txt nobody", stream)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("command", ["sample", "help", "neighbors"])
def test_a_reader_that_leaves_is_no_error(folder, command):
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "sampledsoftmax", *COMMANDS[command].split()]
    with os.fdopen(writer) as output:
        done = subprocess.run(line, cwd=folder, stdout=output, stderr=subprocess.PIPE, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.compiled
@pytest.mark.parametrize(("redirections", "code"), [("2>&-", 0), (">&- 2>&- <&-", 0), ("> /dev/full", 1)])
def test_a_run_is_saved_whatever_its_streams_are(folder, redirections, code):
    done = shell(folder, TRAIN.format(corpus="c.txt"), redirections)
    assert (done.returncode, "Traceback" in done.stderr + done.stdout) == (code, False)
    assert {path.name for path in (folder / "run").iterdir()} >= MADE
    if redirections == "2>&-":
        assert done.stdout.startswith("a: ")


@pytest.mark.compiled
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe is set")
def test_a_run_is_saved_though_the_reader_of_its_lines_leaves_after_the_first(folder):
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    filler = size - 256  # room for the first line, but not for all: the run waits for the reader, which leaves
    os.write(writer, bytes(filler))
    line = [sys.executable, "-m", "sampledsoftmax", *TRAIN.format(corpus="c.txt").split()]
    with subprocess.Popen(line, cwd=folder, stdout=writer, stderr=writer) as run:
        os.close(writer)
        while waiting_in(reader) == filler:
            time.sleep(0.01)
        os.close(reader)
    assert run.returncode == 141
    assert {path.name for path in (folder / "run").iterdir()} >= MADE


def waiting_in(pipe):
    """Return how many bytes have been written into a pipe and not been read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_training_from_standard_input_that_is_closed(folder):
    done = shell(folder, TRAIN.format(corpus="-"), "<&-")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sampledsoftmax: standard input is closed: name a file instead of -\n"


def test_words_that_the_output_cannot_hold_are_escaped(folder):
    (folder / "v.txt").write_text("2 1\n早 1\nb 2\n", encoding="utf-8")
    done = shell(folder, "neighbors v.txt b", "", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stdout) == (0, "b: \\u65e9 1.00\n")


def test_streams_are_as_before_after_a_command(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", None)
    with usable_streams():
        print("ü")
        print("nowhere", file=sys.stderr)
    assert (sys.stdout, sys.stderr, stream.errors) == (stream, None, "strict")
    stream.flush()
    assert stream.buffer.getvalue() == b"\\xfc\n"


def test_a_terminal_that_goes_away_does_not_end_the_run(monkeypatch):
    class Gone(io.StringIO):
        def isatty(self):
            return True

        def write(self, _):
            writes.append(1)
            raise OSError(5, "Input/output error")

    writes = []
    monkeypatch.setattr(sys, "stderr", Gone())
    report = Report()
    for words in (10, 20, 100):
        report.on_read(words, 100)
        report.on_progress(Progress(1, 1, 1, 1, words, 100, 2.0))
    report.on_epoch(Progress(1, 1, 1, 1, 100, 100, 2.0))
    report.close()
    say("and this")
    assert writes


def test_the_notice_of_a_signal_comes_at_once_and_only_then():
    said, pressed = [], []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: pressed.append(True))  # as a run does, which stops later
    try:
        with stop_notice(said.append, "stopping"):
            assert said == []
            os.kill(os.getpid(), signal.SIGINT)
            end = time.monotonic() + 60
            while not said and time.monotonic() < end:
                time.sleep(0.01)
            assert (said, pressed) == (["stopping"], [True])
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said == ["stopping"]


def test_no_notice_outside_the_main_thread():
    done = []

    def work():
        with stop_notice(done.append, "stopping"):
            done.append("worked")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert done == ["worked"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_terminated_says_where_it_goes_on(folder, monkeypatch, capsys, number):
    def terminated(*_, **__):
        raise SystemExit(128 + number)

    monkeypatch.setattr(Word2Vec, "train", terminated)
    output = folder / "run"
    args = ["train", str(folder / "c.txt"), "--output", str(output), "--min-count", "1"]
    assert main(args) == 128 + number
    assert capsys.readouterr().err == "sampledsoftmax: terminated; nothing was saved\n"
    (output / "model.zip").write_bytes(b"a checkpoint")
    monkeypatch.setattr(
        "sampledsoftmax.word2vec.training.output_directory.OutputDirectory.refuse_unfinished_run", print
    )
    assert main(args) == 128 + number
    kept = f"{output / 'model.zip'} has the run up to its last checkpoint: continue with --resume"
    assert capsys.readouterr().err == f"sampledsoftmax: terminated; {kept}\n"
