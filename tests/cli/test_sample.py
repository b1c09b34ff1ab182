"""`sampledsoftmax sample`: its output, its figure and its errors."""

import sys

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.cli import main
from sampledsoftmax.diagnostics import zipf_counts
from sampledsoftmax.diagnostics.chart import BAR, bars, doubling
from tests.cli.test_commands import failed

COUNTS = zipf_counts(300)


@pytest.fixture
def counts(tmp_path):
    path = tmp_path / "counts.txt"
    path.write_text("".join(f"word{i} {count:.0f}\n" for i, count in enumerate(COUNTS)))
    return str(path)


def printed(capsys, *args):
    assert main(["sample", *args]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_it_lists_what_the_sampler_draws(capsys, counts):
    lines = printed(capsys, "--num-sampled", "5", "--range-max", "300", "--seed", "7").splitlines()
    drawn = ss.log_uniform_candidate_sampler([[0]], 1, 5, True, 300, seed=7).sampled_candidates
    assert lines[0] == "log_uniform draws 5 different classes of 300 (seed 7):"
    assert lines[1] == "  " + ", ".join(map(str, drawn))
    named = printed(capsys, "--num-sampled", "5", "--counts", counts, "--seed", "7").splitlines()
    assert named[1] == "  " + ", ".join(f"{i} word{i}" for i in drawn)


def test_shares_by_bins_of_ids(capsys, counts):
    rows = [line.split() for line in printed(capsys, "--num-sampled", "5", "--counts", counts).splitlines()]
    q = ss.LogUniformSampler(300).probability(np.arange(300))
    share = COUNTS / COUNTS.sum()
    first = next(row for row in rows if row[:1] == ["3-6"])
    numbers = [float(cell[:-1]) for cell in first if cell.endswith("%")]
    assert numbers[0] == pytest.approx(100 * share[3:7].sum(), abs=0.06)
    assert numbers[1] == pytest.approx(100 * q[3:7].sum(), abs=0.06)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ([], "log_uniform fits: 100 candidates are worth"),
        (["--sampler", "uniform"], "uniform does not fit"),
        (["--sampler", "fixed_unigram"], "fixed_unigram fits: 100 candidates are worth 100"),
        (["--sampler", "fixed_unigram", "--distortion", "0"], "fixed_unigram does not fit"),
    ],
)
def test_the_verdict_is_the_last_line(capsys, counts, options, verdict):
    assert printed(capsys, "--counts", counts, *options).splitlines()[-1].startswith(verdict)


def test_few_classes_are_all_drawn(capsys, tmp_path):
    path = tmp_path / "few.txt"
    path.write_text("4\n0\n5\n")
    assert printed(capsys, "--counts", str(path)).startswith("log_uniform draws 3 different classes of 3 ")
    text = printed(capsys, "--counts", str(path), "--sampler", "fixed_unigram")
    assert text.startswith("fixed_unigram draws 2 different classes of 3 ")
    path.write_text("4\n")
    assert printed(capsys, "--counts", str(path)).startswith("log_uniform draws 1 different classes of 1 ")


def test_the_figure(capsys, counts, tmp_path):
    path = tmp_path / "fit.png"
    assert printed(capsys, "--counts", counts, "--plot", str(path)).splitlines()[-1] == f"figure: {path}"
    assert path.read_bytes().startswith(b"\x89PNG")
    without = tmp_path / "without.png"
    printed(capsys, "--range-max", "70", "--plot", str(without))
    assert without.exists()


def test_errors_are_one_line(capsys, counts, tmp_path, monkeypatch):
    assert failed(capsys, "sample", "--counts", "nowhere") == "counts file 'nowhere' does not exist"
    assert "directory" in failed(capsys, "sample", "--counts", str(tmp_path)).lower()
    line = failed(capsys, "sample", "--counts", counts, "--range-max", "10")
    assert line == "--range-max is 10, but the file has 300 counts: omit it"
    assert failed(capsys, "sample", "--sampler", "fixed_unigram").endswith("give them with --counts FILE")
    assert failed(capsys, "sample", "--distortion", "1").startswith("--distortion is a setting of fixed_unigram")
    assert failed(capsys, "sample", "--num-sampled", "0") == "num_sampled must be at least 1, got 0"
    assert failed(capsys, "sample", "--range-max", "0") == "--range-max must be at least 1, got 0"
    assert "cannot be drawn from range_max = 300" in failed(
        capsys, "sample", "--counts", counts, "--num-sampled", "301"
    )
    assert failed(capsys, "sample", "--plot", "fit.svg") == "--plot must name a .png file, got 'fit.svg'"
    assert "is not one of 'log_uniform', 'uniform', 'fixed_unigram'" in failed(capsys, "sample", "--sampler", "zipf")
    without_matplotlib(monkeypatch)
    line = failed(capsys, "sample", "--plot", str(tmp_path / "a.png"))
    assert line == "matplotlib is not installed: pip install 'sampledsoftmax[plot]'"


def without_matplotlib(monkeypatch):
    ours = ("sampledsoftmax.diagnostics.figures",)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib" or name in ours]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_without_a_figure_matplotlib_is_not_needed(capsys, monkeypatch):
    without_matplotlib(monkeypatch)
    assert "draws 5" in printed(capsys, "--num-sampled", "5")


@pytest.mark.parametrize("num_classes", [1, 2, 3, 10, 127, 128, 10_000])
@pytest.mark.parametrize("fine", [1, 8])
def test_bins_cover_every_class_once(num_classes, fine):
    bins = doubling(num_classes, fine)
    assert bins.starts[0] == 0
    assert bins.starts[-1] == num_classes
    assert (bins.sizes() > 0).all()
    assert bins.sums(np.ones(num_classes)).tolist() == bins.sizes().tolist()
    assert len(bins.names()) == bins.sizes().size


def test_the_longest_bar_belongs_to_the_largest_share():
    lines = bars(["0", "1-2"], ["ids", "a", "b"], [np.array([0.1, 0.9]), np.array([0.5, 0.5])])
    assert max(line.count("#") for line in lines) == BAR + round(BAR * 5 / 9)
    assert bars(["0"], ["ids", "a"], [np.array([0.0])])[1].split() == ["0", "0.0%"]


def test_counts_whose_sum_overflows_are_refused_in_one_line(capsys, tmp_path):
    (tmp_path / "counts.txt").write_text("1e308\n1e308\n")
    message = failed(capsys, "sample", "--counts", str(tmp_path / "counts.txt"))
    assert message == "counts must add up to a finite number above 0, got inf for 2 classes"


def test_samplers_are_compared_with_a_trained_model(capsys, tmp_path):
    corpus, run = tmp_path / "corpus.txt", tmp_path / "run"
    corpus.write_text("the cat sat on the mat\nthe dog sat on the log\n" * 9)
    options = ["--vector-size", "8", "--min-count", "1", "--sample", "0", "--num-sampled", "3", "--epochs", "2"]
    assert main(["train", str(corpus), "--output", str(run), *options]) == 0
    capsys.readouterr()
    lines = printed(capsys, "--model", str(run), "--num-sampled", "4", "--seed", "2").splitlines()
    assert "7 words. Of 4 candidates" in lines[0]
    worth = {line.split()[0]: float(line.split()[1]) for line in lines[3:-2]}
    assert list(worth) == ["uniform", "log_uniform", "fixed_unigram^0.5", "fixed_unigram^0.75", "fixed_unigram"]
    assert all(0 < number <= 4 for number in worth.values())
    assert lines[-1] == f"{max(worth, key=worth.get)} draws closest to this model."
    assert failed(capsys, "sample", "--model", str(tmp_path / "none")).startswith(str(tmp_path / "none"))
    message = failed(capsys, "sample", "--model", str(run), "--counts", "file")
    assert message == "--counts does not go with --model: all samplers are compared"
