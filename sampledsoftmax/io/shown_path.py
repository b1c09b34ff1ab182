"""Paths in messages: one line, whatever the name is."""

import os

_MAX_SHOWN, _END = 250, 60  # characters, of all and of the end
_GAP = "..."


def shown_path(path: str | os.PathLike[str]) -> str:
    r"""Return a path for a message: unprintable characters are escaped, and the middle of a very long one is left out.

    Examples
    --------
    >>> shown_path("a/b c.txt"), shown_path("two\nlines"), len(shown_path("x" * 10_000))
    ('a/b c.txt', 'two\\nlines', 253)
    """
    text = os.fspath(path)
    if len(text) > _MAX_SHOWN:
        text = _cut(text)
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= _MAX_SHOWN + len(_GAP) else _cut(escaped)


def _cut(text: str) -> str:
    return f"{text[: _MAX_SHOWN - _END]}{_GAP}{text[-_END:]}"
