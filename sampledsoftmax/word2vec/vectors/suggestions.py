"""Words that a mistyped one may have meant."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

_LONGEST = 40
# The characters of so many words are tried; so many words of the same beginning are compared.
_ALPHABET_WORDS = 10_000
_MOST_COMPARED = 500


def near_words(word: str, words: Sequence[str], ids: Mapping[str, int], how_many: int = 3) -> list[str]:
    """Return up to `how_many` of `words` that are spelled like `word`.

    Other cases of the word come first, then words that are one slip away: a character too many, too few,
    another one, or two that changed places; of those the one of the smallest id, the most frequent one, comes
    first. They are looked up, not searched for: a million words cost no more than a hundred. Where there are
    none, words with the same first three characters are compared letter by letter, and the likest come first.

    Parameters
    ----------
    word : str
        A word that is not there. Nothing is near one of more than 40 characters.
    words : sequence of str
        Those that are, by falling frequency.
    ids : mapping of str to int
        Place of each in `words`.
    how_many : int
        At most so many.

    Examples
    --------
    >>> words = ["extend", "append", "apend", "pend"]
    >>> near_words("Apend", words, {word: i for i, word in enumerate(words)})
    ['apend', 'append', 'pend']
    """
    if len(word) > _LONGEST:
        return []
    cases = dict.fromkeys((word.lower(), word.title(), word.upper()))
    alphabet = set(word).union(*words[:_ALPHABET_WORDS])
    slips = {slip for case in (word, *cases) for slip in _slips(case, alphabet) if slip in ids}
    found = [case for case in cases if case in ids] + sorted(slips.difference(cases), key=ids.__getitem__)
    return found[:how_many] or _compared(word, words, how_many)


def _slips(word: str, alphabet: set[str]) -> Iterator[str]:
    """Yield the words one slip away; `word` itself may be among them."""
    for i in range(len(word) + 1):
        before, after = word[:i], word[i:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for character in alphabet:
            yield before + character + after
            yield before + character + after[1:]


def _compared(word: str, words: Sequence[str], how_many: int) -> list[str]:
    head = word[:3]
    alike = [other for other in words if other.startswith(head) and abs(len(other) - len(word)) <= 3]
    return difflib.get_close_matches(word, alike[:_MOST_COMPARED], n=how_many) if head else []
