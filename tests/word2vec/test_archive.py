"""Archives: round trips, refusal of damaged files, full disks."""

import json
import os
import random
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.atomic_write import temp_suffix
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

SAVED = Path(__file__).parent / "saved_models"

META = {"epoch": 3, "rate": 0.025, "words": ["to", "\u00fcber"], "none": None, "deep": {"a": [1, {}]}}
ARRAYS = {
    "table": np.random.default_rng(0).normal(size=(301, 7)).astype(np.float32),
    "slots/0": np.arange(12.0).reshape(3, 4).T,
    "ids.a-b_c": np.array([[-1, 2**62]]),
    "big": np.array([1, 2], ">u2"),
    "flag": np.array([True, False]),
    "scalar": np.array(np.float64(np.pi)),
    "empty": np.zeros((0, 5), np.float16),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.zip"
    write_archive(path, "checkpoint", 2, META, ARRAYS)
    return path


def assert_same(arrays, expected=ARRAYS):
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_round_trip(path):
    meta, arrays = read_archive(str(path), "checkpoint", 2)
    assert meta == META
    assert_same(arrays)
    assert all(array.flags.writeable for array in arrays.values())


def test_special_floats_keep_their_bits(tmp_path):
    bits = np.array([0x7FC00001, 0xFFC00002, 0x7F800000, 0x80000000], np.uint32)
    write_archive(tmp_path / "a", "k", 1, {}, {"a": bits.view(np.float32)})
    np.testing.assert_array_equal(read_archive(tmp_path / "a", "k", 1)[1]["a"].view(np.uint32), bits)


@pytest.mark.parametrize("order", ["C", "F", "rows", "columns", "mapped"])
def test_arrays_of_several_blocks_in_any_layout(tmp_path, order):
    array = np.arange(3_000_000, dtype=np.int32).reshape(3, 1000, 1000)
    if order == "F":
        array = np.asfortranarray(array)
    elif order == "rows":
        array = array[:, ::2]
    elif order == "columns":
        array = array[..., ::-3]
    elif order == "mapped":
        np.save(tmp_path / "a.npy", array)
        array = np.load(tmp_path / "a.npy", mmap_mode="r")
    write_archive(tmp_path / "a", "k", 1, {}, {"a": array})
    assert_same(read_archive(tmp_path / "a", "k", 1)[1], {"a": array})


def test_no_copy_of_an_array_is_made(tmp_path):
    array = np.ones((2000, 3000)).T  # 48 MB
    tracemalloc.start()
    try:
        write_archive(tmp_path / "a", "k", 1, {}, {"a": array})
        assert tracemalloc.get_traced_memory()[1] < 6e6
        tracemalloc.reset_peak()
        read_archive(tmp_path / "a", "k", 1)
        assert tracemalloc.get_traced_memory()[1] < array.nbytes + 6e6
    finally:
        tracemalloc.stop()


def test_other_programs_can_open_it(path):
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["table"], ARRAYS["table"])
        np.testing.assert_array_equal(arrays["slots/0"], ARRAYS["slots/0"])
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("archive.json"))["meta"] == META


def test_the_same_arrays_give_the_same_bytes(path, tmp_path):
    write_archive(tmp_path / "again", "checkpoint", 2, META, ARRAYS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_archives_of_format_1_are_read():
    """A model and its vectors as an earlier release wrote them."""
    model = Word2Vec.load(SAVED / "archive1.zip")
    expected = WordVectors.load_word2vec_format(SAVED / "archive1.txt")
    assert model.vectors.words == expected.words
    np.testing.assert_array_equal(model.vectors.vectors, expected.vectors)


def test_a_damaged_archive_of_format_1_is_refused(tmp_path):
    whole = (SAVED / "archive1.zip").read_bytes()
    place = whole.index(b"embeddings.npy") + 200
    (tmp_path / "a").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(ValueError, match=r"a is damaged: Bad CRC-32 for file 'embeddings.npy'"):
        Word2Vec.load(tmp_path / "a")


def test_every_flipped_bit_is_found_or_does_not_matter(path):
    """Some bytes do not matter: dates and attributes, which are never used."""
    whole, rng = path.read_bytes(), random.Random(5)
    start = whole.rindex(b"archive.json", 0, whole.index(b"PK\1\2"))  # from here on each byte, before it some
    places = [*rng.sample(range(start), 700), *range(start, len(whole))]
    harmless = 0
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        problem, found = "", (META, ARRAYS)
        try:
            found = read_archive(path, "checkpoint", 2)
        except ValueError as error:
            problem = str(error)
        assert problem == "" or problem.startswith(str(path))
        assert "\n" not in problem
        assert found[0] == META
        assert_same(found[1])
        harmless += not problem
    assert harmless < len(places) / 4


def test_every_shorter_file_is_refused(path):
    whole = path.read_bytes()
    for size in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"run.zip is not a checkpoint or is damaged: "):
            read_archive(path, "checkpoint", 2)


def test_other_files_are_refused(tmp_path):
    other = tmp_path / "other"
    for content in (b"", b"to be or not", os.urandom(5000)):
        other.write_bytes(content)
        with pytest.raises(ValueError, match=r"^\S*other is not a checkpoint or is damaged: File is not a zip file$"):
            read_archive(other, "checkpoint", 1)
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match=r"is not a checkpoint or is damaged: .*no item named 'archive.json'"):
        read_archive(tmp_path / "other.npz", "checkpoint", 1)
    with pytest.raises(FileNotFoundError, match=r"^checkpoint \S*nowhere does not exist$"):
        read_archive(tmp_path / "nowhere", "checkpoint", 1)
    with pytest.raises(FileNotFoundError, match=r"^checkpoint \S* does not exist as a file$"):
        read_archive(tmp_path, "checkpoint", 1)


def test_other_kinds_and_versions_are_refused(path):
    with pytest.raises(ValueError, match=r"^\S*run.zip contains a checkpoint, a vectors is expected$"):
        read_archive(path, "vectors", 2)
    for version in (1, 3):
        message = (
            rf"^\S*run.zip contains a checkpoint of version 2, this release of sampledsoftmax reads version {version}$"
        )
        with pytest.raises(ValueError, match=message):
            read_archive(path, "checkpoint", version)


def rewritten(path, change):
    """Rewrite an archive with other members, with correct checksums of zip; `change` gets them as a dict of bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["archive.json"])
    change(members, about)
    if "archive.json" in members:
        members["archive.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edited(members, _):
    members["table.npy"] = members["table.npy"][:-1] + b"\x01"


def swapped(members, _):
    members["flag.npy"], members["big.npy"] = members["big.npy"], members["flag.npy"]


def longer(members, _):
    members["flag.npy"] += b"\0"


def reshaped(_, about):
    about["arrays"][0]["shape"] = [2**40, 2**20]


def negative(_, about):
    about["arrays"][0]["shape"] = [-301, -7]


def of_objects(_, about):
    about["arrays"][2].update(dtype="|O")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members, _: members.pop("table.npy"), "table.npy were expected in it, got "),
        (lambda members, _: members.update(x=b""), "were expected in it, got .*, x$"),
        (lambda members, _: members.pop("archive.json"), "no item named 'archive.json'"),
        (lambda _, about: about.update(format="other"), "archive.json is not of a sampledsoftmax archive 2"),
        (lambda _, about: about.pop("format"), "'format'"),
        (lambda _, about: about.update(arrays=7), "not iterable"),
        (lambda _, about: about["arrays"][0].update(more=1), "unexpected keyword argument 'more'"),
        (edited, "array table is not the one that was written"),
        (swapped, "array big is not the one that was written"),
        (longer, "array flag is not the one that was written"),
        (reshaped, r"array table has \d+ bytes, which cannot be <f4 of shape \[1099511627776, 1048576\]"),
        (negative, r"negative dimensions are not allowed"),
        (of_objects, r"array ids.a-b_c has dtype object"),
    ],
)
def test_members_that_are_not_what_was_written(path, change, message):
    rewritten(path, change)
    with pytest.raises(ValueError, match=rf"run.zip is .*damaged: .*{message}"):
        read_archive(path, "checkpoint", 2)


@pytest.mark.parametrize(
    ("meta", "arrays", "error", "message"),
    [
        ({}, {"a": np.array([None])}, TypeError, "array a has dtype object: numbers or bools are expected"),
        ({}, {"a": np.array(["x"])}, TypeError, "array a has dtype <U1"),
        ({}, {"../a": np.ones(1)}, ValueError, "'../a' cannot name an array"),
        ({}, {"": np.ones(1)}, ValueError, "'' cannot name an array"),
        ({"a": np.int64(3)}, {}, TypeError, "meta cannot be represented in JSON: Object of type int64"),
        ({"a": float("nan")}, {}, TypeError, "meta cannot be represented in JSON: Out of range float"),
        ({"a": (1, 2)}, {}, TypeError, "tuples become lists"),
        ({1: 2}, {}, TypeError, "keys that are not str"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(path, meta, arrays, error, message):
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        write_archive(path, "checkpoint", 2, meta, arrays)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_an_interrupt_leaves_the_old_file(path, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.io.archive._write_array", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_archive(path, "checkpoint", 2, {}, ARRAYS)
    assert [file.name for file in path.parent.iterdir()] == ["run.zip"]
    assert_same(read_archive(path, "checkpoint", 2)[1])


def write_more(path, megabytes):
    write_archive(path, "checkpoint", 2, {}, {"a": np.ones(megabytes * 2**17), "b": np.ones(5)})


LIMITED = """
import resource, sys
from tests.word2vec.test_archive import write_more
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
try:
    write_more(sys.argv[1], 3)
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs limits of a process")
def test_a_quota_leaves_the_old_file(path):
    run = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True)
    assert run.stdout == f"{path} cannot be written: File too large\n"
    assert [file.name for file in path.parent.iterdir()] == ["run.zip"]
    assert_same(read_archive(path, "checkpoint", 2)[1])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        path = disk / "run.zip"
        write_archive(path, "checkpoint", 2, META, ARRAYS)
        for megabytes in (3, 4, 8):
            if megabytes == 3:
                write_more(path, megabytes)  # fits next to the old one
                continue
            with pytest.raises(OSError, match=r"^\S*run.zip cannot be written: No space left on device$"):
                write_more(path, megabytes)
            assert [file.name for file in disk.iterdir()] == ["run.zip"]
            assert read_archive(path, "checkpoint", 2)[1]["a"].size == 3 * 2**17
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.name != "posix", reason="needs process ids that can be asked for")
def test_temporary_files_of_killed_processes_are_removed(path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = path.with_name(f".{path.name}{temp_suffix()}")
    left = mine.with_name(mine.name.replace(str(os.getpid()), str(gone.pid)))
    foreign = left.with_name(left.name.replace("run.zip.", "run.zip.elsewhere-"))
    other = left.with_name(left.name.replace("run.zip.", "other.zip."))
    for file in (left, foreign, other):
        file.write_bytes(b"begun")
    write_archive(path, "checkpoint", 2, META, ARRAYS)
    assert (left.exists(), foreign.exists(), other.exists()) == (False, True, True)
