"""The documentation site builds strictly, is complete, works offline, and shows the pictures that its script draws."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import sampledsoftmax as ss

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# Elements that a browser loads without a click, and the attribute with the address.
FETCHED = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src", "video": "src"}


class Page(HTMLParser):
    """What a built page fetches and links to, its anchors and its pictures."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.links, self.anchors, self.pictures = [], [], {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.add(attributes.get("id"))
        if tag in FETCHED and FETCHED[tag] in attributes:
            self.fetched.append(attributes[FETCHED[tag]])
        if tag == "img":
            self.pictures.append(attributes)
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])


def module(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the site and return its pages by path."""
    pytest.importorskip("mkdocs", reason="MkDocs is not installed: pip install 'sampledsoftmax[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


def test_every_page_is_built(site):
    names = {path.name for path in site}
    assert {page.with_suffix(".html").name for page in PAGES} <= names


def test_pages_fetch_nothing_from_elsewhere(site):
    for path, page in site.items():
        elsewhere = [url for url in page.fetched if urlsplit(url).netloc]
        assert not elsewhere, path.name
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_style_sheets_fetch_nothing_from_elsewhere(site):
    folder = next(path for path in site if path.name == "404.html").parent
    sheets = list(folder.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(@import|url\(\s*['\"]?(https?:)?//)", sheet.read_text(encoding="utf-8")), sheet.name


def test_every_picture_has_a_text_that_says_what_it_shows(site):
    pictures = [(path, picture) for path, page in site.items() for picture in page.pictures]
    assert pictures
    for path, picture in pictures:
        assert len(picture.get("alt") or "") > 20, (path.name, picture)


def test_links_and_loaded_files_exist(site):
    for path, page in site.items():
        if path.name == "404.html":
            continue  # its paths start at the root of a server
        for url in page.links + page.fetched:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (path.name, url)
            if target in site and parts.fragment:
                assert unquote(parts.fragment) in site[target].anchors, (path.name, url)


def test_the_reference_has_everything_public_once():
    named = [
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: sampledsoftmax\.(?:\S+\.)?(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(named) == sorted({getattr(ss, name).__name__ for name in ss.__all__})  # one may have two names


# Recipes are programs: test_recipes.py runs them.
@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "recipes"], ids=lambda page: page.stem)
def test_examples_of_a_page_are_run(page):
    """Python of a page is an example that doctest runs or a quote: nothing is only printed."""
    text = page.read_text(encoding="utf-8")
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        assert language in ("pycon", "python", "quote", "text", "sh", ""), language
        # The call that the start page asks about is TensorFlow's.
        runs = language in ("pycon", "python") and not body.startswith("tf.")
        assert ("\n>>> " in f"\n{body}") == runs, body


@pytest.mark.slow
@pytest.mark.compiled
def test_commands_of_start_page_and_course_run_as_written(tmp_path):
    pytest.importorskip("click", reason="click is not installed: pip install 'sampledsoftmax[cli]'")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lines = [
        line
        for page in [DOCS / "index.md", *sorted((DOCS / "course").glob("*.md"))]
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    printed = []
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "sampledsoftmax"
        command = [sys.executable, "-m", program, *arguments]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        printed.append(run.stdout)
    explained, trained, neighbors = printed
    assert "gradient" in explained
    assert trained.startswith("append: ")
    assert neighbors.startswith("append: ")


@pytest.mark.compiled
def test_pictures_are_up_to_date_with_their_script():
    for name, picture in module("make_figures").figures().items():
        assert (DOCS / "figures" / name).read_text(encoding="utf-8") == picture, f"{name}: python docs/make_figures.py"


def test_a_quote_shows_the_source():
    hooks = module("hooks")
    quoted = hooks.on_page_markdown("```quote\nsampledsoftmax/reference.py sgd\n```")
    assert quoted.startswith("```python\ndef sgd(table, indices, rows, learning_rate):\n")
    assert quoted.endswith("* sums\n```")
    with pytest.raises(ValueError, match=r"reference\.py has no function sgdd"):
        hooks.on_page_markdown("```quote\nsampledsoftmax/reference.py sgdd\n```")
