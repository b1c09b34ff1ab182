"""What the site does beyond MkDocs: it quotes the package where a page names its functions.

A fence of the language `quote` holds the path of a module, or that and the names of some of its
functions. The site shows their source as it is when the site is built; a name that is not there
stops the build.
"""

import ast
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_QUOTE = re.compile(r"^```quote\n(?P<path>\S+)(?P<names>[^\n]*)\n```$", re.MULTILINE)
# Pages link to the file for those who read them in the repository; the site has a page of it.
_METHOD = re.compile(r"\]\(\.\./sampledsoftmax/reference\.py\)")


def source(path: str, names: list[str]) -> str:
    """Return a module of the package as text, or the functions of those names, in order."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if not names:
        return text
    functions = {
        node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
    }
    missing = [name for name in names if name not in functions]
    if missing:
        raise ValueError(f"{path} has no function {missing[0]}")
    return "\n\n".join(str(ast.get_source_segment(text, functions[name])) for name in names)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace quotes by source, and links to it by links to its page."""

    def fence(match: re.Match[str]) -> str:
        return f"```python\n{source(match['path'], match['names'].split()).rstrip()}\n```"

    return _METHOD.sub("](reference/method.md)", _QUOTE.sub(fence, markdown))
