"""The page in a browser: every step shows the rows and numbers of the trace, with mouse and keyboard."""

import numpy as np
import pytest

from sampledsoftmax.explanation.example import explain_example
from tests.explain.cases import big, masked, odd

RIGHT, LEFT, TAB, ENTER, SPACE = "\ue014", "\ue012", "\ue004", "\ue007", " "
PAGES = {"example": lambda: explain_example(path="reference"), "big": big, "odd": odd}
SWITCHES = ("num_sampled", "remove_accidental_hits", "subtract_log_q")
SET_SWITCHES = """
const form = document.getElementById("switches");
for (const [name, value] of Object.entries(arguments[0])) form.elements[name].value = value;
form.dispatchEvent(new Event("change"));
"""


CELLS_FOUND = """
return [...document.querySelectorAll(arguments[0] + " " + arguments[1])].map(found => found.closest("td"))
    .map(cell => [cell.parentElement.rowIndex - 1, cell.cellIndex - 1]);
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return (trace, path of its page) by name."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    for name, explained in PAGES.items():
        trace = explained()
        trace.save_html(folder / f"{name}.html")
        made[name] = (trace, folder / f"{name}.html")
    return made


@pytest.fixture(params=PAGES)
def page(request, pages):
    return pages[request.param]


@pytest.fixture
def example(pages):
    return pages["example"]


def variants(browser, trace):
    """Set the switches of a page to every variant in turn, and yield its trace."""
    for other in (trace, *trace.alternatives):
        wanted = {key: getattr(other.settings, key) for key in SWITCHES}
        browser.script(SET_SWITCHES, {key: str(value).lower() for key, value in wanted.items()})
        yield other


def cells(browser, selector):
    """Return the numbers in the rows of a table, nan for a cell without one."""
    code = """return [...document.querySelectorAll(arguments[0] + " tbody tr")].map(
        row => [...row.querySelectorAll("td.value")].map(cell => [...(cell.querySelector("s") || cell).childNodes]
            .filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.textContent).join("")))"""
    return [[number(text) for text in row] for row in browser.script(code, selector)]


def number(text):
    try:
        return float(text.replace("\u2212", "-"))
    except ValueError:
        return np.nan


def columns(trace, array):
    """Return the part of a matrix that the page shows, nan at removed hits."""
    shown = array[:8, : trace.settings.num_true + min(trace.settings.num_sampled, 12)].astype(float)
    return np.where(np.isneginf(trace.logits[: shown.shape[0], : shown.shape[1]]), np.nan, shown)


def highlighted(trace):
    """Return the rows of labels and the rows of candidates that the page draws."""
    labels = set(trace.labels[:8].ravel().tolist())
    candidates = set(trace.values.sampled_candidates[:12].tolist())
    drawn = labels | candidates | set(trace.unread_rows.ids.tolist())
    return sorted(drawn & set(trace.label_rows.ids.tolist())), sorted(drawn & set(trace.candidate_rows.ids.tolist()))


def test_opens_without_errors_and_requests_nothing(browser, page):
    _, path = page
    browser.open(path)
    for _ in range(8):
        browser.all("#next")[0].click() if browser.all("#next:enabled") else None
    browser.choose("remove_accidental_hits", "false")
    console, requested = browser.logs()
    assert console == []
    assert [url for url in requested if not url.startswith(("data:", path.as_uri(), "about:"))] == []


def test_every_step_has_its_title_text_and_figures(browser, page):
    trace, path = page
    browser.open(path)
    titles = browser.texts("#steps .title")
    for step in range(8):
        assert browser.texts("#title")[0] == f"{step + 1}{titles[step]}"
        assert browser.texts("#position") == [f"{step + 1} of 8"]
        assert len(browser.texts("#text p")) >= 1
        assert len(browser.all("#figures figure")) >= 1
        assert browser.script("return document.querySelectorAll('[aria-current=step]').length") == 1
        assert browser.all("#misconception")[0].is_displayed() == (step in (1, 2, 4, 5, 6))
        for table in browser.all("#figures table"):
            assert table.get_attribute("aria-label")
            assert table.find_elements("css selector", "th[scope=row]")
            assert table.find_elements("css selector", "th[scope=col]")
        browser.press(RIGHT)
    assert not browser.texts("#figures p.more") or len(trace.labels) > 8


def test_step_two_highlights_the_rows_of_the_labels(browser, page):
    trace, path = page
    browser.open(path, step=2)
    for other in variants(browser, trace):
        labels, _ = highlighted(other)
        assert browser.ids("tr.is-label") == labels
        assert browser.all("tr.is-candidate") == []
        shown = other.labels[:8].ravel()
        assert [int(text) for text in browser.texts(".chip.label .id")] == shown.tolist()


def test_step_three_also_highlights_the_rows_of_the_candidates(browser, page):
    trace, path = page
    browser.open(path, step=3)
    for other in variants(browser, trace):
        labels, candidates = highlighted(other)
        assert browser.ids("tr.is-label") == labels
        assert browser.ids("tr.is-candidate") == candidates
        assert browser.ids("tr.unread") == other.unread_rows.ids.tolist()
        drawn = other.values.sampled_candidates[:12]
        assert [int(text) for text in browser.texts(".chip.candidate .id")] == drawn.tolist()
        counts = dict(zip(drawn.tolist(), other.values.sampled_expected_count, strict=False))
        shown = browser.texts("tr.is-candidate .expected")
        for class_id, text in zip(candidates, shown, strict=True):
            if class_id in counts:
                assert number(text) == pytest.approx(counts[class_id], abs=5.1e-4, rel=0.06)


def test_gaps_are_counted(browser, pages):
    trace, path = pages["big"]
    browser.open(path, step=3)
    gaps = browser.texts("tr.gap")
    rows = sum(int(text.replace(",", "").split()[1]) for text in gaps)
    assert rows + len(browser.all("tr[data-id]")) == 5000
    read = sum(int(text.replace(",", "").split()[3]) for text in gaps if "of them" in text)
    assert read + len(browser.all("tr.is-label, tr.is-candidate")) == trace.cost[0].read
    browser.open(path, step=8)
    assert set(browser.ids(".tick")) == set(trace.gradients.weights.indices.tolist())


def test_step_four_shows_the_logits_and_crosses_hits_out(browser, page):
    trace, path = page
    browser.open(path, step=4)
    for other in variants(browser, trace):
        expected = other.raw_logits[:8, : other.settings.num_true + min(other.settings.num_sampled, 12)]
        np.testing.assert_allclose(cells(browser, ".matrix"), expected, atol=5.1e-3)
        hits = [[b, s + other.settings.num_true] for b, s in other.hits.tolist() if b < 8 and s < 12]
        removed = other.settings.remove_accidental_hits
        assert browser.script(CELLS_FOUND, ".matrix", "td s") == (hits if removed else [])
        assert browser.script(CELLS_FOUND, ".matrix", "td.kept-hit") == ([] if removed else hits)


def test_step_five_shows_the_corrected_logits(browser, page):
    trace, path = page
    browser.open(path, step=5)
    for other in variants(browser, trace):
        np.testing.assert_allclose(cells(browser, ".matrix"), columns(other, other.logits), atol=5.1e-3)


def test_step_six_shows_probabilities_and_loss(browser, page):
    trace, path = page
    browser.open(path, step=6)
    for other in variants(browser, trace):
        shown = np.array(cells(browser, ".matrix"))
        np.testing.assert_allclose(shown[:, -1], other.loss[:8], atol=5.1e-5)
        expected = columns(other, other.probabilities)
        for mine, theirs in zip(shown[:, :-1].ravel(), expected.ravel(), strict=True):
            assert mine == pytest.approx(theirs, abs=5.1e-4 if theirs >= 1e-3 else theirs * 0.06, nan_ok=True)


def test_step_seven_shows_which_rows_get_which_gradient(browser, page):
    trace, path = page
    browser.open(path, step=7)
    for other in variants(browser, trace):
        labels, candidates = highlighted(other)
        read = sorted({*labels, *candidates})
        assert browser.ids(".gradients tr:not(.unread)[data-id]") == read
        assert browser.ids(".gradients tr.unread") == other.unread_rows.ids.tolist()
        places = np.searchsorted(other.summed.weights.indices, read)
        expected = other.summed.weights.values[places, :6]
        if other.summed.biases is not None:
            expected = np.column_stack([expected, other.summed.biases.values[places]])
        shown = [row for row in cells(browser, ".gradients") if row]
        shown = [[value for value in row if not np.isnan(value)] for row in shown]
        np.testing.assert_allclose(shown, expected, atol=5.1e-3)
        kept = browser.texts(".gradients tr.unread .kept")
        assert kept == ["no gradient, same bits"] * other.unread_rows.ids.size
        np.testing.assert_allclose(cells(browser, ".matrix"), columns(other, other.logit_gradients), atol=5.1e-3)
        inputs = np.array(cells(browser, ".pair figure:first-child"))[:, :6]
        np.testing.assert_allclose(inputs, other.gradients.inputs[:8, :6], atol=5.1e-3)
        if other.summed.embeddings is not None:
            assert browser.ids(".pair tr[data-id]") == other.summed.embeddings.indices.tolist()


def test_step_eight_counts_rows_and_bytes(browser, page):
    trace, path = page
    browser.open(path, step=8)
    for other in variants(browser, trace):
        shown = [text.replace(",", "") for text in browser.texts(".cost .with-bar")]
        expected = []
        for cost in other.cost:
            expected += [f"{cost.read} of {cost.num_rows}"]
            expected += [f"{cost.read * cost.row_bytes} of {cost.num_rows * cost.row_bytes}"]
        expected += [f"{other.raw_logits.size} of {other.labels.shape[0] * other.settings.num_classes}"]
        assert shown == expected


def test_an_example_is_followed(browser, example):
    trace, path = example
    browser.open(path, step=4)
    for b in (3, 1):
        browser.all(".follow")[b].click()
        assert [button.get_attribute("aria-pressed") for button in browser.all(".follow")].index("true") == b
        assert browser.script("return document.activeElement.className") == "follow"
        its_input, *rows = cells(browser, ".worked")
        np.testing.assert_allclose(its_input, trace.inputs[b], atol=5.1e-3)
        np.testing.assert_allclose(np.array(rows)[:, -1], trace.raw_logits[b], atol=5.1e-3)
        np.testing.assert_allclose(np.array(rows)[0, :4], trace.label_rows.weights[b], atol=5.1e-3)
        np.testing.assert_allclose(np.array(rows)[1:, :4], trace.candidate_rows.weights, atol=5.1e-3)
    browser.press(RIGHT)
    shown = np.array(cells(browser, ".worked"))
    np.testing.assert_allclose(shown[:, 0], trace.raw_logits[1], atol=5.1e-3)
    np.testing.assert_allclose(shown[0, 1], trace.values.true_expected_count[1, 0], atol=5.1e-5)
    np.testing.assert_allclose(shown[1:, 1], trace.values.sampled_expected_count, atol=5.1e-5)
    np.testing.assert_allclose(shown[:, 3], trace.logits[1], atol=5.1e-3)


def test_every_switch_is_clicked(browser, example):
    _, path = example
    browser.open(path, step=5)
    before = browser.texts(".matrix tbody")
    for key, value in (("num_sampled", "2"), ("remove_accidental_hits", "false"), ("subtract_log_q", "false")):
        browser.choose(key, value)
        assert (
            browser.script("return new FormData(document.getElementById('switches')).get(arguments[0])", key) == value
        )
        assert browser.texts(".matrix tbody") not in before
        before += browser.texts(".matrix tbody")
    assert "num_sampled: 2; Accidental hits: kept; log Q: not subtracted" in browser.texts("#announcement")
    for key, value in (("num_sampled", "4"), ("remove_accidental_hits", "true"), ("subtract_log_q", "true")):
        browser.choose(key, value)
    assert browser.texts(".matrix tbody") == before[:1]


def test_keyboard(browser, example):
    _, path = example
    browser.open(path)
    places = []
    for key in [LEFT, *[RIGHT] * 8, LEFT, LEFT]:
        browser.press(key)
        places.append(int(browser.texts("#position")[0].split()[0]))
    assert places == [1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6]
    assert browser.script("return location.hash") == "#6"
    assert browser.texts("#announcement") == ["Step 6 of 8: Softmax and loss"]
    for modifier in ("altKey", "ctrlKey", "metaKey", "shiftKey"):  # shortcuts of the browser
        event = {"key": "ArrowLeft", "bubbles": True, modifier: True}
        browser.script("document.body.dispatchEvent(new KeyboardEvent('keydown', arguments[0]))", event)
        assert browser.texts("#position") == ["6 of 8"]


def test_every_control_is_reached_with_tab(browser, example):
    _, path = example
    browser.open(path, step=4)
    reached = []
    for _ in range(40):
        browser.press(TAB)
        reached.append(
            browser.script("const a = document.activeElement; return a.id || a.name || a.className || a.tagName")
        )
        if reached[-1] == "SUMMARY":
            break
    assert reached.count("follow") == 5
    assert {"num_sampled", "remove_accidental_hits", "subtract_log_q", "back", "next", "SUMMARY"} <= set(reached)


def test_arrow_keys_on_a_switch_do_not_change_the_step(browser, example):
    _, path = example
    browser.open(path, step=3)
    browser.script("document.querySelector('input[name=num_sampled]:checked').focus()")
    browser.press(RIGHT)
    assert browser.texts("#position") == ["3 of 8"]
    assert len(browser.texts(".chip.candidate")) == 8
    assert browser.texts("#announcement")[0].startswith("num_sampled: 8;")
    browser.script("document.getElementById('next').focus()")
    browser.press(ENTER)
    assert browser.texts("#position") == ["4 of 8"]
    assert len(browser.texts(".matrix thead th")) == 10


def test_the_next_step_starts_at_its_top(browser, example):
    _, path = example
    browser.open(path, width=360, step=3)
    browser.script("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert browser.script("return document.getElementById('title').getBoundingClientRect().top") < 0
    browser.script("document.getElementById('next').click()")
    assert 0 <= browser.script("return document.getElementById('title').getBoundingClientRect().top") < 300


def test_the_url_selects_the_step(browser, example):
    _, path = example
    browser.open(path, step=5)
    assert browser.texts("#position") == ["5 of 8"]
    browser.script("location.hash = '#2'")
    assert (
        browser.script(
            "return new Promise(done => setTimeout(() => done(document.getElementById('position').textContent), 50))"
        )
        == "2 of 8"
    )
    for wrong in (0, 9, "x"):
        browser.open(path, step=wrong)
        assert browser.texts("#position") == ["1 of 8"]


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_is_wider_than_the_screen(browser, page, width):
    _, path = page
    browser.open(path, width=width)
    for step in range(1, 9):
        assert browser.texts("#position") == [f"{step} of 8"]
        assert browser.script("return document.documentElement.scrollWidth") <= width, f"step {step}"
        browser.script("document.getElementById('next').click()")


CONTRASTS = """
const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const pixel = () => [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255);
const light = color => color.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const fill = color => { paint.fillStyle = color; paint.fillRect(0, 0, 1, 1); };
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
  if (element.closest(".sr, :disabled")) continue;
  const chain = [];
  for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
  chain.forEach(fill);
  const under = light(pixel());
  fill(getComputedStyle(element).color);
  const over = light(pixel());
  found.push([(Math.max(under, over) + 0.05) / (Math.min(under, over) + 0.05), walker.currentNode.textContent.trim()]);
}
return found;
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(browser, example, dark):
    _, path = example
    for step in range(1, 9):
        browser.open(path, dark=dark, step=step)
        found = browser.script(CONTRASTS)
        assert len(found) > 30
        worst, text = min(found)
        assert worst >= 4.5, f"step {step}: {text}"
    background = browser.script("return getComputedStyle(document.body).backgroundColor")
    assert (int(background.split("(")[1].split(",")[0]) < 128) == dark


def test_class_names_are_shown_as_text(browser, pages):
    trace, path = pages["odd"]
    browser.open(path, step=3)
    assert browser.all("table script") == []
    shown = browser.texts("tbody th .class")
    assert [text.split(" ", 1)[1] for text in shown] == list(trace.class_names)


def test_a_class_that_is_masked_is_not_a_hit(browser, tmp_path):
    trace, position = masked()
    trace.save_html(tmp_path / "page.html")
    browser.open(tmp_path / "page.html", step=5)
    column = browser.texts(f".matrix tbody td:nth-of-type({position + 2})")
    assert column == ["\u2212inf"] * 5
    assert len(browser.all(".matrix .hit")) == len(trace.hits)


def test_without_javascript_the_text_is_there(browser, example):
    _, path = example
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(path)
        assert browser.all("noscript p")[0].is_displayed()
        assert not browser.all("#app")[0].is_displayed()
        assert "2 king" in browser.all("#as-text pre")[0].get_attribute("textContent")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
