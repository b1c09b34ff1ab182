"""Callbacks of a training run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sampledsoftmax import validation
from sampledsoftmax.word2vec.encoding.encode import ignore
from sampledsoftmax.word2vec.training.memory import MemoryPlan
from sampledsoftmax.word2vec.training.progress import Progress

Report = Callable[[Progress], None]


class Watch(NamedTuple):
    """Callbacks of a training run.

    Attributes
    ----------
    on_progress, on_epoch : callable
        Called with a `Progress`, after each block of text and after each epoch.
    on_read : callable
        Called with (bytes read, total bytes or None) while the corpus is read.
    on_reuse : callable
        Called with the folder of a corpus that is taken from the cache.
    on_plan : callable
        Called with the `MemoryPlan`, before the tables are allocated.
    on_left_out : callable
        Called with (words left out, words of the corpus) if a trained model, or one with a vocabulary, leaves out words
        that it does not know.
    on_compile : callable
        Called without arguments if the first step is being compiled and that takes more than a second: once per
        machine and kind of model, some 10 to 30 seconds.
    """

    on_progress: Report = ignore
    on_epoch: Report = ignore
    on_read: Callable[[int, int | None], None] = ignore
    on_reuse: Callable[[Path], None] = ignore
    on_plan: Callable[[MemoryPlan], None] = ignore
    on_left_out: Callable[[int, int], None] = ignore
    on_compile: Callable[[], None] = ignore


def checked_watch(watch: Watch | None) -> Watch:
    """Return a watch whose callbacks can be called, since they are called when much has been done."""
    if watch is None:
        return Watch()
    if not isinstance(watch, Watch):
        raise TypeError(f"watch must be a Watch, got {validation.described(watch)}")
    for name, function in watch._asdict().items():
        if not callable(function):
            raise TypeError(f"{name} must be callable, got {validation.described(function)}")
    return watch
