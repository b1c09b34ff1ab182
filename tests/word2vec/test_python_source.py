import io
import os
import tokenize

import pytest

from sampledsoftmax.word2vec.corpus.python_source import PythonSource, names_in

SOURCE = r'''
"""Doc with 'quotes' and \""" escaped."""
import os.path as path  # a comment with "quotes"
x1 = 0x1F + 1e5 + 1_000j + .5e3
text = rb"raw \" bytes" + f"{x1}" + u'it\'s' + ''
empty = """""" + \
    'a # no comment'
async def größe(self, *args):
    return not self.größe if args else """a "quoted" word"""
'''


def names_by_tokenize(source):
    """Names outside strings; from Python 3.12 on `tokenize` looks into f-strings, which are strings here."""
    starts = {getattr(tokenize, f"{kind}STRING_START", None) for kind in "FT"}
    ends = {getattr(tokenize, f"{kind}STRING_END", None) for kind in "FT"}
    names, depth = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        depth += (token.type in starts) - (token.type in ends)
        if token.type == tokenize.NAME and depth == 0:
            names.append(token.string)
    return names


def test_names_are_those_of_tokenize():
    names = names_in(SOURCE)
    assert names == names_by_tokenize(SOURCE)
    assert names[:5] == ["import", "os", "path", "as", "path"]


def test_names_of_this_file_are_those_of_tokenize():
    with open(__file__, encoding="utf-8") as file:
        source = file.read()
    assert names_in(source) == names_by_tokenize(source)


def test_tests_and_installed_packages_are_left_out(tmp_path):
    for place in ("b", "a", "test/c", "pkg/tests/d", "idlelib/idle_test/e", "site-packages/f", "pkg/g"):
        path = tmp_path / f"{place}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.stem} = 1\n")
    (tmp_path / "notes.txt").write_text("not = source")
    assert list(PythonSource(tmp_path)) == [["a"], ["b"], ["g"]]


def test_declared_encodings_are_followed_and_unreadable_files_counted(tmp_path):
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\ngr\xf6\xdfe = 1\n")
    (tmp_path / "broken.py").write_bytes(b"x = 1\n# \xff\n")
    (tmp_path / "odd.py").write_bytes(b"# -*- coding: no-such-codec -*-\n")
    source = PythonSource(tmp_path)
    assert source.sentences == [["größe"]]
    assert [path.name for path in source.unreadable] == ["broken.py", "odd.py"]


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
def test_what_is_no_file_is_counted_and_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "good.py").write_text("good = 1\n")
    (tmp_path / "locked").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "lost.py").symlink_to("nowhere")
    real = os.scandir

    def scandir(path):
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    source = PythonSource(tmp_path)
    assert source.sentences == [["good"]]
    assert sorted(path.name for path in source.unreadable) == ["locked", "lost.py", "pipe.py"]


def test_no_source_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no Python source under .*: name a corpus instead"):
        PythonSource(tmp_path)


def test_the_standard_library_is_there():
    source = PythonSource()
    assert sum(map(len, source)) > 100_000
    assert not any("test" in path.parts for path in source.unreadable)
