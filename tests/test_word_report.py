import json

import pytest

from benchmarks.word_report import DOCS, page, settings_table

RUN = {"epochs": 1, "wordsim": 0.5, "simlex": 0.25, "analogies": 0.125, "loss": 3.0}


def test_means_over_seeds_and_runs_that_diverged():
    results = [
        {**RUN, "settings": {}, "seed": 1},
        {**RUN, "settings": {}, "seed": 2, "wordsim": 0.7},
        {"epochs": 1, "settings": {"optimizer": "sgd"}, "seed": 1, "failed": "training diverged"},
    ]
    assert settings_table(results).splitlines()[2:] == [
        "| nothing | 1 | 2 | 0.600 | 0.250 | 0.125 | 3.000 |",
        "| `optimizer='sgd'` | 1 | 1 | 1 diverged |  |  |  |",
    ]


def test_the_page_shows_the_figures_that_are_kept():
    text = (DOCS / "words.md").read_text()
    words, settings = DOCS / "words.json", DOCS / "word-settings.json"
    if not (words.exists() and settings.exists()):
        pytest.skip("there are no figures of word vectors yet")
    figures = json.loads(words.read_text())["words"]
    assert page(text, figures, json.loads(settings.read_text())) == text
    assert text.count("| ours |") > 0
