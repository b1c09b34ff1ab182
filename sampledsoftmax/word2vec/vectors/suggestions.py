"""Spelling suggestions for unknown words."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

_MAX_LENGTH = 40
# The alphabet has the most frequent characters of the most frequent words: some scripts have thousands of characters.
_ALPHABET_WORDS = 10_000
_ALPHABET = 100
# At most 500 words with the same beginning are compared, of the most frequent ones.
_MAX_SEARCHED = 100_000
_MAX_COMPARED = 500


def near_words(word: str, words: Sequence[Any], ids: Mapping[Any, int], how_many: int = 3) -> list[str]:
    """Return up to `how_many` of `words` with a spelling similar to `word`.

    First come other cases of the word, then words at edit distance one (insertion, deletion, replacement,
    transposition of neighboring characters), the most frequent first. These are looked up in `ids`, so that the cost
    does not depend on the number of words; inserted characters are those of `word` and the 100 most frequent ones. If
    there are none, words with the same first three characters are compared by `difflib`, and the most similar come
    first; only the 100,000 most frequent words are searched.

    Parameters
    ----------
    word : str
        An unknown word. There are no suggestions for more than 40 characters.
    words : sequence of str or int
        The known words, by decreasing frequency; ints are left out.
    ids : mapping of str or int to int
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
    alphabet = set(word).union(_frequent_characters(words[:_ALPHABET_WORDS]))
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


def _frequent_characters(words: Iterable[Any]) -> Iterator[str]:
    counts = Counter("".join(word[:_MAX_LENGTH] for word in words if isinstance(word, str)))
    return (character for character, _ in counts.most_common(_ALPHABET))


def _close_matches(word: str, words: Sequence[Any], how_many: int) -> list[str]:
    prefix = word[:3]
    if not prefix:
        return []
    searched = (other for other in islice(words, _MAX_SEARCHED) if isinstance(other, str))
    same = (other for other in searched if other.startswith(prefix) and abs(len(other) - len(word)) <= 3)
    return difflib.get_close_matches(word, islice(same, _MAX_COMPARED), n=how_many)
