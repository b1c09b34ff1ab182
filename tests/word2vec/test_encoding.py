"""Encoded corpora against a naive count, and the corpus cache."""

import gzip
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.io import atomic_write
from sampledsoftmax.word2vec.corpus.corpus import read_sentences
from sampledsoftmax.word2vec.encoding import corpus_cache, encode_passes
from sampledsoftmax.word2vec.encoding.encode import encode_and_grow, encode_corpus, encode_more
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary


def some_text(seed=1, num_lines=200):
    """Lines of 0 to 30 words, a few of them common, with several kinds of line ends and white space."""
    rng = random.Random(seed)
    words = [f"w{int(rng.paretovariate(0.7)) % 300}" for _ in range(4000)] + ["\u00fcber", "a\1b", "\u8a00\u8449"] * 9
    lines = [
        "\u3000".join(rng.choices(words, k=rng.randrange(8))) + " \t".join(rng.choices(words, k=rng.randrange(22)))
        for _ in range(num_lines)
    ]
    return "\r\n".join(lines)


def naive(source, min_count):
    sentences = list(read_sentences(source))
    counts = Counter(word for sentence in sentences for word in sentence)
    words = sorted((w for w, c in counts.items() if c >= min_count), key=lambda w: (-counts[w], w))
    kept = [[words.index(word) for word in sentence if word in words] for sentence in sentences]
    return words, [counts[word] for word in words], kept


def sentences_of(stream):
    bounds = stream.offsets.tolist()
    return [stream.ids[a:b].tolist() for a, b in itertools.pairwise(bounds)]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(some_text().encode())
    return path


def assert_is(encoded, source, min_count):
    words, counts, sentences = naive(source, min_count)
    assert encoded.vocabulary.words == words
    assert encoded.vocabulary.counts.tolist() == counts
    assert encoded.stream.ids.dtype == np.int32
    assert encoded.stream.offsets.dtype == np.int64
    assert sentences_of(encoded.stream) == sentences


@pytest.mark.parametrize("min_count", [1, 2, 5])
@pytest.mark.parametrize("with_cache", [False, True])
def test_files_and_token_lists_give_what_a_naive_count_gives(corpus, tmp_path, min_count, with_cache, monkeypatch):
    compressed = tmp_path / "corpus.gz"
    compressed.write_bytes(gzip.compress(corpus.read_bytes()))
    cache = tmp_path / "cache" if with_cache else None
    monkeypatch.setattr(encode_passes, "_WORDS_PER_BLOCK", 100)
    monkeypatch.setattr("sampledsoftmax.word2vec.corpus.corpus.TextFiles.__init__.__defaults__", ("strict", 500))
    for source in (corpus, compressed, [corpus, str(compressed)], list(read_sentences(corpus))):
        assert_is(encode_corpus(source, min_count, cache), source, min_count)


def test_arrays_are_mapped_read_only_and_leave_nothing(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    stream = encode_corpus(corpus, 1).stream
    assert isinstance(stream.ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        stream.ids[0] = 1
    expected = stream.ids.tolist()
    if os.name == "posix":
        assert set(tmp_path.iterdir()) == before
        assert stream.ids.tolist() == expected
    del stream
    assert set(tmp_path.iterdir()) == before


def test_a_stream_without_words(tmp_path):
    vocabulary = Vocabulary(["a", "b"], np.array([2, 1]))
    for source in ([["x"], []], []):
        stream = encode_more(source, vocabulary)
        assert (stream.ids.size, stream.offsets.tolist()) == (0, [0] * (len(source) + 1))
    with pytest.raises(ValueError, match=r"^the corpus is empty: it has no words$"):
        encode_corpus([[]], 1)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^the corpus is empty: it has no words$"):
        encode_corpus(tmp_path / "empty", 1)


def test_too_few_words():
    text = [["b", "a", "b"], ["a", "c"], ["d", "b"]]
    message = r"^1 of the 4 distinct words of the corpus occur at least min_count=3 times: .* 'b', occurs 3 times$"
    with pytest.raises(ValueError, match=message):
        encode_corpus(text, 3)
    with pytest.raises(ValueError, match=r"one distinct word, 'a' \(2 times\)"):
        encode_corpus([["a", "a"]], 1)


def test_token_lists_that_are_none():
    with pytest.raises(TypeError, match="sentence 1 of the corpus is str 'to be', a sequence of tokens is expected"):
        encode_corpus([["a"], "to be"], 1)
    with pytest.raises(TypeError, match=r"token 1 of sentence 0 of the corpus is float .*: tokens must be str or int"):
        encode_corpus([["a", 3.0]], 1)
    with pytest.raises(TypeError, match=r"token 0 of sentence 0 of the corpus is list \['a'\]: tokens must be"):
        encode_corpus([[["a"]]], 1)
    with pytest.raises(TypeError, match="sentence 1 of the corpus is int 3, a sequence of tokens is expected"):
        encode_corpus([["a"], 3], 1)
    with pytest.raises(TypeError, match=r"sentence 0 of the corpus is a one-shot map, .* write list\(sentence\)"):
        encode_corpus([map(str, range(3))], 1)
    with pytest.raises(TypeError, match="one-shot generator"):
        encode_corpus((line for line in [["a"]]), 1)
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        encode_corpus([["a"]], 0)


def test_more_text_keeps_ids_and_counts(corpus, tmp_path):
    first = encode_corpus(corpus, 3).vocabulary
    more = tmp_path / "more.txt"
    more.write_text(some_text(seed=2) + " new new new newer newer rare", encoding="utf-8")
    sentences = list(read_sentences(more))
    stream = encode_more(more, first)
    assert sentences_of(stream) == [[first.ids[w] for w in s if w in first.ids] for s in sentences]

    grown, stream = encode_and_grow(more, first, min_count=2)
    counts = Counter(word for sentence in sentences for word in sentence)
    new = sorted((w for w in counts if w not in first.ids and counts[w] >= 2), key=lambda w: (-counts[w], w))
    assert {"new", "newer"} <= set(new)
    assert "rare" not in grown.ids
    assert grown.words == first.words + new
    old = [count + counts[word] for word, count in zip(first.words, first.counts.tolist(), strict=True)]
    assert grown.counts.tolist() == old + [counts[word] for word in new]
    assert sentences_of(stream) == [[grown.ids[w] for w in s if w in grown.ids] for s in sentences]


def test_words_that_text_cannot_hold(corpus, tmp_path):
    """A vocabulary of token lists may contain white space and lone surrogates, in the cache too."""
    odd = Vocabulary(["New\nYork", "\ud800", "w1"], np.array([3, 2, 1]))
    first = encode_and_grow(corpus, odd, 1, tmp_path / "cache")
    again = encode_and_grow(corpus, odd, 1, tmp_path / "cache")
    assert first.vocabulary.words[:3] == again.vocabulary.words[:3] == odd.words
    assert again.vocabulary.words == first.vocabulary.words
    vocabulary = Vocabulary(["New York", "\ud800", "to"], np.array([3, 2, 1]))
    assert encode_more([["New York", "to", "\ud800", "New"]], vocabulary).ids.tolist() == [0, 2, 1]
    grown = encode_and_grow([["New York", "be"]], vocabulary, min_count=1).vocabulary
    assert grown.words == ["New York", "\ud800", "to", "be"]


def test_progress_goes_to_the_end(corpus, tmp_path, monkeypatch):
    compressed = tmp_path / "corpus.gz"
    compressed.write_bytes(gzip.compress(corpus.read_bytes()))
    monkeypatch.setattr("sampledsoftmax.word2vec.corpus.corpus.TextFiles.__init__.__defaults__", ("strict", 1000))
    seen = []
    encode_corpus([corpus, compressed, corpus], 1, on_progress=lambda *progress: seen.append(progress))
    total = 2 * corpus.stat().st_size + compressed.stat().st_size
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert len(seen) > 10


SCRIPT = """
import sys
from pathlib import Path
from sampledsoftmax.word2vec.encoding.encode import encode_corpus
source, cache = sys.argv[1:3]

def on_progress(*progress):
    print(*progress, file=sys.stderr)

vocabulary, stream = encode_corpus(source, 2, cache or None, on_progress=on_progress)
print(hash("a") % 1000, repr(vocabulary.words[:9]), stream.ids.tolist()[:50], stream.ids.sum(), stream.offsets.sum())
"""


def in_process(source, cache="", stdin=None, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(source), str(cache)],
        stdin=subprocess.PIPE if stdin is not None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


def test_standard_input_is_read_once_and_hash_seeds_do_not_matter(corpus):
    runs = [in_process(corpus, PYTHONHASHSEED=str(seed)) for seed in (0, 1)]
    runs.append(in_process("-", stdin=True, PYTHONHASHSEED="7"))
    outputs = [run.communicate(corpus.read_bytes() if run.stdin else None) for run in runs]
    assert all(run.returncode == 0 for run in runs), outputs
    results = [out.split(maxsplit=1) for out, _ in outputs]
    assert len({seed for seed, _ in results}) > 1
    assert len({rest for _, rest in results}) == 1
    assert outputs[-1][1].split()[1] == b"None"  # how much there is cannot be known


def encoded_with(cache, source, min_count=2, **options):
    """Return an encoded corpus and the folders of the cache that were used again."""
    reused = []
    return encode_corpus(source, min_count, cache, on_reuse=reused.append, **options), reused


def test_the_cache_is_used_again_for_the_same_files_and_settings(corpus, tmp_path, monkeypatch):
    cache = tmp_path / "deep" / "cache"
    first, reused = encoded_with(cache, corpus)
    assert reused == []
    monkeypatch.setattr(
        "sampledsoftmax.word2vec.corpus.corpus.TextFiles.blocks", lambda _: pytest.fail("it was read again")
    )
    second, reused = encoded_with(cache, corpus)
    assert [folder.parent for folder in reused] == [cache]
    assert (second.vocabulary.words, sentences_of(second.stream)) == (
        first.vocabulary.words,
        sentences_of(first.stream),
    )
    np.testing.assert_array_equal(second.vocabulary.counts, first.vocabulary.counts)
    monkeypatch.chdir(corpus.parent)
    assert len(encoded_with(cache, [Path(corpus.name)])[1]) == 1
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_the_cache_is_not_used_for_anything_else(corpus, tmp_path):
    cache = tmp_path / "cache"
    encoded_with(cache, corpus)
    assert encoded_with(cache, corpus, min_count=3)[1] == []
    assert encoded_with(cache, corpus, errors="replace")[1] == []
    assert encoded_with(cache, [corpus, corpus])[1] == []
    sentences = list(read_sentences(corpus))
    assert encoded_with(cache, sentences)[1] == encoded_with(cache, sentences)[1] == []
    status = corpus.stat()
    corpus.write_bytes(corpus.read_bytes()[::-1].decode("utf-8", "ignore").encode().ljust(status.st_size))
    os.utime(corpus, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    changed, reused = encoded_with(cache, corpus)
    assert reused == []
    assert_is(changed, corpus, 2)
    first, second = changed.vocabulary.words[:2]
    for words in ([first, second], [second, first]):
        stream = encode_more(corpus, Vocabulary(words, np.array([2, 1])), cache)
        assert np.bincount(stream.ids).tolist() == [changed.vocabulary.counts[changed.vocabulary.ids[w]] for w in words]


@pytest.mark.parametrize("name", ["ids.npy", "offsets.npy", "words.npy", "counts.npy", "num_tokens.npy", "corpus.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_cache_entry_is_rebuilt(corpus, tmp_path, name, damage):
    cache = tmp_path / "cache"
    encoded_with(cache, corpus)
    (folder,) = cache.iterdir()
    data = bytearray((folder / name).read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    else:
        del data[len(data) // 2 :]
    (folder / name).unlink()
    if damage != "remove":
        (folder / name).write_bytes(data)
    encoded, reused = encoded_with(cache, corpus)
    assert reused == []
    assert_is(encoded, corpus, 2)
    assert len(encoded_with(cache, corpus)[1]) == 1


def interrupted(*_):
    raise KeyboardInterrupt


def test_an_interrupted_run_leaves_no_incomplete_entry(corpus, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    for place in ("encode_passes.write_stream", "encode.save_vocabulary", "encode.map_stream"):
        with monkeypatch.context() as patch:
            patch.setattr(f"sampledsoftmax.word2vec.encoding.{place}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                encode_corpus(corpus, 2, cache)
        if place != "encode.map_stream":  # which is after the last of the writing
            assert list(cache.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(encode_passes, "write_stream", interrupted)
        patch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        with pytest.raises(KeyboardInterrupt):
            encode_corpus(corpus, 2)
        assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_a_killed_process_left_is_removed(corpus, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = cache / f".corpus.abc{atomic_write.temp_suffix()}"
    left = mine.with_name(mine.name.replace(str(os.getpid()), str(gone.pid)))
    foreign = left.with_name(left.name.replace(".abc.", ".abc.elsewhere-"))
    for folder in (left, mine, foreign):
        folder.mkdir()
        (folder / "ids.npy").write_bytes(b"begun")
    encode_corpus(corpus, 2, cache)
    assert not left.exists()
    assert mine.exists()
    assert foreign.exists()


def test_two_processes_encode_to_one_cache(corpus, tmp_path):
    cache = tmp_path / "cache"
    runs = [in_process(corpus, cache) for _ in range(2)]
    outputs = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert len({out.split(maxsplit=1)[1] for out, _ in outputs}) == 1
    assert len(list(cache.iterdir())) == 1
    assert len(encoded_with(cache, corpus)[1]) == 1


def test_a_process_that_was_first_wins(corpus, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    write = encode_passes.write_stream

    def meanwhile(*arguments):
        monkeypatch.setattr(encode_passes, "write_stream", write)
        encode_corpus(corpus, 2, cache)
        (folder,) = (path for path in cache.iterdir() if not path.name.startswith("."))
        (folder / "first").touch()
        return write(*arguments)

    monkeypatch.setattr(encode_passes, "write_stream", meanwhile)
    assert_is(encode_corpus(corpus, 2, cache), corpus, 2)
    (folder,) = cache.iterdir()
    assert (folder / "first").exists()


def test_directories_that_cannot_be_written(corpus, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"^\S*file/cache cannot be written: Not a directory$"):
        encode_corpus(corpus, 2, tmp_path / "file" / "cache")
    with pytest.raises(OSError, match=r"^\S*file cannot be written: File exists$"):
        encode_corpus(corpus, 2, tmp_path / "file")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"^\S*file cannot be written: "):
        encode_corpus(corpus, 2)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_is_one_line_and_leaves_nothing(corpus, tmp_path):
    disk, many = tmp_path / "disk", tmp_path / "many.txt"
    disk.mkdir()
    many.write_text(" ".join(f"word{i}" for i in range(30_000)))
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], check=False, capture_output=True
    ).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        encode_corpus(corpus, 2, disk)
        kept = set(disk.rglob("*"))
        sources = {
            "first pass": [many] * 10,
            "ids": [many] * 3,
            "words": [many],
        }  # by what fills the disk
        for source in sources.values():
            with pytest.raises(OSError, match=r"^\S*disk\S* cannot be written: No space left on device$"):
                encode_corpus(source, 1, disk)
            assert set(disk.rglob("*")) == kept
        assert len(encoded_with(disk, corpus)[1]) == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.name != "posix", reason="needs permissions")
def test_a_cache_that_is_read_only_is_read_and_not_written(corpus, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    encode_corpus(corpus, 2, cache)
    cache.chmod(0o555)
    try:
        assert len(encoded_with(cache, corpus)[1]) == 1
        if os.access(cache, os.W_OK):  # root writes anywhere
            monkeypatch.setattr(
                "tempfile.mkdtemp", lambda **_: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
            )
        with pytest.raises(PermissionError, match=r"^\S*cache cannot be written: Permission denied$"):
            encode_corpus(corpus, 3, cache)
    finally:
        cache.chmod(0o755)


def same_size_and_time(path, text):
    """Change a file as `cp -p` or `rsync -t` may: its size and its time of modification are as before."""
    status = path.stat()
    assert len(text.encode()) == status.st_size
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns


@pytest.mark.skipif(os.name != "posix", reason="the time of the last change is of POSIX")
def test_other_text_of_the_same_size_and_time_is_read_again(tmp_path):
    path, cache = tmp_path / "text", tmp_path / "cache"
    for number in range(20):  # quickly one after the other
        text = "a b a\n" if number % 2 else "b a b\n"
        if path.exists():
            same_size_and_time(path, text)
        else:
            path.write_text(text)
        encoded, reused = encoded_with(cache, path, 1)
        assert (encoded.vocabulary.words, reused) == (text.split()[:2], [])
        assert len(encoded_with(cache, path, 1)[1]) == 1
    other = tmp_path / "other"
    other.write_text("c d c\n")
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert encoded_with(cache, path, 1)[0].vocabulary.words == ["c", "d"]


def test_the_encoding_is_part_of_the_key(tmp_path):
    path, cache = tmp_path / "text", tmp_path / "cache"
    path.write_text("\u00fc b \u00fc\n", encoding="cp1252")
    assert encoded_with(cache, path, 1, encoding="cp1252")[0].vocabulary.words == ["\u00fc", "b"]
    other, reused = encoded_with(cache, path, 1, encoding="cp1251")
    assert (other.vocabulary.words, reused) == (["\u044c", "b"], [])
    assert len(encoded_with(cache, path, 1, encoding="windows-1252")[1]) == 1  # another name of the same
    with pytest.raises(ValueError, match="is not UTF-8"):
        encoded_with(cache, path, 1)


@pytest.mark.parametrize("change", ["grow", "replace", "vanish"])
def test_files_that_change_while_they_are_read_are_not_kept(tmp_path, change):
    path, cache = tmp_path / "text", tmp_path / "cache"
    path.write_text("a b a\n" * 3)

    def on_progress(done, total):
        if done == total and path.exists():
            if change == "grow":
                with path.open("a") as file:
                    file.write("c\n")
            elif change == "replace":
                (tmp_path / "new").write_text("c d c\n" * 3)
                (tmp_path / "new").replace(path)
            else:
                path.unlink()

    encoded = encode_corpus(path, 1, cache, on_progress=on_progress)
    assert encoded.vocabulary.words == ["a", "b"]
    assert encoded.stream.ids.tolist() == [0, 1, 0] * 3
    assert list(cache.iterdir()) == []
    if change != "vanish":
        assert "c" in encode_corpus(path, 1, cache).vocabulary.words


@pytest.mark.parametrize("kind", ["file", "link", "empty", "no checksums"])
def test_an_entry_that_is_something_else_is_replaced(corpus, tmp_path, kind):
    cache = tmp_path / "cache"
    encoded_with(cache, corpus)
    (folder,) = cache.iterdir()
    moved = folder.rename(tmp_path / "moved")
    if kind == "file":
        folder.write_text("this is not a folder")
    elif kind == "link":
        folder.symlink_to(tmp_path / "nowhere")
    elif kind == "empty":
        folder.mkdir()
    else:
        about = json.loads((moved / "corpus.json").read_text())
        folder.mkdir()
        (folder / "corpus.json").write_text(json.dumps({**about, "checksums": {}}))
    encoded, reused = encoded_with(cache, corpus)
    assert reused == []
    assert_is(encoded, corpus, 2)
    assert len(encoded_with(cache, corpus)[1]) == 1


def test_an_entry_that_is_removed_while_it_is_opened_is_made_again(corpus, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    encoded_with(cache, corpus)
    real = corpus_cache.CorpusCache.holds

    def holds(self, about):
        found = real(self, about)
        shutil.rmtree(self.folder_of(about), ignore_errors=True)
        return found

    monkeypatch.setattr(corpus_cache.CorpusCache, "holds", holds)
    encoded, reused = encoded_with(cache, corpus)
    assert reused == []
    assert_is(encoded, corpus, 2)
