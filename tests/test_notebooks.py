"""The notebooks run from top to bottom, and print what they show."""

import copy
import importlib.util
import os
import warnings
from pathlib import Path

import pytest

pytestmark = [pytest.mark.compiled, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 20_000
MOST_OUTPUT = 500
SECONDS_A_CELL = 600  # a busy machine compiles for minutes


def printed(cell):
    """Return what a cell prints, without warnings and logs of other packages."""
    assert all(out["output_type"] in ("stream", "execute_result") for out in cell["outputs"]), cell["source"]
    shown = [out for out in cell["outputs"] if out.get("name") != "stderr"]
    texts = [out["text"] if out["output_type"] == "stream" else out["data"]["text/plain"] for out in shown]
    return "".join(texts)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell["cell_type"] == "code"]


def needs_tensorflow(cell):
    return "tensorflow" in cell["metadata"].get("tags", [])


@pytest.fixture(scope="module")
def nbformat():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("nbclient", "ipykernel"):
            pytest.importorskip(name, reason=f"{name} is not installed: pip install 'sampledsoftmax[test]'")
        return pytest.importorskip("nbformat")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request, nbformat):
    return nbformat.read(request.param, as_version=4)


def executed(notebook):
    """Return a copy that has been run by a kernel of this Python, in the root of the repository."""
    from nbclient import NotebookClient  # noqa: PLC0415 - the fixture skips where it is not installed

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    ours = copy.deepcopy(notebook)
    resources = {"metadata": {"path": str(ROOT)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = NotebookClient(
            ours, timeout=SECONDS_A_CELL, startup_timeout=SECONDS_A_CELL, kernel_name="python3", resources=resources
        )
        return client.execute(env=environment)


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {"sampled_softmax_in_ten_cells", "port_your_tensorflow_model"}


def test_the_ten_cells_are_ten(nbformat):
    ten = nbformat.read(ROOT / "notebooks" / "sampled_softmax_in_ten_cells.ipynb", as_version=4)
    assert len(code_of(ten)) == 10


def test_stored_outputs_are_small_and_plain(notebook):
    assert len(str(notebook)) < MOST_BYTES
    for cell in code_of(notebook):
        assert len(printed(cell)) < MOST_OUTPUT, cell["source"]
        assert not any(out.get("name") == "stderr" for out in cell["outputs"]), cell["source"]


def test_a_run_prints_what_the_notebook_shows(notebook):
    kept = [printed(cell) for cell in code_of(notebook)]
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    for cell, text in zip(code_of(executed(notebook)), kept, strict=True):
        if has_tensorflow or not needs_tensorflow(cell):
            assert printed(cell) == text, cell["source"]
