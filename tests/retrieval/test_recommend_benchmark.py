"""The benchmark on Yelp2018 and Gowalla runs on small files of their layout, and its table has what was measured."""

import gzip
import json
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("click", reason="click is not installed: pip install 'sampledsoftmax[cli]'")

from click.testing import CliRunner

from benchmarks.cli import main
from benchmarks.recommend import report
from benchmarks.recommend.compare import DATA, PUBLISHED, rows_of
from benchmarks.recommend.contestants import CONTESTANTS
from tests.retrieval.models import tastes

RUN = {"threads": 2, "rounds": None, "validation": False}


def result(data="yelp2018", contestant="ours", **more):
    figures = {"recall": 0.07, "ndcg": 0.06, "seconds": 100.0, "cpu_seconds": 90.0, "peak_mb": 400}
    return {"data": data, "contestant": contestant, "seed": 1, **RUN, **figures, **more}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    train, test = tastes().split(0.3, seed=1)
    for name, part in (("train", train), ("test", test)):
        with gzip.open(tmp_path / f"gowalla-{name}.txt.gz", "wt") as file:
            for user in np.flatnonzero(part.user_counts).tolist():
                print(user, *part.items_of(user).tolist(), file=file)
    monkeypatch.setenv("SAMPLEDSOFTMAX_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.compiled
@pytest.mark.slow  # a process of its own imports and trains
@pytest.mark.parametrize("split", [[], ["--validation"]])
def test_it_trains_evaluates_and_prints_a_table(folder, split):
    json_file = folder / "results.json"
    options = ["--seeds", "1", "--rounds", "2", "--json", str(json_file), *split]
    ran = CliRunner().invoke(main, ["recommend", *options])
    assert ran.exit_code == 0, ran.output
    assert "yelp2018 is skipped: it is not in" in ran.output
    results = json.loads(json_file.read_text())["recommend"]["results"]
    expected = [name for name in CONTESTANTS if find_spec(CONTESTANTS[name].package)]
    assert [one["contestant"] for one in results] == expected
    assert all(0 < one["recall"] <= 1 and one["seconds"] > 0 for one in results)
    assert ("LightGCN (published)" in ran.output) == (not split)


def test_rows_are_means_over_seeds_with_the_best_time_and_the_published_figures():
    results = [result(), result(seed=2, recall=0.08, seconds=80.0, peak_mb=500), result("gowalla", validation=True)]
    ours, *published, of_gowalla = rows_of(results)
    assert ours == ["yelp2018", "ours", "2", "0.0750 ± 0.0071", "0.0600 ± 0.0000", "80.0", "90.0", "500"]
    assert [row[1] for row in published] == list(PUBLISHED["yelp2018"])
    assert of_gowalla[:4] == ["gowalla", "ours", "1", "0.0700"]


def test_each_data_set_has_settings_of_each_contestant_and_published_figures():
    assert set(PUBLISHED) == set(DATA)
    assert all(set(contestant.settings) == set(DATA) for contestant in CONTESTANTS.values())


def test_names_that_do_not_exist_are_refused():
    ran = CliRunner().invoke(main, ["recommend", "--data", "yelp"])
    assert ran.exit_code == 2
    assert "'yelp' is not one of yelp2018, gowalla" in ran.output


def test_the_table_of_the_page_is_written_between_its_marks():
    machine = {
        "processor": "EPYC",
        "cores": 2,
        "python": "3.11",
        "versions": {"numpy": "2", "numba": "1", "implicit": "0.7"},
    }
    text = (report.DOCS / "recommend.md").read_text()
    page = report.page(text, {"machine": machine, "results": [result()]})
    assert "| yelp2018 | ours | 1 | 0.0700 |" in page
    assert report.page(page, {"machine": machine, "results": [result()]}) == page
