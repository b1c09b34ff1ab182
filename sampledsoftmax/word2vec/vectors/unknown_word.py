"""The error for a word without a vector; its message, with words of similar spelling, is made when it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors.suggestions import near_words


class UnknownWordError(KeyError):
    """A word has no vector; the message suggests similar words that have one.

    Parameters
    ----------
    word : object
        The unknown word; the only one of `args`.
    words : sequence of str or int
        The known words, by decreasing frequency. They are searched when the message is shown, so that a caller who
        expects unknown words does not pay for it.
    ids : mapping of str or int to int
        Index of each word in `words`.
    reason : str
        Added to the message.

    Examples
    --------
    >>> str(UnknownWordError("apend", ["append"], {"append": 0}))
    "no vector for the word 'apend'; near it: append"
    """

    def __init__(
        self, word: object, words: Sequence[Any] = (), ids: Mapping[Any, int] | None = None, reason: str = ""
    ) -> None:
        super().__init__(word)
        self._known = (words, ids or {})
        self._reason = reason
        self._message: str | None = None

    def __str__(self) -> str:
        if self._message is None:
            word, near = self.args[0], []
            if isinstance(word, str):
                near = near_words(word, *self._known)
            hint = f"; near it: {', '.join(map(_plain, near))}" if near else ""
            self._message = f"no vector for the word {validation.shown(word)}{self._reason}{hint}"
        return self._message

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy or a pickle needs: the message, not all known words."""
        return _restored, (type(self), self.args[0], str(self))


def _restored(kind: type[UnknownWordError], word: object, message: str) -> UnknownWordError:
    error = kind(word)
    error._message = message  # noqa: SLF001 - of the class above
    return error


def _plain(word: str) -> str:
    return word if word.isprintable() else repr(word)
