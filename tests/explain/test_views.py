"""Views of a trace: terminal, notebook and page."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.explanation.example import explain_example
from sampledsoftmax.explanation.text import table, vector
from tests.explain.cases import NAMES, big, masked, odd

EXPLAINED = {"example": lambda: explain_example(path="reference"), "big": big, "odd": odd}
VOID = {"meta", "link", "br", "input"}


class Elements(HTMLParser):
    """Collects elements; fails if one is closed in the wrong place."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def embedded(page):
    """Return the data embedded in a page."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(params=EXPLAINED)
def trace(request):
    return EXPLAINED[request.param]()


def test_text_fits_a_terminal(trace):
    lines = str(trace).splitlines()
    assert max(map(len, lines)) <= 100
    assert [line[0] for line in lines if re.match(r"\d\. ", line)] == list("12345678")
    assert not any(line != line.rstrip() for line in lines)


def test_the_text_contains_the_numbers():
    trace = explain_example(path="reference")
    text = str(trace)
    for number in (*trace.loss, *trace.values.sampled_expected_count, *trace.probabilities[:, 0]):
        assert f" {number:.4f}" in text
    for number in (*trace.raw_logits.ravel(), *trace.logits[np.isfinite(trace.logits)]):
        assert f" {number:.3f}" in text
    steps = re.split(r"^\d\. ", text, flags=re.MULTILINE)
    assert len(re.findall(r" hit(?= |$)", steps[5].split("example", 1)[1], re.MULTILINE)) == len(trace.hits)
    assert len(re.findall(r" x -?\d\.\d{3}", steps[4])) == len(trace.hits)
    text = re.sub(r"\s+", " ", text)
    assert "The 5 labels of this batch select 4 distinct rows" in text
    assert 'Candidate 0 "the" is also a label of examples 0 and 2: 2 accidental hits.' in text
    assert text.endswith(
        "In short The labels select rows 0, 4, 6, 10 of weights, the candidates rows 1, 0, 9, 2: 7 of 12 rows are read"
        " and get a gradient."
    )
    assert "one step of SGD changed 7 rows and left 5 bit for bit unchanged" in text


def test_a_class_that_is_masked_is_not_a_hit():
    trace, position = masked()
    assert len(trace.hits) > 0
    assert position not in trace.hits[:, 1]
    corrected = re.split(r"^\d\. ", str(trace), flags=re.MULTILINE)[5]
    assert corrected.count(" -inf") == 5
    assert len(re.findall(r" hit(?= |$)", corrected, re.MULTILINE)) == len(trace.hits)


def test_long_tables_count_what_they_leave_out():
    text = str(big())
    assert "... 28 more rows" in text  # of 40 examples
    assert "... 18 more rows" in text  # of 30 candidates
    assert "... 35 more]" in text  # of 40 columns of a vector
    columns = [line for line in text.splitlines() if line.startswith("  example") and "label  " in line][-1]
    shown, left_out = re.match(r"  example +loss +label((?:  +\d+ word\d+)*)  \.\.\. (\d+) more$", columns).groups()
    assert shown.count("word") + int(left_out) == 30


def test_tables():
    assert table(["a", "b"], []) == "  a   b"
    wide = table(["name", *map(str, range(40))], [["x" * 30, *["1.0"] * 40]])
    assert wide.splitlines()[0].endswith("... 30 more")
    assert len(wide.splitlines()[1]) <= 84
    assert vector(np.array([-0.001, 1.0])) == "[0.00 1.00]"


def test_notebook(trace):
    fragment = trace._repr_html_()
    elements = Elements(fragment)
    assert {tag for tag, _ in elements.tags} <= {"div", "details", "summary", "strong", "p", "pre", "code", "em"}
    assert [attributes for tag, attributes in elements.tags if tag == "details"][:4] == [{"open": None}] * 3 + [{}]
    flat = re.sub(r"\s+", " ", " ".join(elements.texts["pre"]))
    for table_line in str(trace).splitlines()[6:12]:
        assert re.sub(r"\s+", " ", table_line.strip()) in flat


def test_the_page_is_self_contained(trace):
    page = trace.to_html()
    elements = Elements(page)
    references = [
        value for _, attributes in elements.tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert references == ["data:,"]
    assert not re.search(r"https?:|@import|url\(|//[a-z]", page)
    policy = next(attributes["content"] for tag, attributes in elements.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none';")
    assert [attributes for tag, attributes in elements.tags if tag == "html"] == [{"lang": "en"}]
    assert "width=device-width" in page
    assert "prefers-color-scheme: dark" in page


def test_names_are_escaped():
    page = odd().to_html()
    elements = Elements(page)
    assert [tag for tag, _ in elements.tags].count("script") == 2
    names = embedded(page)["names"]
    assert [names[str(i)] for i in range(9)] == NAMES
    assert page.count("<script>alert") == 0
    assert "<script>" not in odd()._repr_html_()
    assert any("alert(1)" in text for text in elements.texts["pre"])


def numbers(values, dtype):
    """Return numbers of the page as an array; non-finite ones are text there."""
    return np.array(values, dtype=object).astype(dtype)


def test_embedded_numbers_equal_the_trace(trace):
    data = embedded(trace.to_html())
    variants = [trace, *trace.alternatives]
    assert len(data["variants"]) == len(variants) == 12
    examples, dim = min(trace.labels.shape[0], 8), min(trace.inputs.shape[1], 6)
    assert [example["labels"] for example in data["examples"]] == trace.labels[:examples].tolist()
    dtype = trace.inputs.dtype
    np.testing.assert_array_equal(
        numbers([example["values"] for example in data["examples"]], dtype), trace.inputs[:examples, :dim]
    )
    for shown, other in zip(data["variants"], variants, strict=True):
        settings = other.settings
        for key in ("num_sampled", "remove_accidental_hits", "subtract_log_q"):
            assert shown[key] == getattr(settings, key)
        candidates = min(settings.num_sampled, 12)
        columns = settings.num_true + candidates
        assert shown["candidates"] == other.values.sampled_candidates[:candidates].tolist()
        for key in ("raw_logits", "logits"):
            np.testing.assert_array_equal(numbers(shown[key], dtype), getattr(other, key)[:examples, :columns])
        for key in ("probabilities", "logit_gradients"):
            expected = getattr(other, key)[:examples, :columns].astype(np.float32)
            np.testing.assert_array_equal(numbers(shown[key], np.float32), expected)
        np.testing.assert_array_equal(numbers(shown["loss"], dtype), other.loss[:examples])
        np.testing.assert_array_equal(numbers(shown["true_count"], np.float32), other.values[1][:examples])
        np.testing.assert_array_equal(numbers(shown["sampled_count"], np.float32), other.values[2][:candidates])
        np.testing.assert_array_equal(numbers(shown["sampled_log"], np.float32), np.log(other.values[2][:candidates]))
        np.testing.assert_array_equal(numbers(shown["inputs_gradient"], dtype), other.gradients.inputs[:examples, :dim])
        hits = [hit for hit in other.hits.tolist() if hit[0] < examples and hit[1] < candidates]
        assert shown["hits"] == hits
        assert [tuple(cost.values()) for cost in shown["cost"]] == [tuple(cost) for cost in other.cost]


def test_embedded_rows_and_gaps_cover_the_table(trace):
    for shown, other in zip(embedded(trace.to_html())["variants"], [trace, *trace.alternatives], strict=True):
        labels, candidates = set(other.labels.ravel().tolist()), set(other.values[0].tolist())
        read, at, drawn = labels | candidates, 0, set()
        for entry in shown["grid"]:
            if "gap" in entry:
                assert entry["read"] == len(read & set(range(at, at + entry["gap"])))
                at += entry["gap"]
                continue
            assert entry["id"] == at
            drawn.add(at)
            assert entry["candidate"] == (at in candidates)
            assert entry["label_of"] == np.flatnonzero((other.labels == at).any(axis=1)).tolist()
            counts = np.concatenate([other.values[1][other.labels == at], other.values[2][other.values[0] == at]])
            np.testing.assert_array_equal(numbers(entry["expected"], np.float32), np.unique(counts))
            assert (entry["gradient"] is not None) == (at in read)
            if entry["gradient"]:
                place = other.summed.weights.indices.tolist().index(at)
                values = other.summed.weights.values[place, : len(entry["weights"])]
                np.testing.assert_array_equal(numbers(entry["gradient"]["weights"], values.dtype), values)
            at += 1
        assert at == other.settings.num_classes
        assert set(other.labels[:8].ravel().tolist()) | set(other.values[0][:12].tolist()) <= drawn
        roles = {i: ("both" if i in labels & candidates else "label" if i in labels else "candidate") for i in read}
        assert {int(i): role for i, role in shown["map"]} == roles


def test_a_gap_of_one_row():
    values = (np.array([4, 29]), np.ones((2, 1), np.float32), np.ones(2, np.float32))
    trace = ss.explain(np.ones((30, 2)), None, [0, 2], np.ones((2, 2)), 2, 30, sampled_values=values, path="reference")
    shown = embedded(trace.to_html())["variants"][0]["grid"]
    assert [entry.get("id", entry.get("gap")) for entry in shown] == [0, 1, 2, 1, 4, 24, 29]
    assert [entry["read"] for entry in shown if "gap" in entry] == [0, 0, 0]


def test_saving(tmp_path):
    trace = explain_example(path="reference")
    trace.save_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == trace.to_html()
    assert len(list(tmp_path.iterdir())) == 1
