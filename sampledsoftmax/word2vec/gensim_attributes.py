"""Attributes of a gensim model: settings can be read, and for others an error says what to write instead."""

from dataclasses import fields
from typing import Any, NoReturn

from sampledsoftmax import validation
from sampledsoftmax.word2vec.gensim_names import MOVED
from sampledsoftmax.word2vec.training.settings import TrainingSettings

_SETTINGS = frozenset(field.name for field in fields(TrainingSettings))


class _OfTheClass:
    """A name that was one of the class in gensim, where `__getattr__` is not asked."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(_missing(self._name), name=self._name, obj=owner)


class GensimAttributes:
    """A model with `settings`, each of which is an attribute too.

    Examples
    --------
    >>> from sampledsoftmax import Word2Vec
    >>> model = Word2Vec(window=3)
    >>> model.window
    3
    >>> model.alpha = 0.01
    Traceback (most recent call last):
    ...
    AttributeError: a model has no alpha: the rate is an argument of Word2Vec, learning_rate=...
    """

    settings: Any
    load_word2vec_format = _OfTheClass("load_word2vec_format")

    def __getattr__(self, name: str) -> Any:
        if name in _SETTINGS:
            return getattr(self.settings, name)
        raise AttributeError(_missing(name), name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would be assigned without any effect."""
        if name in _SETTINGS:
            instead = "write train(corpus, epochs=...)" if name == "epochs" else "it is an argument of Word2Vec"
            raise AttributeError(f"{name} of a model cannot be assigned: {instead}", name=name, obj=self)
        if name in MOVED:
            raise AttributeError(_missing(name), name=name, obj=self)
        super().__setattr__(name, value)

    def __getitem__(self, word: object) -> Any:
        shown = validation.shown(word) if isinstance(word, (str, int, list)) else "..."
        raise TypeError(f"a model has no items: write model.wv[{shown}]")

    def __contains__(self, word: object) -> bool:
        raise TypeError(f"a model holds no words: write {validation.shown(word)} in model.wv")

    def __iter__(self) -> NoReturn:
        raise TypeError("a model holds no words: write list(model.wv)")


def _missing(name: str) -> str:
    return (
        f"a model has no {name}: {MOVED[name]}"
        if name in MOVED
        else f"a model has no attribute {validation.shown(name)}"
    )
