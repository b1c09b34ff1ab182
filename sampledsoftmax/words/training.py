"""One epoch of skip-gram training: blocks of pairs, cut into batches, one step each."""

from collections.abc import Callable, Iterable

import numpy as np

from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.words.pairs import PairBlock, batches
from sampledsoftmax.words.progress import Progress, TrainingDivergedError
from sampledsoftmax.words.vocabulary import IdStream


def train_epoch(
    model: SkipGram,
    blocks: Iterable[PairBlock],
    batch_size: int,
    done: Progress,
    on_progress: Callable[[Progress], None],
) -> Progress:
    """Learn the pairs of one epoch and return how far the run has come, with the mean loss of the epoch.

    Parameters
    ----------
    model : SkipGram
        Is trained in place.
    blocks : iterable of PairBlock
        The pairs of the epoch.
    batch_size : int
        Pairs a step, at most.
    done : Progress
        How far the run had come before, its `epoch` the one that begins.
    on_progress : callable
        Is called after each block.

    Raises
    ------
    TrainingDivergedError
        A loss is not finite; the steps before it have been taken.
    """
    words_before, pairs_before, total = done.words, done.pairs, 0.0
    for block in blocks:
        done = _train_block(model, block, batch_size, done)
        done = done._replace(words=words_before + block.words_done)
        total += done.loss * block.inputs.size
        on_progress(done)
    return done._replace(loss=total / max(done.pairs - pairs_before, 1))


def _train_block(model: SkipGram, block: PairBlock, batch_size: int, done: Progress) -> Progress:
    step, total = done.step, 0.0
    for inputs, labels in batches(block, batch_size):
        try:
            total += model.step(inputs, labels) * inputs.size
        except FloatingPointError:
            raise TrainingDivergedError(step + 1, model.output.optimizer.learning_rate) from None
        step += 1
    num_pairs = block.inputs.size
    return done._replace(step=step, pairs=done.pairs + num_pairs, loss=total / num_pairs)


def check_stream(stream: IdStream, num_words: int) -> None:
    """Refuse a corpus whose second pass differs from its first, or that has no two words side by side."""
    if stream.ids.size != num_words:
        raise ValueError(
            f"the corpus gave {num_words} words of the vocabulary at the first pass and {stream.ids.size} at "
            "the second: pass an iterable that starts again each time"
        )
    if np.diff(stream.offsets).max() < 2:
        raise ValueError(
            "the corpus has no pairs: no sentence holds two words of the vocabulary (a line is a sentence)"
        )
