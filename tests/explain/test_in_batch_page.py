"""The page of an in-batch softmax: its matrix shows the trace, loads nothing, and says what it leaves out."""

import re

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.explanation.in_batch_example import explain_in_batch_example
from sampledsoftmax.explanation.in_batch_table import MOST_COLUMNS, MOST_QUERIES
from tests.explain.test_page import CONTRASTS
from tests.explain.test_views import Elements

RNG = np.random.default_rng(5)


def large(correction="log_q"):
    """Return a batch that does not fit on a page, with extra candidates of unknown ids."""
    ids, extra = RNG.integers(0, 60, 100), ss.ExtraCandidates(RNG.normal(size=(30, 3)), None, 0.1, 0.1, 0.01)
    queries, table = RNG.normal(size=(100, 3)), RNG.normal(size=(60, 3))
    options = {"extra_candidates": extra, "num_hard_negatives": 9, "correction": correction}
    return ss.explain_in_batch(queries, table[ids], ids, 1 / 60, temperature=0.1, **options)


def nothing():
    return ss.explain_in_batch(np.ones((0, 2)), np.ones((0, 2)), correction="none")


FOUND = {
    "example": explain_in_batch_example,
    "kept": lambda: explain_in_batch_example(remove_accidental_hits=False),
    "uncorrected": lambda: explain_in_batch_example(subtract_log_q=False),
    "large": large,
    "2025": lambda: large("log_q_2025"),
    "no ids": lambda: ss.explain_in_batch(np.eye(3), np.eye(3), correction="none"),
    "one": lambda: ss.explain_in_batch(np.ones((1, 2)), np.ones((1, 2)), [3], 0.5),
    "nothing": nothing,
    "infinite": lambda: ss.explain_in_batch(np.full((2, 2), 1e200), np.full((2, 2), 1e200), correction="none"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return (trace, path of its page) by name."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    for name in ("example", "kept", "large"):
        made[name] = (FOUND[name](), folder / f"{name}.html")
        made[name][0].save_html(made[name][1])
    return made


def rows_of(page, part="tbody"):
    """Return the (attributes, text) of the cells of each row of the table."""
    body = re.search(f"<{part}>(.*?)</{part}>", page, re.DOTALL)[1]
    return [re.findall(r"<td([^>]*)>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", body)]


def number(text):
    return float(text.replace("\u2212", "-"))


@pytest.mark.parametrize("name", FOUND)
def test_the_page_is_self_contained(name):
    page = FOUND[name]().to_html()
    elements = Elements(page)
    references = [v for _, attributes in elements.tags for k, v in attributes.items() if k in ("src", "href")]
    assert references == ["data:,"]
    assert not re.search(r"https?:|@import|url\(|//[a-z]|<script|{{", page)
    assert "default-src 'none'" in page
    assert "script-src" not in page


@pytest.mark.parametrize("name", FOUND)
def test_every_cell_shows_its_logit_or_why_it_has_none(name):
    found = FOUND[name]()
    size, num_columns = found.logits.shape
    extra = num_columns - size
    in_batch = min(size, MOST_COLUMNS - min(extra, MOST_COLUMNS - MOST_QUERIES))
    columns = [*range(in_batch), *range(size, size + min(extra, MOST_COLUMNS - in_batch))]
    for page in (found.to_html(), found._repr_html_()):
        rows = rows_of(page)
        assert len(rows) == min(size, MOST_QUERIES)
        for b, cells in enumerate(rows):
            assert number(cells[-1][1]) == pytest.approx(found.loss[b], abs=5.1e-4, nan_ok=True)
            for j, (_, text) in zip(columns, cells[:-1], strict=True):
                if j != b and np.isneginf(found.logits[b, j]):
                    copy = "\u2013" if len(columns) > 20 else "merged"
                    assert text == ("hit" if found.hits[b, j] else copy if found.merged[j] else "\u2212inf")
                else:
                    assert number(text) == pytest.approx(found.logits[b, j], abs=5.1e-3, nan_ok=True)
        for cells, values in zip(
            rows_of(page, "tfoot"), (found.expected_count, np.log(found.expected_count)), strict=True
        ):
            shown = [number(text) for _, text in cells[:-1]]
            np.testing.assert_allclose(shown, values[columns], rtol=6e-3, atol=6e-3)


def test_marks_of_the_example():
    cells = rows_of(explain_in_batch_example().to_html())
    for kind, expected in {
        "own": [[b, b] for b in range(6)],
        "hit": [[0, 2], [2, 0], [3, 6]],
        "merged": [[1, 2], [3, 2], [4, 2], [5, 2]],
    }.items():
        assert [
            [b, j]
            for b, row in enumerate(cells)
            for j, (attributes, _) in enumerate(row)
            if re.search(f'class="[^"]*\\b{kind}\\b', attributes)
        ] == expected
    sizes = [float(size) for row in cells for attributes, _ in row for size in re.findall('--size:([^"]*)', attributes)]
    assert (min(sizes), max(sizes)) == (0, 1)
    kept = rows_of(explain_in_batch_example(remove_accidental_hits=False).to_html())
    assert ["kept-hit" in kept[b][j][0] for b, j in ((0, 2), (2, 0), (3, 6), (3, 5))] == [True, True, True, False]


def test_a_merged_column_names_the_column_that_it_is_a_copy_of():
    page = explain_in_batch_example().to_html()
    assert re.findall("<em>(.*?)</em>", page) == ["= 0"]
    assert "no id" in large().to_html()


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("example", ["scaled to length 1", "temperature, 0.2", "from every column", "3 accidental hits", "1 merged"]),
        ("kept", ["-inf: nothing here", "3 accidental hits stayed in"]),
        ("uncorrected", ["No log Q is subtracted: the correction is <code>none</code>"]),
        ("large", ["a dot product", "100 queries", "130 columns (30 extra)", "keeps the 9 with"]),
        ("2025", ["but not from the positive", "weighted by one minus"]),
        ("one", ["1 query is multiplied with each of 1 column:"]),
        ("nothing", ["no finite logit"]),
    ],
)
def test_the_order_of_operations_is_in_words(name, sentences):
    found = FOUND[name]()
    for page in (found.to_html(), found._repr_html_()):
        assert [sentence for sentence in sentences if sentence not in page] == []


def test_what_does_not_fit_is_counted():
    for page in (large().to_html(), large()._repr_html_()):
        assert "the first 32 of 100 queries, 48 of 130 columns" in page
        assert len(page) < 300_000
    assert "Shown:" not in explain_in_batch_example().to_html()
    rows = RNG.normal(size=(MOST_QUERIES, 2))
    extra = ss.ExtraCandidates(RNG.normal(size=(MOST_COLUMNS - MOST_QUERIES, 2)))
    assert "Shown:" not in ss.explain_in_batch(rows, rows, correction="none", extra_candidates=extra).to_html()


def test_ids_are_shown_as_text():
    names = np.array(["<script>alert(1)</script>", "a&b", '"', "{{style}}", "\x1b[31m", "x" * 99, "</b>", "9"])
    found = explain_in_batch_example()._replace(ids=names)
    for page in (found.to_html(), found._repr_html_()):
        assert not {"script"} & {tag for tag, _ in Elements(page).tags}
        assert "&lt;script&gt;" in page
        assert "{{style}}" in page
        assert "\x1b" not in page
        assert "x" * 15 not in re.search("<thead>(.*?)</thead>", page)[1]


def test_the_notebook_needs_no_style_sheet():
    elements = Elements(explain_in_batch_example()._repr_html_())
    assert not {"style", "script", "link"} & {tag for tag, _ in elements.tags}
    styles = " ".join(attributes.get("style", "") for _, attributes in elements.tags)
    for part in ("outline:2px", "repeating-linear-gradient", "rgba(47,143,111,0.450)"):
        assert part in styles


def test_traces_compare_and_keep_their_choices():
    assert explain_in_batch_example() == explain_in_batch_example()
    assert explain_in_batch_example() != explain_in_batch_example(subtract_log_q=False)
    assert explain_in_batch_example().choices.temperature == 0.2


@pytest.mark.parametrize("remove", [True, False])
def test_the_losses_of_the_example_are_those_of_the_library(remove):
    found = explain_in_batch_example(remove)
    total = np.log(np.exp(found.logits).sum(axis=1))
    np.testing.assert_allclose(found.loss, total - np.diagonal(found.logits), rtol=1e-12)
    assert found.hits.sum() == 3
    assert found.merged.sum() == remove


def test_opens_without_errors_and_requests_nothing(browser, saved):
    for _, path in saved.values():
        browser.open(path)
        console, requested = browser.logs()
        assert console == []
        assert [url for url in requested if not url.startswith(("data:", path.as_uri(), "about:"))] == []


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_no_page_is_wider_than_the_screen(browser, saved, width):
    for _, path in saved.values():
        browser.open(path, width=width)
        assert browser.script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(browser, saved, dark):
    for name, (_, path) in saved.items():
        browser.open(path, dark=dark)
        found = browser.script(CONTRASTS)
        assert len(found) > 30
        worst, text = min(found)
        assert worst >= 4.5, f"{name}: {text}"
        background = browser.script("return getComputedStyle(document.body).backgroundColor")
        assert (int(background.split("(")[1].split(",")[0]) < 128) == dark


def test_the_keyboard_scrolls_the_matrix_and_opens_the_text(browser, saved):
    _, path = saved["large"]
    browser.open(path, width=768)
    reached = []
    for _ in range(2):
        browser.press("\ue004")
        reached.append(browser.script("const a = document.activeElement; return a.className || a.tagName"))
    assert reached == ["scroll", "SUMMARY"]
    assert browser.script("return document.querySelector('.scroll').scrollWidth") > 768
    browser.press(" ")
    assert browser.all("#as-text pre")[0].is_displayed()


def test_query_and_loss_stay_in_view(browser, saved):
    _, path = saved["large"]
    browser.open(path, width=768)
    browser.script("document.querySelector('.scroll').scrollLeft = 300")
    left, right, query, loss = browser.script(
        """const box = s => document.querySelector(s).getBoundingClientRect(), all = box(".scroll");
        return [all.left, all.right, box("tbody th").left, box("td.loss").right]"""
    )
    assert (query, loss) == pytest.approx((left, right), abs=3)
