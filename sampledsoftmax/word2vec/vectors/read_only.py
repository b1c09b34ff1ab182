"""A list that cannot be changed, for what an object has computed other values from."""

from typing import Any, NoReturn


class ReadOnlyList(list[Any]):
    """A list whose methods that change it raise TypeError; `list(it)` is one that can be changed.

    Examples
    --------
    >>> words = ReadOnlyList(["to", "be"])
    >>> words == ["to", "be"], words[1], words + ["or"]
    (True, 'be', ['to', 'be', 'or'])
    >>> words.append("or")
    Traceback (most recent call last):
    TypeError: this list cannot be changed: change a copy, list(...)
    """

    def _refuse(self, *arguments: Any, **options: Any) -> NoReturn:
        raise TypeError("this list cannot be changed: change a copy, list(...)")

    append = clear = extend = insert = pop = remove = reverse = sort = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how copies are made: by the constructor, since `append` is refused."""
        return type(self), (list(self),)
