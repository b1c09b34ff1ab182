"""Prose uses the field's terms, one spelling, and names of modules that exist.

Checked are the pages, the docstrings and the comments of all code, and the messages of the package and its tools.
"""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sampledsoftmax", "tests", "benchmarks", "experiments", "examples", "docs")
# Text of programs: literals with a space in them are messages. Those of tests are data.
WITH_MESSAGES = ("sampledsoftmax", "benchmarks", "experiments", "examples")

# What is refused, and what to write instead.
TERMS = {
    r"meet(s|ing|ings)?": "barrier, or another verb",
    r"teams?": "thread pool",
    r"gives? way|giving way": "yield",
    r"ask(s|ed|ing)?( for( \w+)?)? ahead": "prefetch",
    r"(first|second) cache": "L1, L2",
    r"vector code": "vectorizes",
    r"whoever|somebody|nobody": "the thread, the caller",
    r"who comes first|without asking": "scheduling: static range, dynamic chunks",
    r"thinning|thinned|thins? out": "subsampling of frequent words",
    r"blanks?(?! lines?)": "white space",
    r"cut at": "split, tokenize",
    r"check sums?": "checksum",
    r"drafts?": "temporary file",
    r"behind the last": "end, half-open range",
    r"but for": "except, all but",
    r"(?<!most )(?<!all )(?<!each )(?<!some )(?<!none )(?<!both )(?<!one )of which": "the subject first",
    r"as \w+ (has|have) it": "as in",
    r"so many": "a number",
    r"(?<!which )(sentences?|rows?|words?|pairs?|files?|candidates?|labels?|lines?|class|classes|panels?|counts?|"
    r"tokens?|examples?|accumulators?) an? (line|class|row|step|second|batch|task|chunk|word|example|label|command|"
    r"call|file|thread|core|pair|token|day|page)(?! (has|is|names|needs|reads|uses))": "per",
    r"beside (gensim|TensorFlow|PyTorch|JAX)": "compared with",
    r"anew": "again",
    r"stands? in(?! (the|an?|elements)\b)|stand-ins?": "replaces, plain version",
    r"remembers|remembered": "state, slots",
    r"half[- ]right": "common misconception",
    r"bundles?": "struct",
    r"who holds": "reference counting",
    r"a class of (its|their) own": "its own class",
    r"rooms": "packages",
    r"house(?! style)": "architecture",
    r"the (door|face)(?! value)": "validation, public API",
    r"desks?": "shard buffers",
    r"numbering": "ids, order",
    r"(?<!dependency )chain(s|ed)?(?! rule)": "linked list",
}
# In these folders the words are standard terms of something else elsewhere.
TERMS_OF_FOLDERS = {
    ("sampledsoftmax/kernels", "sampledsoftmax/word2vec/training", "sampledsoftmax/runtime"): {
        r"readers?": "shard",
        r"pieces?": "chunk",
    },
    ("sampledsoftmax/word2vec", "sampledsoftmax/io"): {r"unpack(s|ed|ing)?|packed": "compressed, decompress"},
}
BRITISH = {
    r"\w*(neighbour|behaviour|colour|favour|honour|labour)\w*": "-or",
    r"(grey|centre|fibre|metre|litre)(d|s)?": "gray, center",
    r"(learnt|spelt|burnt|dreamt|leapt)": "-ed",
    r"(normal|factor|optim|initial|recogn|organ|serial|vector|token|parallel|minim|maxim|summar|general|special|"
    r"synchron|quant|penal|random|regular|material|memor|util|visual|local|character|capital|real|final|custom|"
    r"standard|lemmat|equal|formal|categor|vectorization|author|prior)is(e|es|ed|er|ers|ing|ation|ations)": "-ize",
    r"(analyse|catalyse|paralyse)(s|d)?": "-yze",
    r"(label|model|travel|cancel|signal|total|level)l(ed|ing|er|ers)": "one l",
    r"judgements?|acknowledgements?|artefacts?|licence|defence|programmes?|whilst|amongst": "American spelling",
}
# Modules that do not exist any more.
OLD_PATHS = {
    r"kernels[/.](team|part|bundles?|bundle_type|by_class|classes|examples|panels|products|cross_entropy|shares|"
    r"reader|updates|duplicates|all_classes|train_text|tokens|maxima|elementary|exponential|label_cross_entropy|"
    r"full_gradients)(\.py)?": "see docs/architecture.md",
    r"(tests/)?words/(?!s\b)\w+": "word2vec/",
    r"(stages|machine)/\w*": "losses/, kernels/, jit/",
    r"docs/design|design\.md": "docs/architecture.md",
    r"sampledsoftmax[/.]experiments": "experiments",
    r"benchmarks\.(break_even|word_settings|word_seeds|word_report|expected_count|report)(?= )": "a subcommand",
}
# (file, text in lower case): there the word has another meaning.
ALLOWED: set[tuple[str, str]] = set()

RULES = [
    (re.compile(rf"(?<![\w-])({pattern})(?![\w-])", re.IGNORECASE), instead)
    for rules in (TERMS, BRITISH, OLD_PATHS)
    for pattern, instead in rules.items()
]
FOLDER_RULES = [
    (folders, re.compile(rf"(?<![\w-])({pattern})(?![\w-])", re.IGNORECASE), instead)
    for folders, rules in TERMS_OF_FOLDERS.items()
    for pattern, instead in rules.items()
]


def files():
    """Return all files with prose, as paths relative to the root."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("*.py"), *ROOT.glob("*.toml"), *ROOT.glob("*.yml"), ROOT / "CITATION.cff"]
    found += [*ROOT.glob(".ci/*"), *ROOT.glob(".github/**/*.yml"), *ROOT.glob("notebooks/*.ipynb")]
    for package in PACKAGES:
        for kind in ("py", "md", "js", "css", "html", "toml"):
            found += (ROOT / package).rglob(f"*.{kind}")
    return sorted(path.relative_to(ROOT).as_posix() for path in found if path.is_file())


def docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def prose_of_code(text, with_messages):
    """Return (line number, text) of the docstrings, the comments and, if asked, the messages of a module."""
    tree = ast.parse(text)
    docs = [node for node in docstrings(tree) if isinstance(node.value, str)]
    found = [(node.lineno, node.value) for node in docs]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found.append((token.start[0], token.string))
    if with_messages:
        known = {id(node) for node in docs}
        strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
        found += [(node.lineno, node.value) for node in strings if " " in node.value and id(node) not in known]
    return found


def prose(file):
    """Return (line number, text) of everything that a person reads in a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        return prose_of_code(text, file.startswith(WITH_MESSAGES))
    if file.endswith(".ipynb"):
        return [(0, "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return [(1, text)]


def offenses(file):
    rules = RULES + [(rule, instead) for folders, rule, instead in FOLDER_RULES if file.startswith(folders)]
    for line, text in prose(file):
        # Prose is wrapped: two words of a term may be on two lines.
        joined = re.sub(r"\s", " ", text)
        for rule, instead in rules:
            for match in rule.finditer(joined):
                if (file, match[0].lower()) not in ALLOWED:
                    yield f"{file}:{line + text.count(chr(10), 0, match.start())}: {match[0]!r}; say: {instead}"


def test_every_exception_is_needed():
    for file, text in ALLOWED:
        assert any(text in words.lower() for _, words in prose(file)), (file, text)


def test_the_files_are_found():
    found = files()
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "sampledsoftmax/reference.py", ".ci/run"} <= set(
        found
    )
    assert len(found) > 300


@pytest.mark.parametrize("folder", ["", *PACKAGES])
def test_prose_uses_standard_terms(folder):
    inside = [file for file in files() if (file.split("/")[0] if file.split("/")[0] in PACKAGES else "") == folder]
    found = [line for file in inside for line in offenses(file)]
    assert not found, "\n".join([f"{len(found)} offenses", *found])


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("a meeting of the threads", "meeting"),
        ("the second\n    cache", "second cache"),
        ("one row a class", "row a class"),
        ("# the neighbours of a word", "neighbours"),
        ("see docs/design.md", "docs/design"),
    ],
)
def test_a_refused_word_is_found(text, refused):
    joined = re.sub(r"\s", " ", text).replace("     ", " ")
    assert [match[0] for rule, _ in RULES for match in rule.finditer(joined)] == [refused]


def test_comments_docstrings_and_messages_are_read():
    code = '"""A module."""\n\n\ndef f(x):\n    """Return x."""\n    raise ValueError("a message")  # why\n'
    assert prose_of_code(code, True) == [(1, "A module."), (5, "Return x."), (6, "# why"), (6, "a message")]
    assert prose_of_code(code, False) == [(1, "A module."), (5, "Return x."), (6, "# why")]


def call_tree():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = page.split("<!-- call tree -->")[1].split("<!-- end of call tree -->")[0]
    return re.findall(r"^ *([\w, ]+?)  +(\S+\.py)", block, re.MULTILINE)


def test_the_call_tree_names_functions_that_exist():
    calls = [(name, file) for names, file in call_tree() for name in names.split(", ")]
    assert len(calls) > 20
    for name, file in calls:
        tree = ast.parse((ROOT / "sampledsoftmax" / file).read_text(encoding="utf-8"))
        assert name in {getattr(node, "name", None) for node in ast.walk(tree)}, (name, file)


def test_the_architecture_page_names_files_and_functions_that_exist():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    page = re.sub(r"<!-- call tree -->.*<!-- end of call tree -->", "", page, flags=re.DOTALL)
    named = re.findall(r"`([\w./]+/[\w./]*)`(?:\s\(`(\w+)`\))?", page)
    assert len(named) > 20
    for path, function in named:
        roots = (ROOT, *(ROOT / "sampledsoftmax" / folder for folder in ("", "kernels", "word2vec")))
        places = [root / path for root in roots if (root / path).exists()]
        assert places, path
        if function:
            assert re.search(rf"^((def|class) )?{function}\b", places[0].read_text(encoding="utf-8"), re.MULTILINE), (
                path
            )
