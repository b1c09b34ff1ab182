"""Where output goes: devices, pipes and links are what they were before, and files keep their permissions."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.diagnostics.figures import save_fit_png
from sampledsoftmax.explanation.example import explain_example
from sampledsoftmax.io import streams
from sampledsoftmax.io.archive import write_archive
from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.loss_plot import LossPoint, save_loss_plot
from sampledsoftmax.word2vec.plots.map_page import save_page
from sampledsoftmax.word2vec.plots.map_picture import save_picture
from sampledsoftmax.word2vec.plots.word_map import frequent_words
from sampledsoftmax.word2vec.vectors import formats
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs devices, pipes and permissions")

VECTORS = WordVectors([f"word{i}" for i in range(9)], np.random.default_rng(1).random((9, 3), np.float32))


def save_map(save, path):
    pytest.importorskip("matplotlib")
    save(path, VECTORS, frequent_words(VECTORS, 9, "pca"), "A map")


def save_loss(path):
    pytest.importorskip("matplotlib")
    assert save_loss_plot(path, [LossPoint(1, 10, 2.0), LossPoint(1, 20, 1.0)])


def save_text(path):
    with new_file(path) as file:
        json.dump({"of": "ü"}, file, ensure_ascii=False)


def save_safetensors(path):
    pytest.importorskip("safetensors")
    formats.save_safetensors(VECTORS, path)


def page(path):
    pytest.importorskip("bokeh")
    save_map(save_page, path)


def figure(path):
    pytest.importorskip("matplotlib")
    save_fit_png(path, "uniform", np.full(4, 0.25), None, np.arange(4))


WRITERS = {
    "text": save_text,
    "archive": lambda path: write_archive(path, "test", 1, {}, {"a": np.arange(300_000), "b": np.eye(3)}),
    "word2vec": lambda path: formats.save_word2vec(VECTORS, path),
    "binary": lambda path: formats.save_word2vec_binary(VECTORS, path),
    "numpy": lambda path: formats.save_numpy(VECTORS, path),
    "safetensors": save_safetensors,
    "loss": save_loss,
    "picture": lambda path: save_map(save_picture, path),
    "page": page,
    "explanation": lambda path: explain_example().save_html(path),
    "fit": figure,
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def device(path, minor):
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        with path.open("wb"):
            pass
    except PermissionError:
        pytest.skip("devices cannot be made here")
    return path


@contextlib.contextmanager
def read_from(pipe):
    """Read a pipe in a thread, and yield the list that gets its content."""
    found = []
    thread = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    thread.start()
    yield found
    thread.join(60)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@every_writer
def test_a_device_stays_a_device(write, tmp_path):
    path = device(tmp_path / "null", 3)
    write(path)
    assert stat.S_ISCHR(path.stat().st_mode)
    assert names(tmp_path) == ["null"]


@every_writer
def test_a_full_device_is_one_line(write, tmp_path):
    path = device(tmp_path / "full", 7)
    with pytest.raises(OSError, match=r"^\S*full cannot be written: No space left on device$"):
        write(path)
    assert stat.S_ISCHR(path.stat().st_mode)


@every_writer
def test_a_pipe_gets_what_a_file_gets(write, tmp_path):
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    with read_from(pipe) as found:
        write(pipe)
    write(file)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert len(found[0]) == file.stat().st_size
    if write is not WRITERS["page"]:  # which has random ids
        assert found[0] == file.read_bytes()


@every_writer
def test_links_are_followed_and_permissions_kept(write, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "target").write_text("old")
    (folder / "target").chmod(0o640)
    (tmp_path / "chain").symlink_to(folder / "link")
    (folder / "link").symlink_to("target")
    write(tmp_path / "chain")
    assert (tmp_path / "chain").is_symlink()
    assert (folder / "link").is_symlink()
    assert (folder / "target").stat().st_mode & 0o777 == 0o640
    assert (folder / "target").read_bytes()[:3] != b"old"
    assert (names(tmp_path), names(folder)) == (["chain", "other"], ["link", "target"])


def test_a_link_without_a_target_makes_it(tmp_path):
    (tmp_path / "link").symlink_to("target")
    save_text(tmp_path / "link")
    assert names(tmp_path) == ["link", "target"]
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "lost").symlink_to("nowhere/target")
    with pytest.raises(FileNotFoundError, match=r"lost cannot be written: there is no folder \S*nowhere$"):
        save_text(tmp_path / "lost")


def test_links_in_a_circle_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"^\S*a cannot be written: Too many levels of symbolic links$"):
        save_text(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("mode", [0o600, 0o604, 0o660, 0o755])
def test_permissions_are_kept(mode, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    save_text(path)
    assert path.stat().st_mode & 0o7777 == mode


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        save_text(tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_nobody_else_can_read_a_private_file_while_it_is_written(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o600)
    with new_file(path) as file:
        file.write("secret")
        modes = {other.name == "file": other.stat().st_mode & 0o777 for other in tmp_path.iterdir()}
    assert modes == {True: 0o600, False: 0o600}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    save_text(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_hard_link_keeps_the_old_content(tmp_path):
    (tmp_path / "file").write_text("old")
    os.link(tmp_path / "file", tmp_path / "copy")
    save_text(tmp_path / "file")
    assert (tmp_path / "copy").read_text() == "old"
    assert (tmp_path / "file").read_text() != "old"


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "." + "y" * 254])
def test_the_longest_names_can_be_written(name, tmp_path):
    for _ in range(2):
        save_text(tmp_path / name)
    assert names(tmp_path) == [name]


def test_names_that_are_not_text(tmp_path):
    path = os.path.join(tmp_path, os.fsdecode(b"caf\xe9"))
    save_text(path)
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9"]


def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match=r"cannot be written: it is a directory$"):
        save_text(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cannot be written: there is no folder \S*nowhere$"):
        save_text(tmp_path / "nowhere" / "file")
    with pytest.raises(OSError, match=r"^xxx.*xxx cannot be written: File name too long$") as caught:
        save_text("x" * 100_000)
    assert len(str(caught.value)) < 400
    with pytest.raises(ValueError, match=r"^no file can be named 'a\\x00b': it has a NUL$"):
        save_text("a\0b")
    monkeypatch.chdir(tmp_path)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("socket")
        with pytest.raises(OSError, match=r"^socket cannot be written: it is a socket$"):
            save_text("socket")
    assert names(tmp_path) == ["socket"]


UNPRIVILEGED = """
import os, sys
from sampledsoftmax.io.atomic_write import new_file
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for name in sys.argv[1:]:
    try:
        with new_file(name) as file:
            file.write("new")
        print("written")
    except OSError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def readable_by_all():
    """Return a folder outside of that of all tests, which each session of pytest closes to other users."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_without_permission_nothing_changes(readable_by_all):
    folder, locked = readable_by_all / "open", readable_by_all / "locked"
    for place in (folder, locked):
        place.mkdir()
        (place / "file").write_text("old")
    (folder / "file").chmod(0o444)
    folder.chmod(0o777)
    (locked / "file").chmod(0o666)
    locked.chmod(0o555)
    paths = [str(folder / "file"), str(locked / "file"), str(locked / "new"), str(folder / "new")]
    done = subprocess.run([sys.executable, "-c", UNPRIVILEGED, *paths], capture_output=True, text=True, check=True)
    locked.chmod(0o755)
    assert done.stdout.splitlines() == [
        f"PermissionError {paths[0]} cannot be written: it is read-only",
        *(
            f"PermissionError {path} cannot be written: the folder {locked} is read-only, and a new file is written "
            "there first"
            for path in paths[1:3]
        ),
        "written",
    ]
    assert (names(folder), names(locked)) == (["file", "new"], ["file"])
    assert (folder / "file").read_text() == (locked / "file").read_text() == "old"


def test_a_pipe_that_nobody_reads_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"pipe cannot be written: it is a pipe that no process reads$"):
        save_text(tmp_path / "pipe")


def test_a_reader_that_leaves_early_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    def read_a_little():
        with (tmp_path / "pipe").open("rb", buffering=0) as file:
            file.read(10)

    thread = threading.Thread(target=read_a_little)
    thread.start()
    with (
        pytest.raises(OSError, match=r"pipe cannot be written: Broken pipe$") as caught,
        new_file(tmp_path / "pipe", "wb") as file,
    ):
        file.write(bytes(2**22))
    assert not isinstance(caught.value, BrokenPipeError)  # which would mean standard output
    thread.join(60)


def test_nothing_goes_into_a_pipe_if_the_block_fails(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with read_from(tmp_path / "pipe") as found, pytest.raises(UnicodeEncodeError), new_file(tmp_path / "pipe") as file:
        file.write("begun \ud800")
    assert found == [b""]


TO_STANDARD_OUTPUT = """
import sys
from sampledsoftmax.io.atomic_write import new_file
print("before")
for name in sys.argv[1:]:
    with new_file(name) as file:
        file.write(name + chr(10))
print("after")
"""
DESCRIPTORS = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd/1"), reason="needs /proc")
def test_standard_output_is_continued_and_not_replaced(tmp_path):
    log, link = tmp_path / "log", tmp_path / "link"
    log.write_text("older\n")
    link.symlink_to("/dev/stdout")
    expected = "\n".join(["before", *DESCRIPTORS, str(link), "after", ""])
    program = [sys.executable, "-c", TO_STANDARD_OUTPUT, *DESCRIPTORS, str(link)]
    with log.open("a") as output:
        subprocess.run(program, stdout=output, check=True)
    assert log.read_text() == "older\n" + expected
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == expected
    assert link.is_symlink()


@every_writer
def test_an_error_leaves_the_old_file_and_no_other(write, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"^\S*file cannot be written: No space left on device$"):
        write(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_two_threads_may_write_one_file(tmp_path):
    with new_file(tmp_path / "file") as one, new_file(tmp_path / "file") as two:
        one.write("one")
        two.write("two")
    assert (tmp_path / "file").read_text() == "one"
    assert names(tmp_path) == ["file"]
