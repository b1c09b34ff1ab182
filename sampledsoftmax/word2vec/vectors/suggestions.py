"""Spelling suggestions for unknown words."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

_MAX_LENGTH = 40
# The alphabet is that of the most frequent words; at most 500 words with the same beginning are compared.
_ALPHABET_WORDS = 10_000
_MAX_COMPARED = 500


def near_words(word: str, words: Sequence[str], ids: Mapping[str, int], how_many: int = 3) -> list[str]:
    """Return up to `how_many` of `words` with a spelling similar to `word`.

    First come other cases of the word, then words at edit distance one (insertion, deletion, replacement,
    transposition of neighboring characters), the most frequent first. These are looked up in `ids`, so that the cost
    does not depend on the number of words. If there are none, words with the same first three characters are compared
    by `difflib`, and the most similar come first.

    Parameters
    ----------
    word : str
        An unknown word. There are no suggestions for more than 40 characters.
    words : sequence of str
        The known words, by decreasing frequency.
    ids : mapping of str to int
        Index of each word in `words`.
    how_many : int
        Maximum number of suggestions.

    Examples
    --------
    >>> words = ["extend", "append", "apend", "pend"]
    >>> near_words("Apend", words, {word: i for i, word in enumerate(words)})
    ['apend', 'append', 'pend']
    """
    if len(word) > _MAX_LENGTH:
        return []
    cases = dict.fromkeys((word.lower(), word.title(), word.upper()))
    alphabet = set(word).union(*words[:_ALPHABET_WORDS])
    edited = {edit for case in (word, *cases) for edit in _edits(case, alphabet) if edit in ids}
    found = [case for case in cases if case in ids] + sorted(edited.difference(cases), key=ids.__getitem__)
    return found[:how_many] or _close_matches(word, words, how_many)


def _edits(word: str, alphabet: set[str]) -> Iterator[str]:
    """Yield the strings at edit distance one, and `word` itself."""
    for i in range(len(word) + 1):
        before, after = word[:i], word[i:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for character in alphabet:
            yield before + character + after
            yield before + character + after[1:]


def _close_matches(word: str, words: Sequence[str], how_many: int) -> list[str]:
    prefix = word[:3]
    candidates = [other for other in words if other.startswith(prefix) and abs(len(other) - len(word)) <= 3]
    return difflib.get_close_matches(word, candidates[:_MAX_COMPARED], n=how_many) if prefix else []
