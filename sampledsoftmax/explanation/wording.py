"""Classes and numbers in words."""

from collections.abc import Sequence


def quoted(names: Sequence[str] | None, class_id: int) -> str:
    """Return a class for a sentence: its id, and its name in quotes where it has one."""
    return str(class_id) if names is None else f'{class_id} "{names[class_id]}"'


def counted(number: int, noun: str) -> str:
    """Return "1 class", "2 classes", "1,000 rows"."""
    plural = noun + "es" if noun.endswith("ss") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"
