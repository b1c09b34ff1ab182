"""Text that is drawn: any word in one line of limited length."""

_MAX_LABEL = 40
_MAX_TITLE = 120


def label(word: object) -> str:
    r"""Return a word as it is drawn: line ends and what is not printable escaped, and cut after 40 characters.

    Examples
    --------
    >>> label("two\nlines"), len(label("x" * 1000)), label(7)
    ('two\\nlines', 41, '7')
    """
    return _cut(str(word), _MAX_LABEL)


def title_of(text: str) -> str:
    r"""Return a title as it is drawn, cut after 120 characters.

    Examples
    --------
    >>> title_of("line\n"), len(title_of("x" * 1000))
    ('line\\n', 121)
    """
    return _cut(text, _MAX_TITLE)


def _cut(text: str, length: int) -> str:
    short = text[:length]
    plain = short if short.isprintable() else repr(short)[1:-1]
    return plain[:length] + ("…" if len(text) > length or len(plain) > length else "")
