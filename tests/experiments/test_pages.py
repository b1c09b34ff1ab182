"""The pages on experiments show the results in the JSON files, and accessible figures."""

import json
import re
from pathlib import Path

import pytest

from experiments.tables import MARKED, TABLES, rewritten

DOCS = Path(__file__).parents[2] / "docs"
FIGURES = DOCS / "figures"
PAGES = [DOCS / f"{name}.md" for name in ("choosing", "what-goes-wrong", "objectives", "when-not", "testing")]
PAGES.append(DOCS / "course" / "9-retrieval.md")
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<file>[^)]*)\)", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_match_the_json_files(page):
    text = page.read_text(encoding="utf-8")
    assert MARKED.search(text)
    assert rewritten(text, FIGURES) == text, "run python -m experiments tables --output docs/figures"


def test_a_changed_number_is_noticed():
    text = (DOCS / "choosing.md").read_text(encoding="utf-8")
    made = next(found["made"] for found in MARKED.finditer(text) if found["name"] == "trained")
    wrong = text.replace(made, made.replace("0.", "9.", 1))
    assert wrong != text
    assert rewritten(wrong, FIGURES) == text


def test_every_table_is_in_a_page():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {found["name"] for found in MARKED.finditer(text)} == set(TABLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_images_exist_are_small_and_have_alt_text(page):
    images = list(IMAGE.finditer(page.read_text(encoding="utf-8")))
    assert images
    for found in images:
        assert len(found["alt"].split()) > 10, found["file"]
        data = (page.parent / found["file"]).read_bytes()
        assert len(data) < 150_000
        assert b"white" in data or b"#ffffff" in data  # its own background: readable in light and dark mode
        assert not re.search(rb'(href|src)="https?:', data)


# Drawn by docs/make_figures.py and by `python -m benchmarks scaling` for other pages.
OTHER_FIGURES = ("log-uniform-dark.svg", "log-uniform-light.svg", "rows-dark.svg", "rows-light.svg")
OTHER_FIGURES += ("architecture-dark.svg", "architecture-light.svg", "scaling.svg")


def test_every_figure_is_in_a_page_and_has_its_settings():
    used = {
        found["file"].removeprefix("../")
        for page in PAGES
        for found in IMAGE.finditer(page.read_text(encoding="utf-8"))
    }
    of_other_pages = {name for name in OTHER_FIGURES if (FIGURES / name).exists()}
    assert {f"figures/{path.name}" for path in FIGURES.glob("*.svg") if path.name not in of_other_pages} == used
    for path in FIGURES.glob("*.json"):
        record = json.loads(path.read_text())
        record = record.get("break_even", record)
        assert record["command"].startswith("python -m ")
        assert "--quick" not in record["command"]
        assert {"seed", "seeds"} & record["settings"].keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_other_pages_resolve(page):
    for target in re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
