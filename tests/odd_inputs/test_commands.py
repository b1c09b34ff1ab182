"""Any command line, and any damaged input file, gives exit code 0, or another one and one line on stderr."""

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import os
import re
import shutil
import socket
import tarfile
import threading
import time
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numba.core.event import install_listener

import sampledsoftmax as ss
from sampledsoftmax.cli import main
from sampledsoftmax.word2vec.vectors import formats
from tests.odd_inputs.calls import MAX_MESSAGE, MAX_SECONDS, CompilingTime
from tests.odd_inputs.retrieval_targets import write_retrieval_files
from tests.odd_inputs.targets import write_files
from tests.odd_inputs.values import STRINGS
from tests.odd_inputs.word_targets import SETTINGS, vectors

pytest.importorskip("click", reason="the extra cli is not installed")

TRAIN = "--min-count 1 --vector-size 4 --num-sampled 2 --sample 0"
READING = "--limit 2 --on-duplicate first --encoding utf-8 --errors replace"
FACTORS = "--dim 4 --num-sampled 2 --epochs 1 --validation 0.5"
SCORES = "--analogies analogies.txt --similarities pairs.txt --restrict-vocab 3 --case-sensitive"
COMMANDS = {
    "train": (f"train corpus.txt --output run {TRAIN} --epochs 1", 40),
    "train, all options": (
        f"train corpus.txt more.txt --output run {TRAIN} --epochs 1 --encoding utf-8 --errors ignore --threads 1 "
        "--checkpoint-seconds 0 --seed 3 --which both --sg --fixed-windows --log-q --bias --optimizer rowwise_adagrad "
        "--objective sampled_softmax --sampler unigram --learning-rate 0.01 --batch-size 8 --window 2",
        60,
    ),
    "train --resume": (f"train corpus.txt --output half {TRAIN} --epochs 2 --resume", 40),
    "train --resume, finished": (f"train corpus.txt --output model {TRAIN} --epochs 1 --resume", 20),
    "train --grow-vocab": (f"train more.txt --output model {TRAIN} --epochs 1 --grow-vocab", 40),
    "train -": (f"train - --output run {TRAIN} --epochs 1", 20),
    "neighbors": ("neighbors good.txt cat the --topn 2", 400),
    "neighbors of a model": ("neighbors model cat --which both", 200),
    "neighbors, binary": ("neighbors good.bin cat", 200),
    "neighbors, options": (f"neighbors good.txt the cat {READING}", 200),
    "neighbors, GloVe": (f"neighbors glove.txt the --no-header {READING}", 200),
    "neighbors, zip": ("neighbors good_vectors.zip the", 100),
    "neighbors, numpy": ("neighbors good.npz the", 100),
    "neighbors, safetensors": ("neighbors good.safetensors the", 100),
    "analogy": ("analogy good.txt the cat sat --topn 1", 200),
    "analogy of a model": ("analogy model the cat sat --which out", 100),
    "evaluate": ("evaluate good.txt --analogies analogies.txt --similarities pairs.txt", 200),
    "evaluate, options": (f"evaluate good.txt {SCORES} --json scores.json {READING}", 200),
    "evaluate --text": ("evaluate model --text corpus.txt --window 2 --max-pairs 50 --json scores.json", 200),
    "export": ("export good.txt --format word2vec --output out.txt", 200),
    "export, binary": ("export model --format word2vec-binary --output out.bin", 100),
    "export, zip": ("export model --format sampledsoftmax --output out.zip --which mean", 50),
    "export, numpy": ("export good.txt --format numpy --output out.npz", 50),
    "export, safetensors": ("export good.txt --format safetensors --output out.safetensors", 50),
    "export, projector": ("export good.txt --format projector --output vectors.tsv", 50),
    "plot": ("plot model --method pca --words 3 --output maps", 4),
    "plot --word": ("plot good.txt --word the --word cat --neighbors 2 --method pca --output maps", 4),
    "recommend train": (f"recommend train ratings.csv --output run {FACTORS}", 40),
    "recommend train, all options": (
        f"recommend train ratings.csv lists.txt --output run {FACTORS} --titles titles.csv --encoding utf-8 --seed 3 "
        "--threads 1 --errors ignore --checkpoint-seconds 0 --batch-size 2 --temperature 0.2 --sampler popularity "
        "--patience 1 --popularity-exponent 0.5 --cosine --log-q",
        60,
    ),
    "recommend train, one layout": (
        f"recommend train ratings.csv --output run {FACTORS} --format csv --header --min-rating 1 --dot --no-log-q",
        40,
    ),
    "recommend train --resume": ("recommend train ratings.csv --output factors --resume", 20),
    "recommend evaluate": ("recommend evaluate factors --k 2 --json scores.json --threads 1", 60),
    "recommend evaluate, test pairs": ("recommend evaluate factors lists.txt --format lists --errors replace", 60),
    "recommend top": ("recommend top factors 1 2 --k 2", 100),
    "recommend top, options": ("recommend top factors 1 --include-seen --titles titles.csv --json top.json", 60),
    "sample": ("sample --num-sampled 5 --range-max 20", 60),
    "sample --counts": ("sample --counts counts.txt --num-sampled 3", 60),
    "check": ("check", 20),
    "check sampler": ("check sampler own.py:draw --probability own.py:share --num-classes 5 --num-draws 500", 40),
    "check candidates": (
        "check candidates own.py:sample --num-classes 5 --num-sampled 2 --num-calls 20 --with-replacement",
        40,
    ),
    "check loss": ("check loss own.py:loss --temperature 0.5 --no-large-ids --num-samples 10", 40),
    "explain": ("explain --html page.html", 5),
    "explain --in-batch": ("explain --in-batch --keep-hits --no-log-q --html page.html", 5),
    "explain --model": (
        "explain --model model --word the --word cat --num-sampled 2 --seed 2 --keep-hits --no-log-q",
        20,
    ),
}
OWN_CODE = """
import numpy as np
from sampledsoftmax import reference

rng = np.random.default_rng(1)


def draw(size):
    return rng.integers(0, 5, size)


def share(ids):
    return np.full(ids.shape, 0.2)


def sample(labels):
    return draw(2), np.full(labels.shape, 0.4), np.full(2, 0.4)


def loss(*arguments):
    return reference.sampled_loss_and_grad(*arguments, temperature=0.5)[0]
"""
READS = re.compile(r"\.(txt|csv|bin|zip|npz|safetensors)\b|\b(model|half|factors)\b")
# What an option may ask for, however long it takes.
LONG = ("--epochs", "--range-max", "--batch-size", "--vector-size", "--window", "--num-sampled", "--dim")
LONG += ("--num-classes", "--num-draws", "--num-calls", "--num-samples")
TOKENS = [
    *STRINGS,
    "-1",
    "0",
    "2",
    "3",
    "1e39",
    "nan",
    "0.5",
    "--help",
    "--no-such-option",
    "--output",
    "good.bin",
    ".",
]
TOKENS += ["corpus.txt", "good.txt", "--seed", "--threads", "\ud800", "*", "[", "~", "/dev/null", "--", "-h", "--which"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return the contents of the files that commands read, by name; the working directory has them."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    write_retrieval_files(tmp_path)
    (tmp_path / "titles.csv").write_text("id,title\na,Heat\nb,Sabrina\n")
    (tmp_path / "counts.txt").write_text("the 10\ncat 5\nsat 3\n")
    (tmp_path / "own.py").write_text(OWN_CODE)
    (tmp_path / "more.txt").write_text("the bird sat\na bird sat\n")
    for name in ("model", "half", "factors"):
        (tmp_path / name).mkdir()
    for num_sampled in (None, 2):  # whatever a command changes, the code is compiled: with all items and with some
        factors = ss.MatrixFactorization(dim=4, num_sampled=num_sampled, epochs=1)
        factors.fit("ratings.csv", validation=0.5).save(tmp_path / "factors" / "model.zip")
    (tmp_path / "good.zip").rename(tmp_path / "model" / "model.zip")
    (tmp_path / "model" / "loss.csv").write_text("epoch,step,pairs,words,loss\n1,10,640,100,2.5\n")
    write_half_run(tmp_path / "half" / "model.zip")
    for name in ("good.npz", "good.safetensors"):
        formats.save(vectors(), tmp_path / name, "numpy" if name.endswith("npz") else "safetensors")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\n" * 5)))
    return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def write_half_run(path):
    """Write the checkpoint of a run after the first of two epochs."""
    model, checkpoint = ss.Word2Vec(**SETTINGS | {"epochs": 2}), path.with_name("checkpoint.zip")

    def keep(progress):
        if progress.epoch == 2:
            checkpoint.replace(path)

    model.train("corpus.txt", keep, checkpoint=checkpoint, checkpoint_seconds=0)
    checkpoint.unlink()


def restore(folder, files):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def check_command(args):
    """Run a command; its exit code, what it prints and the files that it leaves are as promised."""
    out, err, before, compiling, start = io.StringIO(), io.StringIO(), contents(), CompilingTime(), time.thread_time()
    with contextlib.ExitStack() as within:
        for context in (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings()):
            within.enter_context(context)
        within.enter_context(install_listener("numba:compile", compiling))
        warnings.simplefilter("error")
        code = main(args)
    seconds, lines = time.thread_time() - start - compiling.seconds, err.getvalue().splitlines()
    assert isinstance(code, int)
    assert all(line.isprintable() for line in lines)
    assert seconds < MAX_SECONDS, f"it took {seconds:.1f} s"
    assert "Traceback" not in err.getvalue()
    if code:
        assert lines[-1].startswith("sampledsoftmax: "), lines
        assert len(lines[-1]) > len("sampledsoftmax: ") + 5
        assert len(lines[-1]) < MAX_MESSAGE + len("sampledsoftmax: ...")
        after = contents()
        assert {name: after.get(name) for name in before} == before, lines[-1]
    return code


def contents():
    """Return the files of the working directory by name, without links and pipes."""
    files = (path for path in Path().rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): path.read_bytes() for path in files}


@st.composite
def odd_args(draw, args):
    """Return a command line with one or two changes."""
    args = list(args)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(1, len(args) - 1)) if len(args) > 1 else len(args)
        token = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)))
        how = draw(st.sampled_from(["replace", "insert", "remove", "repeat"]))
        args[place : place + (how in ("replace", "remove"))] = {
            "replace": [token],
            "insert": [token],
            "remove": [],
            "repeat": args[place : place + 1],
        }[how]
    return args


@st.composite
def odd_bytes(draw, content):
    """Return a file with a part cut off, changed, repeated or replaced."""
    how = draw(st.sampled_from(["cut", "flip", "insert", "repeat", "replace", "empty"]))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    some = draw(st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(ODD_BYTES)))
    return {
        "cut": content[:place],
        "flip": content[:place] + bytes([content[place] ^ (1 + some[0] % 255)]) + content[place + 1 :],
        "insert": content[:place] + some + content[place:],
        "repeat": content[:place] + content[place // 2 :],
        "replace": some,
        "empty": b"",
    }[how]


ODD_BYTES = [b"\0", b"nan", b"inf", b"\n\n", b"\r", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PK\x03\x04", b"1e400"]
ODD_BYTES += [b"\xc2\xa0", b"\xc2\x85", b" ", b"\t", b"-1", b"99999999999999999999", b"#", b":", b","]


def settings_for(count, full):
    count = count if full else min(max(count // 20, 2), 10)
    return settings(max_examples=count, suppress_health_check=list(HealthCheck))


def is_long(args):
    """Return whether an option asks for more work than these tests wait for."""
    pairs = itertools.pairwise(args)
    return any(name in LONG and len(value) > 3 for name, value in pairs) or any(
        name + "=" in arg for name in LONG for arg in args
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_lines_are_right(name, files, tmp_path):
    args = COMMANDS[name][0].split()
    assert check_command(args) == 0


@pytest.mark.compiled
@pytest.mark.parametrize("name", COMMANDS)
def test_odd_command_lines(name, files, tmp_path, full):
    args, count = COMMANDS[name]

    @settings_for(count, full)
    @given(odd_args(args.split()))
    def run(changed):
        restore(tmp_path, files)
        if not is_long(changed):
            check_command(changed)

    run()


@pytest.mark.compiled
@pytest.mark.parametrize("name", [name for name in COMMANDS if READS.search(COMMANDS[name][0])])
def test_damaged_input_files(name, files, tmp_path, full):
    args, count = COMMANDS[name]
    read = [file for file in files if file in args.split() or file.split("/")[0] in args.split()]

    @settings_for(count, full)
    @given(st.data())
    def run(data):
        restore(tmp_path, files)
        file = data.draw(st.sampled_from(read))
        (tmp_path / file).write_bytes(data.draw(odd_bytes(files[file])))
        check_command(args.split())

    run()


TEXT = "the cat sat\nthe dog sat down\n" * 5


def tarred(data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("corpus.txt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("corpus.txt", data)
    return file.getvalue()


# Contents of a corpus, options, and whether it can be read.
CORPORA = {
    "gzip": (gzip.compress(TEXT.encode()), "", True),
    "bzip2": (bz2.compress(TEXT.encode()), "", True),
    "xz": (lzma.compress(TEXT.encode()), "", True),
    "gzip in gzip": (gzip.compress(gzip.compress(TEXT.encode())), "", False),
    "half a gzip": (gzip.compress(TEXT.encode())[:30], "", False),
    "half a bzip2": (bz2.compress(TEXT.encode())[:30], "", False),
    "half an xz": (lzma.compress(TEXT.encode())[:30], "", False),
    "gzip and more": (gzip.compress(TEXT.encode()) + b"more", "", False),
    "tar": (tarred(TEXT.encode()), "", False),
    "zip": (zipped(TEXT.encode()), "", False),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4, "", False),
    "empty": (b"", "", False),
    "spaces": (b" \t\r\n" * 100, "", False),
    "one word": (b"word", "", False),
    "NULs": (b"the\0cat\n" * 20, "", False),
    "UTF-16": (TEXT.encode("utf-16"), "--encoding utf-16", True),
    "UTF-16 as UTF-8": (TEXT.encode("utf-16"), "", False),
    "UTF-16, cut": (TEXT.encode("utf-16")[:-1], "--encoding utf-16", False),
    "UTF-32": (TEXT.encode("utf-32"), "--encoding utf-32", True),
    "Latin-1": ((TEXT + "caf\u00e9 caf\u00e9\n").encode("latin-1"), "--encoding latin-1", True),
    "Latin-1 as UTF-8": ((TEXT + "caf\u00e9\n").encode("latin-1"), "", False),
    "Latin-1, replaced": ((TEXT + "caf\u00e9\n").encode("latin-1"), "--errors replace", True),
    "ASCII as UTF-16": (TEXT.encode()[:-1], "--encoding utf-16", False),
    "a byte-order mark": (b"\xef\xbb\xbf" + TEXT.encode(), "", True),
    "old line ends": (TEXT.replace("\n", "\r").encode(), "", True),
    "no line end": (TEXT.replace("\n", " ").encode(), "", True),
    "a long word": (TEXT.encode() + b"x" * 1_000_000 + b" the\n", "", True),
    "control characters": (TEXT.encode() + b"\x1b[31m \x7f the\n" * 5, "", True),
    "encoding of bytes": (TEXT.encode(), "--encoding hex", False),
    "no encoding": (TEXT.encode(), "--encoding no\nsuch", False),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", CORPORA)
def test_training_on_odd_corpora(name, files, tmp_path):
    content, options, is_readable = CORPORA[name]
    (tmp_path / "corpus").write_bytes(content)
    args = ["train", "corpus", "--output", "run", *TRAIN.split(), "--epochs", "1", *options.split(" ")]
    code = check_command([arg for arg in args if arg])
    assert (code == 0) == is_readable
    assert (tmp_path / "run" / "vectors.txt").exists() == is_readable


READERS = {
    "train": f"train FILE --output run {TRAIN} --epochs 1",
    "neighbors": "neighbors FILE the",
    "neighbors, GloVe": "neighbors FILE the --no-header",
    "export": "export FILE --format numpy --output out.npz",
    "evaluate --analogies": "evaluate good.txt --analogies FILE",
    "evaluate --similarities": "evaluate good.txt --similarities FILE",
    "evaluate --text": "evaluate model --text FILE",
    "plot": "plot FILE --method pca --output maps",
    "sample --counts": "sample --counts FILE",
    "explain --model": "explain --model FILE --word the",
}


@pytest.fixture
def odd_file(tmp_path):
    """Return a function that makes something that is no file with text, and returns its name."""
    sockets = []

    def make(kind):
        path = tmp_path / f"odd {kind}"
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a socket":
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[0].bind(path.name)
        elif kind == "a folder":
            path.mkdir()
        elif kind == "a circle":
            path.symlink_to(path)
        return {"zeros": "/dev/zero", "nothing": "/dev/null", "below a file": "good.txt/x"}.get(kind, path.name)

    yield make
    for one in sockets:
        one.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a folder", "a circle", "zeros", "nothing", "below a file"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_soon(name, kind, files, odd_file, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.io.streams._SECONDS", 0.05)
    file = odd_file(kind)
    assert check_command([file if arg == "FILE" else arg for arg in READERS[name].split()]) != 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("file", ["loss.csv", "model.zip", "vectors.txt", "settings.json"])
def test_pipes_in_the_directory_of_a_run(file, files, tmp_path, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.io.streams._SECONDS", 0.05)
    shutil.copytree("model", "run")
    if file in ("vectors.txt", "settings.json"):
        (tmp_path / "run" / "model.zip").unlink()
        shutil.copy("good.txt", "run/vectors.txt")
    (tmp_path / "run" / file).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "run" / file)
    is_needed = file in ("model.zip", "vectors.txt")
    for args in ("plot run --method pca --output maps", "neighbors run the"):
        assert (check_command(args.split()) != 0) == is_needed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize(
    "args",
    [
        "neighbors odd the",
        "evaluate good.txt --analogies odd",
        "evaluate good.txt --similarities odd",
        "sample --counts odd",
        f"train odd --output run {TRAIN} --epochs 1",
    ],
)
def test_pipes_with_a_writer_are_read(args, files, tmp_path):
    os.mkfifo(tmp_path / "odd")
    file = {"neighbors": "good.txt", "sample": "counts.txt", "train": "corpus.txt"}.get(args.split()[0])
    content = files[file or ("analogies.txt" if "--analogies" in args else "pairs.txt")]
    writer = threading.Thread(target=(tmp_path / "odd").write_bytes, args=(content,))
    writer.start()
    try:
        assert check_command(args.split()) == 0
    finally:
        writer.join()


HELP = ["", *sorted({command.split()[0] for command, _ in COMMANDS.values()})]


@pytest.mark.parametrize("command", HELP)
def test_help_is_readable(command, files, capsys):
    assert main([*command.split(), "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("Usage: ")
    assert "\\" not in page
    assert page.replace("\n", "").isprintable()
