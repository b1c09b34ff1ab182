"""What a trace looks like: on a terminal, in a notebook, as a page."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.explanation.example import explain_example
from sampledsoftmax.explanation.tables import table, vector
from tests.explain.cases import NAMES, big, masked, odd

EXPLAINED = {"example": lambda: explain_example(path="reference"), "big": big, "odd": odd}
VOID = {"meta", "link", "br", "input"}


class Elements(HTMLParser):
    """Collects elements, and fails on one that is closed in the wrong place."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def embedded(page):
    """Return the data inside a page."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(params=EXPLAINED)
def seen(request):
    return EXPLAINED[request.param]()


def test_text_fits_a_terminal(seen):
    lines = str(seen).splitlines()
    assert max(map(len, lines)) <= 100
    assert [line[0] for line in lines if re.match(r"\d\. ", line)] == list("12345678")
    assert not any(line != line.rstrip() for line in lines)


def test_text_says_the_numbers():
    seen = explain_example(path="reference")
    text = str(seen)
    for number in (*seen.loss, *seen.values.sampled_expected_count, *seen.probabilities[:, 0]):
        assert f" {number:.4f}" in text
    for number in (*seen.raw_logits.ravel(), *seen.logits[np.isfinite(seen.logits)]):
        assert f" {number:.3f}" in text
    steps = re.split(r"^\d\. ", text, flags=re.MULTILINE)
    assert len(re.findall(r" hit(?= |$)", steps[5].split("example", 1)[1], re.MULTILINE)) == len(seen.hits)
    assert len(re.findall(r" x -?\d\.\d{3}", steps[4])) == len(seen.hits)
    text = re.sub(r"\s+", " ", text)
    assert "5 labels of this batch name 4 different rows" in text
    assert 'Candidate 0 "the" is a label of examples 0 and 2 too: 2 accidental hits.' in text
    assert text.endswith(
        "In short The labels name rows 0, 4, 6, 10 of weights, the candidates rows 1, 0, 9, 2: 7 of 12 rows are read"
        " and get a gradient."
    )
    assert "one step of SGD changed 7 rows and left 5 bit for bit" in text


def test_a_class_that_is_masked_is_not_a_hit():
    seen, position = masked()
    assert len(seen.hits) > 0
    assert position not in seen.hits[:, 1]
    corrected = re.split(r"^\d\. ", str(seen), flags=re.MULTILINE)[5]
    assert corrected.count(" -inf") == 5
    assert len(re.findall(r" hit(?= |$)", corrected, re.MULTILINE)) == len(seen.hits)


def test_long_tables_say_what_they_leave_out():
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


def test_notebook(seen):
    fragment = seen._repr_html_()
    elements = Elements(fragment)
    assert {tag for tag, _ in elements.seen} <= {"div", "details", "summary", "strong", "p", "pre", "code", "em"}
    assert [attributes for tag, attributes in elements.seen if tag == "details"][:4] == [{"open": None}] * 3 + [{}]
    flat = re.sub(r"\s+", " ", " ".join(elements.texts["pre"]))
    for table_line in str(seen).splitlines()[6:12]:
        assert re.sub(r"\s+", " ", table_line.strip()) in flat


def test_page_is_one_file_that_loads_nothing(seen):
    page = seen.to_html()
    elements = Elements(page)
    references = [
        value for _, attributes in elements.seen for name, value in attributes.items() if name in ("src", "href")
    ]
    assert references == ["data:,"]
    assert not re.search(r"https?:|@import|url\(|//[a-z]", page)
    policy = next(attributes["content"] for tag, attributes in elements.seen if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none';")
    assert [attributes for tag, attributes in elements.seen if tag == "html"] == [{"lang": "en"}]
    assert "width=device-width" in page
    assert "prefers-color-scheme: dark" in page


def test_names_stay_names():
    page = odd().to_html()
    elements = Elements(page)
    assert [tag for tag, _ in elements.seen].count("script") == 2
    names = embedded(page)["names"]
    assert [names[str(i)] for i in range(9)] == NAMES
    assert page.count("<script>alert") == 0
    assert "<script>" not in odd()._repr_html_()
    assert any("alert(1)" in text for text in elements.texts["pre"])


def numbers(values, dtype):
    """Return numbers of the page as an array; those that are not finite are words there."""
    return np.array(values, dtype=object).astype(dtype)


def test_embedded_numbers_are_those_of_the_trace(seen):
    data = embedded(seen.to_html())
    variants = [seen, *seen.alternatives]
    assert len(data["variants"]) == len(variants) == 12
    examples, dim = min(seen.labels.shape[0], 8), min(seen.inputs.shape[1], 6)
    assert [example["labels"] for example in data["examples"]] == seen.labels[:examples].tolist()
    dtype = seen.inputs.dtype
    np.testing.assert_array_equal(
        numbers([example["values"] for example in data["examples"]], dtype), seen.inputs[:examples, :dim]
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


def test_embedded_rows_and_gaps_cover_the_table(seen):
    for shown, other in zip(embedded(seen.to_html())["variants"], [seen, *seen.alternatives], strict=True):
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
    seen = ss.explain(np.ones((30, 2)), None, [0, 2], np.ones((2, 2)), 2, 30, sampled_values=values, path="reference")
    shown = embedded(seen.to_html())["variants"][0]["grid"]
    assert [entry.get("id", entry.get("gap")) for entry in shown] == [0, 1, 2, 1, 4, 24, 29]
    assert [entry["read"] for entry in shown if "gap" in entry] == [0, 0, 0]


def test_saving(tmp_path):
    seen = explain_example(path="reference")
    seen.save_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == seen.to_html()
    assert len(list(tmp_path.iterdir())) == 1
