"""Any command line, and any damaged input file, gives exit code 0, or another one and one line on stderr."""

import contextlib
import io
import itertools
import shutil
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampledsoftmax.cli import main
from tests.odd_inputs.calls import MAX_MESSAGE, MAX_SECONDS
from tests.odd_inputs.targets import write_files
from tests.odd_inputs.values import STRINGS

pytest.importorskip("click", reason="the extra cli is not installed")

TRAIN = "train corpus.txt --output run --min-count 1 --vector-size 4 --num-sampled 2 --sample 0 --epochs 1"
COMMANDS = {
    "train": (TRAIN, 40),
    "train --resume": (f"{TRAIN} --resume", 40),
    "neighbors": ("neighbors good.txt cat the --topn 2", 400),
    "neighbors of a model": ("neighbors model cat --which both", 200),
    "neighbors, binary": ("neighbors good.bin cat", 200),
    "analogy": ("analogy good.txt the cat sat --topn 1", 200),
    "evaluate": ("evaluate good.txt --analogies analogies.txt --similarities pairs.txt", 200),
    "export": ("export good.txt --format word2vec --output out.txt", 200),
    "export, binary": ("export model --format word2vec-binary --output out.bin", 100),
    "sample": ("sample --num-sampled 5 --range-max 20", 60),
    "sample --counts": ("sample --counts counts.txt --num-sampled 3", 60),
    "explain": ("explain --html page.html", 5),
}
# What an option may ask for, however long it takes.
LONG = ("--epochs", "--range-max", "--batch-size", "--vector-size", "--window", "--num-sampled")
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
    (tmp_path / "counts.txt").write_text("the 10\ncat 5\nsat 3\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "good.zip").rename(tmp_path / "model" / "model.zip")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\n" * 5)))
    return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def restore(folder, files):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def check_command(args):
    """Run a command; its exit code and what it prints are as promised."""
    out, err, start = io.StringIO(), io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(args)
    seconds, lines = time.perf_counter() - start, err.getvalue().splitlines()
    assert isinstance(code, int)
    assert seconds < MAX_SECONDS, f"it took {seconds:.1f} s"
    assert "Traceback" not in err.getvalue()
    if code:
        assert lines[-1].startswith("sampledsoftmax: "), lines
        assert len(lines[-1]) > len("sampledsoftmax: ") + 5
        assert len(lines[-1]) < MAX_MESSAGE
    return code


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


def settings_for(count, request):
    count = count if request.config.getoption("full") else min(max(count // 20, 2), 10)
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
    if "--resume" in args:
        assert check_command([arg for arg in args if arg != "--resume"]) == 0
    assert check_command(args) == 0


@pytest.mark.compiled
@pytest.mark.parametrize("name", COMMANDS)
def test_odd_command_lines(name, files, tmp_path, request):
    args, count = COMMANDS[name]

    @settings_for(count, request)
    @given(odd_args(args.split()))
    def run(changed):
        restore(tmp_path, files)
        if not is_long(changed):
            check_command(changed)

    run()


@pytest.mark.compiled
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "explain"])
def test_damaged_input_files(name, files, tmp_path, request):
    args, count = COMMANDS[name]
    read = [file for file in files if file in args.split() or file.split("/")[0] in args.split()]
    if not read:
        pytest.skip("the command reads no file")

    @settings_for(count, request)
    @given(st.data())
    def run(data):
        restore(tmp_path, files)
        file = data.draw(st.sampled_from(read))
        (tmp_path / file).write_bytes(data.draw(odd_bytes(files[file])))
        check_command(args.split())

    run()
