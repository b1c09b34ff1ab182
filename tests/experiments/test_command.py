"""`python -m sampledsoftmax.experiments`, at tiny sizes: files, figures, repeats and mistakes."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from sampledsoftmax.experiments.catalog import EXPERIMENTS
from sampledsoftmax.experiments.command import main
from sampledsoftmax.experiments.record import plain
from sampledsoftmax.experiments.tables import TABLES, rewritten

FIGURES = {
    "bias": ["bias.svg", "noise.svg"],
    "trained": ["trained.svg"],
    "mistakes": ["mistakes_gradient.svg", "mistakes_loss.svg"],
    "objectives": ["learnt.svg", "objectives_loss.svg"],
}


def run(*args, code=0):
    found = CliRunner().invoke(main, list(map(str, args)))
    assert found.exit_code == code, found.output
    return found.output


def test_every_experiment_has_its_figures_here():
    assert FIGURES.keys() == EXPERIMENTS.keys()


@pytest.mark.compiled
@pytest.mark.parametrize("name", FIGURES)
def test_an_experiment_writes_its_figures_and_repeats_them(name, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    printed = run(name, "--quick", "--output", first).split()
    expected = [f"{name}.json", *FIGURES[name]]
    assert printed == [str(first / file) for file in expected]
    assert sorted(path.name for path in first.iterdir()) == sorted(expected)
    run(name, "--quick", "--output", second)
    for file in expected:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file
    record = json.loads((first / f"{name}.json").read_text())
    assert record["command"] == f"python -m sampledsoftmax.experiments {name} --quick"
    assert record["settings"].keys() & {"seed", "seeds"}
    assert {"numpy", "numba", "python", "sampledsoftmax"} <= record["versions"].keys()
    for figure in FIGURES[name]:
        assert ET.parse(first / figure).getroot().tag.endswith("svg")
        (first / figure).unlink()
    run(name, "--redraw", "--output", first)
    assert (first / FIGURES[name][0]).read_bytes() == (second / FIGURES[name][0]).read_bytes()


def test_mistakes(tmp_path):
    assert "is not there: run bias without --redraw first" in run("bias", "--redraw", "--output", tmp_path, code=1)
    assert "Missing option '--output'" in run("bias", code=2)
    assert "Missing argument 'NAME...'" in run("--output", tmp_path, code=2)
    assert "'zipf' is not one of" in run("zipf", "--output", tmp_path, code=2)


def test_without_matplotlib_one_line_names_the_extra():
    program = "import sys, runpy; sys.modules['matplotlib'] = None; runpy.run_module('sampledsoftmax.experiments')"
    found = subprocess.run(
        [sys.executable, "-c", program.replace("')", "', run_name='__main__')")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stderr == "matplotlib is not installed: pip install 'sampledsoftmax[cli,plot]'\n"


def test_help_names_every_experiment():
    text = run("--help")
    assert all(name in text for name in (*EXPERIMENTS, "all", "tables"))


def test_tables_are_written_into_the_pages_beside_the_folder(tmp_path):
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
    with pytest.raises(ValueError, match="asks for figures 'none'; there are bias, trained"):
        rewritten("<!-- figures: none --><!-- end -->", figures)
    with pytest.raises(ValueError, match="has no '<!-- end -->'"):
        rewritten("<!-- figures: trained -->", figures)
    assert "trained" in TABLES


def test_what_json_cannot_hold_is_null():
    assert plain({"a": float("inf"), "b": (1, 2.0000001), "c": None}) == {"a": None, "b": [1, 2.0], "c": None}
