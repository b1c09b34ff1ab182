"""The sentences of a corpus in memory: any sequence of tokens becomes a list of str and int, or an array of ids."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Set, Sized
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.id_sentences import id_sentences

Word: TypeAlias = str | int

_WORD_TYPES = {str, int}
_BYTES_OF_INT64 = 8
_EXPECTED = "a sequence of tokens is expected"


def token_lists(corpus: Iterable[Any]) -> Iterator[list[Word]]:
    """Yield each sentence of a corpus as a list of words.

    Parameters
    ----------
    corpus : iterable
        A sentence is any sequence of tokens: a list, a tuple, an array of one dimension, a pandas Series. A token is a
        str, or an int, of NumPy too; the int 3 and the str "3" are two words. Or ids in arrays, see `read_sentences`.

    Raises
    ------
    TypeError
        The corpus or a sentence is a mapping, or a set, whose order is not repeatable; a sentence is an unsplit str, an
        iterator, or has more than one dimension; a token is neither a str nor an int. The message has the number of
        the sentence and of the token, from 0.

    Examples
    --------
    >>> list(token_lists([["to", "be"], np.array([3, 4], np.int32), ()]))
    [['to', 'be'], [3, 4], []]
    """
    for sentence in lists_and_arrays(corpus):
        yield sentence.tolist() if isinstance(sentence, np.ndarray) else sentence


def lists_and_arrays(corpus: Iterable[Any]) -> Iterator[list[Word] | NDArray[np.integer[Any]]]:
    """Yield the same sentences; those that are arrays of ints which fit in int64 are yielded as they are.

    Examples
    --------
    >>> list(lists_and_arrays([("to", "be"), np.array([3, 4])]))
    [['to', 'be'], array([3, 4])]
    """
    if isinstance(corpus, (Set, Mapping)):
        raise TypeError(f"the corpus is {_no_sequence(corpus)}: a list of sentences is expected")
    in_arrays = id_sentences(corpus)
    for number, sentence in enumerate(corpus if in_arrays is None else in_arrays):
        yield sentence if _is_id_array(sentence) else tokens_of(number, sentence)


def tokens_of(number: int, sentence: Any) -> list[Word]:
    """Return the tokens of a sentence; `number` is named in errors, see `token_lists`.

    Examples
    --------
    >>> tokens_of(0, np.array(["to", "be"], object))
    ['to', 'be']
    >>> tokens_of(7, {"to", "be"})
    Traceback (most recent call last):
    ...
    TypeError: sentence 7 of the corpus is a set, whose order is not repeatable: a list of tokens is expected
    """
    _check_sentence(number, sentence)
    to_list = getattr(sentence, "tolist", None)  # arrays and columns: Python's own str and int
    tokens = to_list() if callable(to_list) else list(sentence)
    if set(map(type, tokens)) <= _WORD_TYPES:
        return tokens
    return [_word(number, position, token) for position, token in enumerate(tokens)]


def _is_id_array(sentence: Any) -> bool:
    if not isinstance(sentence, np.ndarray) or sentence.ndim != 1 or isinstance(sentence, np.ma.MaskedArray):
        return False
    kind, size = sentence.dtype.kind, sentence.dtype.itemsize  # np.can_cast takes most of the time of short sentences
    return bool(kind == "i" or (kind == "u" and size < _BYTES_OF_INT64))


def _check_sentence(number: int, sentence: Any) -> None:
    of_corpus = f"sentence {number} of the corpus is"
    if isinstance(sentence, (str, bytes, bytearray, memoryview)):
        raise TypeError(
            f"{of_corpus} {validation.described(sentence)}, {_EXPECTED}: split it, or pass the path of a file"
        )
    if isinstance(sentence, (Set, Mapping)):
        raise TypeError(f"{of_corpus} {_no_sequence(sentence)}: a list of tokens is expected")
    if isinstance(sentence, Iterator):
        raise TypeError(f"{of_corpus} a one-shot {type(sentence).__name__}, {_EXPECTED}: write list(sentence)")
    dimensions = getattr(sentence, "ndim", 1)
    if dimensions != 1:
        raise TypeError(f"{of_corpus} a {type(sentence).__name__} of {dimensions} dimensions, {_EXPECTED}")
    is_sequence = isinstance(sentence, Iterable) or hasattr(type(sentence), "__getitem__")
    if isinstance(sentence, type) or not (isinstance(sentence, Sized) and is_sequence):
        raise TypeError(f"{of_corpus} {validation.described(sentence)}, {_EXPECTED}")


def _no_sequence(given: Any) -> str:
    """Return why a set or a mapping is no sequence."""
    reason = "which is no sequence" if isinstance(given, Mapping) else "whose order is not repeatable"
    return f"a {type(given).__name__}, {reason}"


def _word(number: int, position: int, token: Any) -> Word:
    """Return a token as str or int itself, without the subclass that it may have."""
    if isinstance(token, str):
        return str.__str__(token)
    if not isinstance(token, (bool, np.bool_)):
        try:
            return operator.index(token)
        except TypeError:
            pass
    raise TypeError(
        f"token {position} of sentence {number} of the corpus is {validation.described(token)}: "
        "tokens must be str or int"
    )
