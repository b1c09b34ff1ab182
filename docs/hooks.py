"""MkDocs hooks: quotes of the package's source, and the READMEs of packages as pages.

A fence of the language `quote` holds the path of a module, optionally followed by the names of
some of its functions. The site shows their source as it is at build time; a name that does not
exist stops the build.
"""

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# Pages link to these files, so that links work in the repository; on the site they are pages.
PAGES = {
    "sampledsoftmax/reference.py": "reference/method.md",
    "sampledsoftmax/jit/README.md": "jit.md",
    "sampledsoftmax/kernels/README.md": "kernels.md",
}
_QUOTE = re.compile(r"^```quote\n(?P<path>\S+)(?P<names>[^\n]*)\n```$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def source(path: str, names: list[str]) -> str:
    """Return the text of a module, or of the named functions in it, in that order."""
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


def site_links(markdown: str, file: str, page: str) -> str:
    """Return the text of a file of the repository with links as they are on the site.

    `file` is the file's path in the repository, `page` that of its page in the site's sources.
    In a file outside of docs/, a link to a file that has no page is replaced by its text.
    """

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), match["path"]))
        is_page = target in PAGES or target.startswith("docs/")
        if not is_page:
            return match[0] if file.startswith("docs/") else match["text"]
        path = PAGES.get(target, target.removeprefix("docs/"))
        relative = posixpath.relpath(path, posixpath.dirname(page) or ".")
        return f"[{match['text']}]({relative}{match['anchor'] or ''})"

    return _LINK.sub(link, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the READMEs of packages to the pages of the site."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - tests use this module without MkDocs

    for file, page in PAGES.items():
        if file.endswith("README.md"):
            text = (ROOT / file).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=site_links(text, file, page)))
    return files


def on_page_markdown(markdown: str, page: Any = None, **_: Any) -> str:
    """Replace quotes with source code, and links to files with links to their pages."""

    def fence(match: re.Match[str]) -> str:
        return f"```python\n{source(match['path'], match['names'].split()).rstrip()}\n```"

    uri = page.file.src_uri if page else ""
    return _QUOTE.sub(fence, site_links(markdown, f"docs/{uri}", uri))
