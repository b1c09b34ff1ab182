"""The tables of docs/words.md."""

import json

from benchmarks.words.report import DOCS, page, seeds_table, settings_table

RUN = {"epochs": 1, "wordsim": 0.5, "simlex": 0.25, "analogies": 0.125, "loss": 3.0}


def test_means_over_seeds_and_diverged_runs():
    results = [
        {**RUN, "settings": {}, "seed": 1},
        {**RUN, "settings": {}, "seed": 2, "wordsim": 0.7},
        {"epochs": 1, "settings": {"optimizer": "sgd"}, "seed": 1, "failed": "training diverged"},
    ]
    assert settings_table(results).splitlines()[2:] == [
        "| nothing | 1 | 2 | 0.600 | 0.250 | 0.125 | 3.000 |",
        "| `optimizer='sgd'` | 1 | 1 | 1 diverged |  |  |  |",
    ]


def test_spread_over_seeds():
    run = {"corpus": "names", "epochs": 5}
    results = [
        {**run, "seed": 1, "loss": 2.0},
        {**run, "seed": 2, "loss": 4.0},
        {**run, "seed": 3, "failed": "diverged"},
    ]
    assert seeds_table(results).splitlines()[2:] == ["| names | 5 | 3 | 1 | 3.000 ± 1.414 |  |  |  |"]


def test_the_page_shows_the_recorded_results():
    text = (DOCS / "words.md").read_text()
    words, settings, seeds, corpora = (
        json.loads((DOCS / f"{name}.json").read_text()) if (DOCS / f"{name}.json").exists() else None
        for name in ("words", "word-settings", "word-seeds", "word-corpora")
    )
    assert page(text, words["words"], settings, seeds, corpora) == text
    assert text.count("| ours |") > 0
