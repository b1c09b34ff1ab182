import gzip

import numpy as np
import pytest

from sampledsoftmax.word2vec.vectors import formats
from sampledsoftmax.word2vec.vectors.formats import FORMATS, load, metadata_path, save
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

ODD = ["naïve", "日本語", "</s>", '"quoted"', "it's", "3.14", "-1e5", "nan", "#", ",", "a\\b", "x" * 5000, "\U0001f600"]
ROWS = np.random.default_rng(1).normal(size=(len(ODD), 3)).astype(np.float32)
FILES = {name: f"vectors{form.suffixes[0]}" for name, form in FORMATS.items() if name != "projector"}


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("words", [ODD, ["nul\0inside", *ODD[1:]]], ids=["odd", "nul"])
def test_odd_words_come_back(tmp_path, form, words):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / FILES[form]
    save(WordVectors(words, ROWS), path, form)
    once = path.read_bytes()
    loaded = load(path)
    assert loaded.words == words
    np.testing.assert_array_equal(loaded.vectors, ROWS)
    assert loaded.vectors.dtype == np.float32
    save(loaded, path, form)
    assert path.read_bytes() == once
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("form", ["numpy", "safetensors"])
def test_float64_stays_float64(tmp_path, form):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / FILES[form]
    save(WordVectors(["a", "b"], np.eye(2) / 3), path, form)
    assert load(path).vectors.dtype == np.float64


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_ours_and_we_read_gensims(tmp_path, binary):
    gensim = pytest.importorskip("gensim.models")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    vectors = WordVectors(ODD, ROWS)
    vectors.save_word2vec_format(ours, binary)
    peer = gensim.KeyedVectors.load_word2vec_format(ours, binary=binary)
    assert peer.index_to_key == ODD
    np.testing.assert_array_equal(peer.vectors, ROWS)
    peer.save_word2vec_format(theirs, binary=binary)
    loaded = WordVectors.load_word2vec_format(theirs, binary)
    assert loaded.words == ODD
    np.testing.assert_array_equal(loaded.vectors, ROWS)


def test_the_files_of_the_c_program(tmp_path):
    """Its text lines end with a space, its binary rows with a line end, and the first word is "</s>"."""
    header = b"2 2\n"
    rows = [(b"</s>", [0.5, -0.25]), (b"w\xc3\xb6rd", [1e-3, 12.0])]
    (tmp_path / "text").write_bytes(header + b"".join(w + b" %f %f \n" % tuple(row) for w, row in rows))
    (tmp_path / "binary").write_bytes(
        header + b"".join(w + b" " + np.array(r, "<f4").tobytes() + b"\n" for w, r in rows)
    )
    for name in ("text", "binary"):
        loaded = WordVectors.load_word2vec_format(tmp_path / name, binary=name == "binary")
        assert loaded.words == ["</s>", "wörd"]
        np.testing.assert_array_equal(loaded.vectors, np.array([row for _, row in rows], np.float32))
    loaded.save_word2vec_format(tmp_path / "again", binary=True)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "binary").read_bytes()


@pytest.mark.parametrize("binary", [False, True])
def test_compressed_files(tmp_path, binary):
    vectors = WordVectors(ODD, ROWS)
    for name in ("plain", "one.gz", "two.gz"):
        vectors.save_word2vec_format(tmp_path / name, binary)
    compressed = (tmp_path / "one.gz").read_bytes()
    assert gzip.decompress(compressed) == (tmp_path / "plain").read_bytes()
    assert compressed == (tmp_path / "two.gz").read_bytes()
    (tmp_path / "one.gz").rename(tmp_path / "renamed")
    assert WordVectors.load_word2vec_format(tmp_path / "renamed", binary).words == ODD
    (tmp_path / "half.gz").write_bytes(compressed[:-9])
    with pytest.raises(ValueError, match=r"half.gz is a damaged gzip file"):
        WordVectors.load_word2vec_format(tmp_path / "half.gz", binary)


def test_words_of_another_encoding(tmp_path):
    text, binary = b"1 1\nw\xf6rd 1.0\n", b"1 1\nw\xf6rd \0\0\x80?\n"
    for path, content, place in ((tmp_path / "t", text, "line 2"), (tmp_path / "b", binary, "word 1")):
        path.write_bytes(content)
        is_binary = path.name == "b"
        with pytest.raises(ValueError, match=rf"{place}: the word b'w\\xf6rd' is not UTF-8, at byte 5 of the file"):
            WordVectors.load_word2vec_format(path, is_binary)
        assert WordVectors.load_word2vec_format(path, is_binary, encoding="latin-1").words == ["wörd"]
        assert WordVectors.load_word2vec_format(path, is_binary, errors="replace").words == ["w\ufffdrd"]
        kept = WordVectors.load_word2vec_format(path, is_binary, errors="surrogateescape")
        kept.save_word2vec_format(tmp_path / "again", is_binary, errors="surrogateescape")
        assert (tmp_path / "again").read_bytes() == content
    with pytest.raises(ValueError, match=r"word 0 is 'w.*surrogates not allowed"):
        kept.save_word2vec_format(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_file_without_a_header_is_explained(tmp_path):
    (tmp_path / "glove.txt").write_text("the 0.1 0.2 0.3\n")
    with pytest.raises(ValueError, match='GloVe files have none: insert the line "WORDS 3" at the start'):
        load(tmp_path / "glove.txt")
    (tmp_path / "text.txt").write_text("the cat sat\n")
    with pytest.raises(ValueError, match=r"got b'the cat sat\\n'$"):
        load(tmp_path / "text.txt")


def test_words_that_a_format_cannot_hold(tmp_path):
    (tmp_path / "v").write_text("old")
    for form, word in (("projector", "a\tb"), ("projector", "a\r"), ("numpy", "a\0"), ("word2vec", "a b")):
        with pytest.raises(ValueError, match="word 1 is"):
            save(WordVectors(["ok", word], np.eye(2)), tmp_path / "v", form)
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=r"word 1 is 'a.nb'"):
        save(WordVectors(["ok", "a\nb"], np.eye(2)), tmp_path / "v", "safetensors")
    assert (tmp_path / "v").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_long_word_is_no_reason_for_gigabytes(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "_MAX_CHARACTERS", 100)
    with pytest.raises(ValueError, match="a NumPy array would allocate as many for each of the 2"):
        save(WordVectors(["a", "b" * 51], np.eye(2)), tmp_path / "v.npz", "numpy")


def test_projector_files(tmp_path):
    save(
        WordVectors(["a", "ü"], np.array([[0.1, 2.0], [1e-7, 3.0]], np.float32)), tmp_path / "vectors.tsv", "projector"
    )
    assert (tmp_path / "vectors.tsv").read_text() == "0.1\t2.0\n1e-07\t3.0\n"
    assert (tmp_path / "metadata.tsv").read_text(encoding="utf-8") == "a\nü\n"
    assert metadata_path(tmp_path / "x.tsv").name == "metadata.x.tsv"


@pytest.mark.parametrize("name", ["v.npz", "v.safetensors", "v.bin", "v.txt"])
@pytest.mark.parametrize("content", [b"", b"hello world", b"PK\3\4....", b"\x80\4N."])
def test_damaged_files_are_refused(tmp_path, name, content):
    if name == "v.safetensors":
        pytest.importorskip("safetensors")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name)


def test_arrays_that_are_no_vectors(tmp_path):
    path = tmp_path / "v.npz"
    for words, table, message in (
        (["a", "b"], np.eye(3), r"vectors must have shape \[2, dim\]"),
        (["a", "a"], np.eye(2), "'a' is repeated"),
        (["a", "b"], np.eye(2, dtype=int), "vectors must be float32 or float64"),
        ([1.0, 2.0], np.eye(2), "words must be a vector of strings or ints"),
    ):
        np.savez(path, words=np.array(words), vectors=table)
        with pytest.raises(ValueError, match=f"is not a file of words and vectors, or damaged: .*{message}"):
            load(path)
    np.savez(path, words=np.array([None], dtype=object), vectors=np.eye(1))
    with pytest.raises(ValueError, match="is not a file of words and vectors"):
        load(path)
    np.save(tmp_path / "array.npy", np.eye(2))
    (tmp_path / "array.npy").rename(path)
    with pytest.raises(ValueError, match="is not a file of words and vectors"):
        load(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(ValueError, match="format must be one of 'word2vec'"):
        save(WordVectors(["a"], np.eye(1)), path, "hdf5")
