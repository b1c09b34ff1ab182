import builtins
import json

import numpy as np
import pytest

from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.loss_plot import _epoch_means, save_loss_plot
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.training.output_directory import OutputDirectory
from sampledsoftmax.word2vec.training.progress import Progress
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

VECTORS = WordVectors(["a", "b"], np.eye(2, dtype=np.float32))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), new_file(path) as file:
        file.write("new \ud800")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]
    with new_file(path, "wb") as file:
        file.write(b"new\n")
    assert path.read_bytes() == b"new\n"
    assert names(tmp_path) == ["file"]


def test_what_a_run_leaves(tmp_path):
    output = OutputDirectory(tmp_path / "deep" / "run")
    assert names(output.path) == []
    history = [Progress(i, 2, 10 * i, 100 * i, 50 * i, 100, 1 / (3 * i), 0.5, 0.1) for i in (1, 2)]
    output.save(VECTORS, {"epochs": 2, "epochs_done": 2, "word": "ü"}, history)
    assert names(output.path) == ["loss.csv", "settings.json", "vectors.txt"]
    assert json.loads((output.path / "settings.json").read_text(encoding="utf-8"))["word"] == "ü"
    rows = (output.path / "loss.csv").read_text().splitlines()
    assert rows[0] == "epoch,step,pairs,words,loss,smoothed,learning_rate"
    assert rows[2] == f"2,20,200,100,{1 / 6!r},0.5,0.1"
    assert len(rows) == 3
    assert load_trained(output.path).words == ["a", "b"]


def test_the_loss_plot_is_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    output = OutputDirectory(tmp_path)
    assert output.save_plot([Progress(1, 1, 1, 1, 1, 1, 2.0)])
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_no_plot_without_matplotlib(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_matplotlib(name, *args, **options):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    assert not save_loss_plot(tmp_path / "loss.png", [])
    assert names(tmp_path) == []


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match=r"output directory .*file cannot be written: is not a directory"):
        OutputDirectory(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match=r"output directory .*below cannot be written: Not a directory"):
        OutputDirectory(tmp_path / "file" / "below")


def test_epoch_means_weigh_blocks_by_their_pairs():
    points = [(1, 10, 3.0), (1, 40, 1.0), (2, 50, 4.0), (2, 60, 2.0)]
    progress = [Progress(epoch, 2, 0, pairs, 0, 0, loss) for epoch, pairs, loss in points]
    assert _epoch_means(progress) == [(40, 1.5), (60, 3.0)]
