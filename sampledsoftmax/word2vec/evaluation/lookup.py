"""Which vector a word of a question means."""

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

RESTRICT_VOCAB = 300_000


class Lookup:
    """The words that questions are asked about.

    Parameters
    ----------
    vectors : WordVectors
        Words by falling frequency.
    restrict_vocab : int or None
        Only the first so many words exist, in questions and as answers; None for all.
    case_insensitive : bool
        Whether a word of a question means the first (most frequent) word that is the same in upper case, as in
        gensim. Otherwise words are looked up as they are written.

    Examples
    --------
    >>> import numpy as np
    >>> lookup = Lookup(WordVectors(["us", "US", "uk"], np.eye(3)), None, case_insensitive=True)
    >>> lookup.id("Us"), lookup.id("UK"), lookup.id("eu"), lookup.variants("us")
    (0, 2, None, [0, 1])
    """

    def __init__(self, vectors: WordVectors, restrict_vocab: int | None, case_insensitive: bool) -> None:
        if restrict_vocab is not None:
            restrict_vocab = validation.whole_number("restrict_vocab", restrict_vocab, at_least=1)
        self._fold = validation.flag("case_insensitive", case_insensitive)
        self.size = min(len(vectors), restrict_vocab or len(vectors))
        self._ids: dict[str, int] = {}
        self._others: dict[str, list[int]] = {}
        for i, word in enumerate(vectors.words[: self.size]):
            if self._ids.setdefault(self._key(word), i) != i:
                self._others.setdefault(self._key(word), []).append(i)

    def id(self, word: str) -> int | None:
        """Return the id of the word that is meant, None if there is none."""
        return self._ids.get(self._key(word))

    def variants(self, word: str) -> list[int]:
        """Return the ids of all words that `word` may mean, the one that it means first."""
        key = self._key(word)
        return [self._ids[key], *self._others.get(key, [])]

    def _key(self, word: str) -> str:
        return word.upper() if self._fold else word
