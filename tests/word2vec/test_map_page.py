"""The page of the word map in a browser."""

import numpy as np
import pytest

from sampledsoftmax.word2vec.plots.map_page import save_page
from sampledsoftmax.word2vec.plots.word_map import frequent_words
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

WORDS = ["award", "war", "warden", "peace", "</script>", *(f"w{i}" for i in range(40))]
# The state of the page: visible labels, words found by the search, texts.
STATE = """
const models = [...Bokeh.documents[0].all_models], sources = models.filter(m => m.type == "ColumnDataSource");
const labels = sources.find(s => s.data.label).data.label.filter(label => label);
return [labels, sources.find(s => !s.data.label).data.word, models.filter(m => m.type == "Div").map(m => m.text)];
"""
BOX = """
const inputs = root => [...root.querySelectorAll("*")].flatMap(
    e => (e.tagName == "INPUT" ? [e] : []).concat(e.shadowRoot ? inputs(e.shadowRoot) : []));
return inputs(document)[0];
"""


def test_search_and_labels(tmp_path, browser):
    pytest.importorskip("bokeh")
    wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(browser.driver, 60)
    vectors = WordVectors(WORDS, np.random.default_rng(1).normal(size=(45, 5)))
    word_map = frequent_words(vectors, 45, "pca")
    save_page(tmp_path / "map.html", vectors, word_map, "a map <of> words", np.arange(45, 0, -1))
    browser.open(tmp_path / "map.html", width=1200)
    wait.until(lambda page: page.execute_script("return Boolean(window.Bokeh && Bokeh.documents.length)"))
    wait.until(lambda page: page.execute_script(STATE)[0])
    labels, found, texts = browser.script(STATE)
    assert labels[0] == "award"
    assert 5 < len(labels) <= 45
    assert (found, "a map &lt;of&gt; words" in texts) == ([], True)
    box = wait.until(lambda page: page.execute_script(BOX))
    box.send_keys("War")
    wait.until(lambda page: len(page.execute_script(STATE)[1]) == 3)
    assert browser.script(STATE)[1] == ["war", "warden", "award"]
    assert "3 of 45 words" in browser.script(STATE)[2]
    box.send_keys("x")
    wait.until(lambda page: "no such word on this map" in page.execute_script(STATE)[2])
    assert browser.script(STATE)[1] == []
    console = browser.driver.get_log("browser")
    assert [entry for entry in console if entry["level"] == "SEVERE"] == []
