"""`python -m experiments` at tiny sizes: files, figures, reproducibility and errors."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from experiments.catalog import EXPERIMENTS
from experiments.command import main
from experiments.record import plain
from experiments.tables import TABLES, rewritten

FIGURES = {
    "bias": ["bias.svg", "noise.svg"],
    "fit": ["fit.svg"],
    "trained": ["trained.svg"],
    "mistakes": ["mistakes_gradient.svg", "mistakes_loss.svg"],
    "objectives": ["learned.svg", "objectives_loss.svg"],
    "retrieval": ["retrieval.svg"],
    "faults": ["faults.svg"],
}


def run(*args, code=0):
    found = CliRunner().invoke(main, list(map(str, args)))
    assert found.exit_code == code, found.output
    return found.output


def test_every_experiment_is_listed_here():
    assert FIGURES.keys() == EXPERIMENTS.keys()


@pytest.mark.subset(1)
@pytest.mark.compiled
@pytest.mark.parametrize("name", FIGURES)
def test_an_experiment_writes_its_files_and_redraws_its_figures(name, tmp_path):
    printed = run(name, "--quick", "--output", tmp_path).split()
    expected = [f"{name}.json", *FIGURES[name]]
    assert printed == [str(tmp_path / file) for file in expected]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert record["command"] == f"python -m experiments {name} --quick"
    assert record["settings"].keys() & {"seed", "seeds"}
    assert {"numpy", "numba", "python", "sampledsoftmax"} <= record["versions"].keys()
    drawn = {file: (tmp_path / file).read_bytes() for file in FIGURES[name]}
    for file in FIGURES[name]:
        assert ET.parse(tmp_path / file).getroot().tag.endswith("svg")
        (tmp_path / file).unlink()
    run(name, "--redraw", "--output", tmp_path)
    assert {file: (tmp_path / file).read_bytes() for file in FIGURES[name]} == drawn


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("name", ["bias", "trained"])
def test_the_same_command_gives_the_same_files(name, tmp_path):
    for folder in ("one", "two"):
        run(name, "--quick", "--output", tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_invalid_options(tmp_path):
    assert "is not there: run bias without --redraw first" in run("bias", "--redraw", "--output", tmp_path, code=1)
    assert "Missing option '--output'" in run("bias", code=2)
    assert "Missing argument 'NAME...'" in run("--output", tmp_path, code=2)
    assert "'zipf' is not one of" in run("zipf", "--output", tmp_path, code=2)


@pytest.mark.compiled
def test_given_counts(tmp_path):
    counts = tmp_path / "counts.txt"
    counts.write_text("".join(f"{1000 // i}\n" for i in range(1, 41)))
    run("bias", "fit", "--quick", "--counts", counts, "--output", tmp_path)
    record = json.loads((tmp_path / "bias.json").read_text())
    assert (record["settings"]["counts"], record["settings"]["num_classes"]) == ("given", 40)
    assert record["command"].endswith(f"bias --quick --counts {counts}")
    orders = json.loads((tmp_path / "fit.json").read_text())["results"]
    assert [order["fit"]["first_unsorted"] is None for order in orders] == [True, False]
    assert orders[0]["fit"]["distance"]["worth"] > 2 * orders[1]["fit"]["distance"]["worth"]
    assert "mistakes uses its own corpus" in run("mistakes", "--counts", counts, "--output", tmp_path, code=1)
    counts.write_text("1\nmany\n")
    assert "line 2: expected a count" in run("bias", "--counts", counts, "--output", tmp_path, code=1)
    assert "does not exist" in run("bias", "--counts", tmp_path / "none", "--output", tmp_path, code=1)


def test_without_matplotlib_one_line_names_the_extra():
    program = "import sys, runpy; sys.modules['matplotlib'] = None; runpy.run_module('experiments')"
    found = subprocess.run(
        [sys.executable, "-c", program.replace("')", "', run_name='__main__')")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stderr == "matplotlib is not installed: pip install 'sampledsoftmax[cli,plot]'\n"


def test_help_names_every_experiment():
    text = run("--help")
    assert all(name in text for name in (*EXPERIMENTS, "all", "tables"))


def test_tables_are_updated_in_the_pages_beside_the_folder(tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    points = [["full softmax", 9, [0.5, 0.7]], ["counts", 4, [1.0, 2.0]], ["counts", 8, [0.9, 0.9]]]
    results = [dict(zip(("sampler", "num_sampled", "excess"), point, strict=True)) for point in points]
    (figures / "trained.json").write_text(json.dumps({"results": results}))
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    page.write_text("before <!-- figures: trained -->old<!-- end --> after\n")
    other.write_text("nothing\n")
    assert run("tables", "--output", figures).split() == [str(page)]
    text = page.read_text()
    assert "old" not in text
    assert "| counts | 1.500 | 0.900 |\n| full softmax |  | 0.600 |" in text
    assert text.startswith("before <!--")
    assert text.endswith("<!-- end --> after\n")
    assert run("tables", "--output", figures) == ""
    with pytest.raises(ValueError, match="names figures 'none'; there are sample, bias, trained"):
        rewritten("<!-- figures: none --><!-- end -->", figures)
    with pytest.raises(ValueError, match="has no '<!-- end -->'"):
        rewritten("<!-- figures: trained -->", figures)
    assert "trained" in TABLES


def test_non_finite_numbers_become_null():
    assert plain({"a": float("inf"), "b": (1, 2.0000001), "c": None}) == {"a": None, "b": [1, 2.0], "c": None}
