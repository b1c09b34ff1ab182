"""Corpora as they are found: in other encodings, compressed, and files that are no text at all."""

import bz2
import contextlib
import encodings.aliases
import gzip
import io
import lzma
import os
import pickle
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampledsoftmax.io import streams
from sampledsoftmax.word2vec.corpus.corpus import TextFiles, read_sentences
from sampledsoftmax.word2vec.corpus.encodings import checked_encoding
from sampledsoftmax.word2vec.encoding.encode import encode_corpus
from sampledsoftmax.word2vec.model import Word2Vec

TEXT = "der Fluß fließt\n\n早安 是 café €\n" * 40
LATIN = "der Fluß fließt\ncafé\n" * 40
CHINESE = "早安 是 你好\n再见 world\n" * 40


def refused(path, message, **options):
    """Assert that a corpus is refused with one line, however errors are handled."""
    for errors in ("strict", "replace", "ignore"):
        with pytest.raises(ValueError, match=message) as caught:
            list(read_sentences(path, errors, **options))
        assert str(caught.value).count("\n") == 0
        assert len(str(caught.value)) < 500


# Encodings


@pytest.mark.parametrize("size", [1, 7, 2**20])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((name, TEXT) for name in ("utf-8", "UTF8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        *((name, TEXT) for name in ("utf-7", "gb18030", "utf-32-le")),
        *((name, LATIN) for name in ("cp1252", "latin-1", "iso8859-15", "mac-roman")),
        *((name, CHINESE) for name in ("gbk", "big5hkscs", "iso2022_jp_2") if name != "iso2022_jp_2"),
        ("shift_jis", "今日 は\nabc テスト\n" * 30),
        ("iso2022_jp", "今日 は\nabc テスト\n" * 30),
        ("cp1251", "мама мыла раму\n" * 30),
        ("cp037", "to be or not\n" * 30),
    ],
)
def test_text_in_any_encoding(encoding, text, size, tmp_path):
    path = tmp_path / "text"
    path.write_bytes(text.encode(encoding))
    expected = [line.split() for line in text.splitlines()]
    assert list(TextFiles([path], "strict", size, encoding=encoding)) == expected
    assert list(read_sentences(path, encoding=encoding)) == expected
    path.write_bytes(gzip.compress(text.encode(encoding)))
    assert list(read_sentences(path, encoding=encoding)) == expected


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=60),
    st.sampled_from(["utf-16", "utf-16-be", "utf-32", "gb18030"]),
    st.sampled_from([1, 3, 64]),
)
def test_any_text_survives_its_encoding(tmp_path_factory, text, encoding, size):
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes(text.encode(encoding))
    lines = text.split("\n")
    expected = [line.split() for line in (lines if lines[-1] else lines[:-1])]
    assert list(TextFiles([path], "strict", size, encoding=encoding)) == expected


def test_ids_do_not_depend_on_the_encoding(tmp_path):
    plain, wide = tmp_path / "plain", tmp_path / "wide"
    plain.write_text(TEXT, encoding="utf-8")
    wide.write_text(TEXT, encoding="utf-16")
    one, other = encode_corpus(plain, 1), encode_corpus(wide, 1, encoding="utf-16")
    assert one.vocabulary.words == other.vocabulary.words
    assert one.stream.ids.tolist() == other.stream.ids.tolist()


def test_a_mark_is_removed_in_every_encoding(tmp_path):
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"):
        path = tmp_path / "text"
        path.write_bytes("\ufeffto be".encode(encoding))
        assert list(read_sentences(path, encoding=encoding)) == [["to", "be"]]


@pytest.mark.parametrize(
    "name", ["nonsense", "", "rot13", "hex", "base64", "zlib", "utf-9", "x" * 10_000, "a\0b", "\ud800"]
)
def test_encodings_that_are_none(name, tmp_path):
    (tmp_path / "text").write_text("to be")
    for read in (read_sentences, lambda path, encoding: TextFiles([path], encoding=encoding)):
        with pytest.raises(ValueError, match="encoding must be one that Python knows, such as 'utf-8'") as caught:
            read(tmp_path / "text", encoding=name)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("name", [None, 8, b"utf-8", ["utf-8"]])
def test_encodings_are_names(name, tmp_path):
    with pytest.raises(TypeError, match="encoding must be the name of an encoding, got"):
        read_sentences(tmp_path, encoding=name)


@pytest.mark.parametrize("size", [1, 5, 2**20])
@pytest.mark.parametrize(
    ("encoding", "data", "byte", "place", "line"),
    [
        ("ascii", b"to be\nor \xfcber\n", 0xFC, 9, 2),
        ("cp1252", b"a\nb\nc \x81 d", 0x81, 6, 3),
        ("gbk", "早 安\n".encode("gbk") + b"x\xff y", 0xFF, 7, 2),
        ("utf-16-le", "a\nb".encode("utf-16-le") + b"\x00\xdc x", 0x00, 6, 2),
        ("utf-16", "a\nb".encode("utf-16") + b"x", 0x78, 8, 2),
    ],
)
def test_bytes_of_another_encoding_are_named_with_their_place(encoding, data, byte, place, line, size, tmp_path):
    path = tmp_path / "text"
    path.write_bytes(data)
    name = "ascii" if encoding == "ascii" else encoding
    message = rf"text is not {name}: byte 0x{byte:02x} at position {place}, in line {line}; set encoding to that of"
    with pytest.raises(ValueError, match=message):
        list(TextFiles([path], "strict", size, encoding=encoding))
    for errors in ("replace", "ignore"):
        found = list(TextFiles([path], errors, size, encoding=encoding))
        assert found == [part.split() for part in data.decode(encoding, errors).splitlines()]


def test_the_message_of_a_wrong_byte_names_the_way_out(tmp_path):
    (tmp_path / "text").write_text(LATIN, encoding="cp1252")
    with pytest.raises(ValueError, match=r"set encoding to that of the file, such as 'cp1252', or errors to 'replace'"):
        list(read_sentences(tmp_path / "text"))
    assert [word for word in next(iter(read_sentences(tmp_path / "text", encoding="cp1252"))) if "ß" in word][:1] == [
        "Fluß"
    ]


@pytest.mark.parametrize("data", ["мама мыла раму\n".encode("cp1251") * 50, bytes(range(128, 256)) * 4])
def test_a_text_that_would_be_mostly_replaced_is_refused(data, tmp_path):
    (tmp_path / "text").write_bytes(data)
    refused(tmp_path / "text", "set encoding to that of the file")


def test_a_few_wrong_bytes_are_replaced(tmp_path):
    (tmp_path / "text").write_text(LATIN, encoding="latin-1")
    assert next(iter(read_sentences(tmp_path / "text", "replace"))) == ["der", "Flu\ufffd", "flie\ufffdt"]
    (tmp_path / "text").write_bytes(b"\xff\xfd\xfc")
    assert list(read_sentences(tmp_path / "text", "replace")) == [["\ufffd\ufffd\ufffd"]]


# Files that are no text


def tar(text, form):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        entry = tarfile.TarInfo("a.txt")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def zipped(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", text)
    return packed.getvalue()


def array():
    packed = io.BytesIO()
    np.save(packed, np.arange(100))
    return packed.getvalue()


PLAIN = b"one two three four five\n" * 50
KINDS = {
    "tar": (tar(PLAIN, tarfile.GNU_FORMAT), "is a tar archive: extract it"),
    "pax": (tar(PLAIN, tarfile.PAX_FORMAT), "is a tar archive: extract it"),
    "docx": (zipped(PLAIN), "is a zip archive, or a document that is one .*: extract it"),
    "npy": (array(), "is a NumPy array"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n" + PLAIN, "is a PDF document: extract its text"),
    "exe": (b"\x7fELF\x02\x01\x01" + bytes(9) + PLAIN, "is a program"),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "is an Office document"),
    "png": (b"\x89PNG\r\n\x1a\n" + PLAIN, "is a picture"),
    "sqlite": (b"SQLite format 3\0" + bytes(64), "is an SQLite database"),
    "pickle": (pickle.dumps({"words": list(range(1000))}, 4), "NUL|is not UTF-8"),
    "bmp": (b"BM" + bytes(20) + PLAIN, "is not text: it has a NUL at position 2, in line 1"),
    "late": (PLAIN * 9 + b"x\0y\n" + PLAIN, "is not text: it has a NUL at position 10801, in line 451"),
    "utf-16-le": (
        "to be or\n".encode("utf-16-le") * 9,
        "NUL at position 1, in line 1; it seems to be utf-16-le: set ",
    ),
    "utf-16-be": (
        "to be or\n".encode("utf-16-be") * 9,
        "NUL at position 0, in line 1; it seems to be utf-16-be: set ",
    ),
    "utf-32-le": ("to be or\n".encode("utf-32-le") * 9, "it seems to be utf-32-le: set encoding to 'utf-32-le'"),
    "utf-16": (TEXT.encode("utf-16"), "begins with the byte order mark of utf-16, .*: set encoding to 'utf-16'"),
    "utf-32": (TEXT.encode("utf-32"), "begins with the byte order mark of utf-32, .*: set encoding to 'utf-32'"),
}
PACKERS = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_text_is_refused_with_the_way_out(kind, pack, tmp_path):
    data, message = KINDS[kind]
    path = tmp_path / "corpus.any"
    path.write_bytes(pack(data))
    if kind != "pickle":
        refused(path, rf"^corpus \S*corpus.any {message}" if message.startswith(("is", "begins")) else message)
    else:
        with pytest.raises(ValueError, match=message):
            list(read_sentences(path))
    with pytest.raises(ValueError, match=message):
        encode_corpus(tmp_path, 1)


def test_a_mark_that_contradicts_the_encoding(tmp_path):
    path = tmp_path / "text"
    for written, read in (("utf-8-sig", "cp1252"), ("utf-8-sig", "gbk"), ("utf-16", "cp1252"), ("utf-16", "utf-32")):
        path.write_bytes(TEXT.encode(written))
        refused(path, f"begins with the byte order mark of {written.removesuffix('-sig')}", encoding=read)
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    refused(path, "begins with the byte order mark of utf-16", encoding="utf-16-le")
    assert next(iter(read_sentences(path, encoding="utf-16"))) == ["der", "Fluß", "fließt"]


# Compression


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("ending", ["txt", "gz", "bz2", "xz", "zst", "tar"])
def test_content_tells_the_compression_and_not_the_name(pack, ending, tmp_path):
    path = tmp_path / f"corpus.{ending}"
    path.write_bytes(pack(TEXT.encode()))
    assert list(read_sentences(path)) == [line.split() for line in TEXT.splitlines()]


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_a_name_that_says_compressed_with_neither(ending, tmp_path):
    path = tmp_path / f"corpus.{ending}"
    path.write_bytes(b"")
    refused(path, r"is not a valid compressed file: it is empty$")
    path.write_bytes(b"\xa1\xb2\xc3 garbage")
    refused(path, "begins neither like that nor like UTF-8; rename it if it is plain text")


@pytest.mark.parametrize("pack", [*(pack for name, pack in PACKERS.items() if name != "plain")])
def test_what_is_compressed_twice_is_refused(pack, tmp_path):
    (tmp_path / "text").write_bytes(pack(gzip.compress(PLAIN)))
    refused(tmp_path / "text", "is compressed twice: decompressed once, it is gzip")


def test_bzip2_of_much_more_text_than_bytes(tmp_path):
    (tmp_path / "text").write_bytes(bz2.compress(b"word " * 2_000_000))
    blocks = [len(block) for block, _ in TextFiles([tmp_path / "text"]).blocks()]
    assert sum(blocks) == 10_000_001
    assert max(blocks) <= 2**21


SCRIPT = "from sampledsoftmax.word2vec.corpus.corpus import read_sentences; print(sum(map(len, read_sentences('-'))))"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_compressed_standard_input(pack):
    run = subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = pack(PLAIN)
    run.stdin.write(data[:1])  # what tells the compression may come in pieces
    run.stdin.flush()
    found, _ = run.communicate(data[1:], timeout=600)
    assert int(found) == 250


def test_standard_input_that_is_no_text():
    run = subprocess.run([sys.executable, "-c", SCRIPT], input=KINDS["tar"][0], capture_output=True, check=False)
    assert run.stderr.endswith(
        b"ValueError: corpus standard input is a tar archive: extract it, and name the files in it\n"
    )


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match=r"^standard input is closed: name a file instead of -$"):
        list(read_sentences("-"))


# Odd things in folders


def odd_folder(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")
    return folder


def names_read(source, **options):
    return [name for (name,) in TextFiles([source], **options)]


posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes, sockets and links")


@posix
@pytest.mark.parametrize("pattern", ["", "/*", "/**"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "broken link", "circle"])
def test_what_is_no_file_in_a_folder_is_refused(kind, pattern, tmp_path, monkeypatch):
    folder = odd_folder(tmp_path)
    monkeypatch.chdir(folder)
    expected, error = f"is a {kind}: remove it", OSError
    with socket.socket(socket.AF_UNIX) as endpoint:
        if kind == "pipe":
            os.mkfifo("odd")
        elif kind == "socket":
            endpoint.bind("odd")
        elif kind == "device":
            try:
                os.mknod("odd", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            except PermissionError:
                pytest.skip("devices cannot be made here")
        elif kind == "circle":
            (folder / "odd").symlink_to("odd")
            expected = "cannot be read: Too many levels of symbolic links"
        else:
            (folder / "odd").symlink_to("nowhere")
            expected, error = "is a link that leads nowhere: remove it", FileNotFoundError
        with pytest.raises(error, match=rf"^corpus \S*( \S*)?odd {expected}"):
            read_sentences(f"{folder}{pattern}")


@posix
def test_linked_files_and_folders_are_read_once(tmp_path):
    folder, outside = odd_folder(tmp_path), tmp_path / "outside"
    for place in (outside, folder / "z", outside / "deep"):
        place.mkdir()
    for name in ("z/in.txt",):
        (folder / name).write_text("in\n")
    for name in ("out.txt", "deep/er.txt"):
        (outside / name).write_text(f"{name}\n")
    (folder / "link").symlink_to(outside)
    (folder / "linked.txt").symlink_to(outside / "out.txt")
    (folder / "again").symlink_to("z")  # a folder has its own name
    (folder / "circle").symlink_to(".")
    (folder / "z" / "up").symlink_to("..")
    (outside / "back").symlink_to(folder)
    expected = ["a", "deep/er.txt", "out.txt", "out.txt", "in"]  # sorted by path: link/..., linked.txt, z/...
    assert names_read(folder) == names_read(f"{folder}/**") == expected
    assert sorted(names_read(f"{tmp_path}/**/*.txt")) == sorted(expected)


@posix
def test_many_circles_do_not_take_for_ever(tmp_path):
    folder = odd_folder(tmp_path)
    for number in range(8):
        (folder / f"circle{number}").symlink_to(".")
    assert names_read(folder) == names_read(f"{folder}/**/*.txt") == names_read(f"{folder}/**/a*") == ["a"]


@posix
def test_a_folder_or_file_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch):
    folder = odd_folder(tmp_path)
    (folder / "locked").mkdir()
    real = os.listdir

    def listdir(path):
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", listdir)
        for source in (folder, f"{folder}/**"):
            with pytest.raises(PermissionError, match=r"^corpus folder \S*locked cannot be read: Permission denied$"):
                read_sentences(source)
    monkeypatch.setattr(os, "access", lambda path, _: os.path.basename(path) != "a.txt")
    for source in (folder, folder / "a.txt", f"{folder}/a*"):
        with pytest.raises(PermissionError, match=r"^corpus \S*a.txt cannot be read: permission denied$"):
            read_sentences(source)


@posix
def test_names_that_are_not_text(tmp_path):
    folder = odd_folder(tmp_path)
    path = os.path.join(folder, os.fsdecode(b"caf\xe9"))
    with open(path, "w") as file:
        file.write("odd\n")
    assert names_read(folder) == names_read(f"{folder}/*") == ["a", "odd"]
    cached = [encode_corpus(folder, 1, tmp_path / "cache").vocabulary.words for _ in range(2)]
    assert cached == [["a", "odd"]] * 2
    with open(path, "wb") as file:
        file.write(b"a\0b")
    with pytest.raises(ValueError, match=r"corpus \S*caf\\udce9 is not text"):
        list(read_sentences(path))


def test_long_names_and_texts_are_cut(tmp_path):
    for name, error in (("to be or not " * 10**6, OSError), ("x" * 10**6, OSError), ("a\0b" * 1000, ValueError)):
        with pytest.raises(error) as caught:
            read_sentences(name)
        assert len(str(caught.value)) < 400
        with pytest.raises(error) as caught:
            read_sentences([name, "other"])
        assert len(str(caught.value)) < 400
    with pytest.raises(TypeError, match="must contain only paths: item 1 is a list") as caught:
        read_sentences(["x" * 10**6, ["y"]])
    assert len(str(caught.value)) < 400


def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(odd_folder(tmp_path))
    for source in ("", ["a.txt", ""], [""]):
        with pytest.raises(ValueError, match=r"^corpus has an empty name: name a file or a folder"):
            read_sentences(source)
    assert list(read_sentences(".")) == [["a"]]


def test_bytes_are_no_corpus():
    for source in (b"to be", bytearray(b"to be"), memoryview(b"to be")):
        with pytest.raises(TypeError, match="which is not text"):
            read_sentences(source)


def test_files_that_vanish_are_named(tmp_path):
    folder = odd_folder(tmp_path)
    sentences = read_sentences(folder)
    (folder / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"^corpus \S*a.txt cannot be read: No such file or directory$"):
        list(sentences)


def test_empty_files_are_read(tmp_path):
    folder = odd_folder(tmp_path)
    (folder / "0.txt").write_text("")
    (folder / "b.txt").write_bytes(gzip.compress(b""))
    (folder / "c.txt").write_bytes(bz2.compress(b""))
    assert names_read(folder) == ["a"]


def test_a_file_that_is_named_twice_is_read_twice(tmp_path):
    folder = odd_folder(tmp_path)
    assert [name for (name,) in read_sentences([folder, folder / "a.txt", folder])] == ["a", "a", "a"]


# Pipes and devices that are named


@posix
@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_pipe_is_read_once(pack, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write():
        data = pack(PLAIN)
        with pipe.open("wb", buffering=0) as file:
            file.write(data[:1])
            file.write(data[1:])

    thread = threading.Thread(target=write)
    thread.start()
    sentences = read_sentences(pipe)
    assert sum(map(len, sentences)) == 250
    thread.join(600)
    with pytest.raises(ValueError, match=r"^corpus \S*pipe can be read only once$"):
        list(sentences)


@posix
def test_a_pipe_that_nobody_writes_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"pipe cannot be read: it is a pipe into which no process writes$"):
        list(read_sentences(tmp_path / "pipe"))


@posix
def test_a_writer_that_takes_its_time_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "_SECONDS", 0.1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)  # does not wait for a reader, as opening it for writing alone would

    def write():
        time.sleep(0.5)  # longer than a pipe without a writer is waited for
        os.write(writer, b"a\n")
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert list(read_sentences(pipe)) == [["a"]]
    thread.join(600)


@posix
def test_sockets_and_devices(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("socket")
        with pytest.raises(OSError, match=r"^corpus socket cannot be read: it is a socket$"):
            read_sentences("socket")
    assert list(read_sentences("/dev/null")) == []
    with pytest.raises(ValueError, match=r"^corpus /dev/zero is not text: it has a NUL"):
        list(read_sentences("/dev/zero"))


# What belongs to a run


def test_output_in_a_corpus_folder_is_no_part_of_it(tmp_path):
    folder = odd_folder(tmp_path)
    for name in ("run/model.zip", "run/loss.csv", "running.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    assert names_read(folder, exclude=[folder / "run"]) == ["a", "running.txt"]
    assert names_read(f"{folder}/**", exclude=[folder / "run"]) == ["a", "running.txt"]
    assert names_read(f"{folder}/*/*.csv", exclude=[folder / "run" / "model.zip"]) == ["run/loss.csv"]
    assert names_read(folder / "run" / "loss.csv", exclude=[folder / "run"]) == ["run/loss.csv"]  # it was named
    (folder / "run.txt").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match="has no files but those of the output"):
        TextFiles([folder / "run"], exclude=[folder])


def test_the_cache_may_be_in_the_corpus_folder(tmp_path):
    folder = odd_folder(tmp_path)
    (folder / "b.txt").write_text("b b\n")
    cache, reused = folder / "cache", []
    for _ in range(2):
        assert encode_corpus(folder, 1, cache, on_reuse=reused.append).vocabulary.words == ["b", "a"]
    assert len(reused) == 1


def small_model():
    return Word2Vec(vector_size=4, min_count=1, sample=0, num_sampled=1, epochs=1)


@pytest.mark.compiled
def test_a_model_is_trained_on_text_of_another_encoding(tmp_path):
    plain, wide = tmp_path / "plain", tmp_path / "wide"
    plain.write_text(TEXT, encoding="utf-8")
    wide.write_text(TEXT, encoding="utf-16-be")
    one, other = small_model(), small_model()
    one.train(plain)
    other.train(wide, encoding="utf-16-be", cache=tmp_path / "cache")
    assert one.vocabulary.words == other.vocabulary.words
    np.testing.assert_array_equal(one.vectors.vectors, other.vectors.vectors)
    with pytest.raises(ValueError, match="it seems to be utf-16-be: set encoding to 'utf-16-be'"):
        small_model().train(wide)


@pytest.mark.compiled
def test_a_checkpoint_in_the_corpus_folder_is_no_part_of_it(tmp_path):
    folder = odd_folder(tmp_path)
    (folder / "text.txt").write_text("a b c d\n" * 30)
    first, again = small_model(), small_model()
    first.train(folder, checkpoint=folder / "model.zip")
    again.train(folder, checkpoint=folder / "model.zip")
    np.testing.assert_array_equal(first.vectors.vectors, again.vectors.vectors)
    with pytest.raises(ValueError, match=r"model.zip is a zip archive"):
        small_model().train(folder)


def known_encodings():
    """Return the names of all text encodings of Python."""
    names = []
    for name in sorted({*encodings.aliases.aliases.values(), "utf_8_sig", "unicode_escape", "punycode", "idna"}):
        with contextlib.suppress(ValueError):
            names.append(checked_encoding(name))
    return sorted(set(names))


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-8", "ignore"))),
    st.sampled_from([bytes, gzip.compress, bz2.compress, lzma.compress, lambda data: gzip.compress(data)[:-3]]),
    st.sampled_from(known_encodings()),
    st.sampled_from(["strict", "replace", "ignore"]),
    st.sampled_from([1, 5, 100, 2**20]),
)
def test_any_bytes_are_read_or_refused_in_a_line(tmp_path_factory, data, pack, encoding, errors, size):
    path = tmp_path_factory.mktemp("any") / "text.gz"
    path.write_bytes(pack(data))
    words, problem = [], ""
    try:
        words = [word for line in TextFiles([path], errors, size, encoding=encoding) for word in line]
    except ValueError as error:
        problem = str(error)
    assert len(problem) < 600
    assert "\n" not in problem
    assert not [word for word in words if "\0" in word or word != word.strip()]
