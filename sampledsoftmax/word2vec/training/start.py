"""The state in which a run starts: a corpus is read, its vocabulary is fixed, and tables are made or grown."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.word2vec.corpus.corpus import Source
from sampledsoftmax.word2vec.encoding.encode import Encoded, encode_and_grow, encode_corpus, encode_more
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training.checkpoint import Checkpoint, CorpusSize, digest
from sampledsoftmax.word2vec.training.memory import check_fits, plan_memory
from sampledsoftmax.word2vec.training.run import Position, check_stream
from sampledsoftmax.word2vec.training.settings import TrainingSettings
from sampledsoftmax.word2vec.training.shard_memory import new_shard, num_bytes, sizes_of_batch
from sampledsoftmax.word2vec.training.tables import Tables, grown, new_tables
from sampledsoftmax.word2vec.training.trainer import positions_of_shard
from sampledsoftmax.word2vec.training.watch import Watch


class Reading(NamedTuple):
    """How a corpus is read.

    Attributes
    ----------
    resume : bool
        Whether it is the corpus of a run that is resumed.
    grow : bool
        Whether its new words get rows.
    files : mapping
        Arguments of `encode_corpus`: cache, errors, encoding, exclude.
    watch : Watch
    """

    resume: bool
    grow: bool
    files: Mapping[str, Any]
    watch: Watch = Watch()


def read_corpus(
    corpus: Source, reading: Reading, min_count: int, known: Vocabulary | None
) -> tuple[Encoded, CorpusSize]:
    """Read a corpus with the known vocabulary, which may grow; without one, with the words of the corpus."""
    counts: list[int] = []
    options: dict[str, Any] = {
        **reading.files,
        "on_progress": reading.watch.on_read,
        "on_reuse": reading.watch.on_reuse,
        "on_count": counts.append,
    }
    if known is None:
        encoded = encode_corpus(corpus, min_count, **options)
    elif reading.grow:
        encoded = encode_and_grow(corpus, known, min_count, **options)
    else:
        encoded = Encoded(known, encode_more(corpus, known, **options))
    num_sentences, num_known = encoded.stream.offsets.size - 1, int(encoded.stream.ids.size)
    return encoded, CorpusSize(num_sentences, counts[0], num_known)


def starting_state(
    corpus: Source, reading: Reading, settings: TrainingSettings, before: Checkpoint | None, known: Vocabulary | None
) -> tuple[Checkpoint, IdStream]:
    """Return the state in which a run starts, and the ids of its corpus; the state `before` is not changed."""
    (vocabulary, stream), size = read_corpus(corpus, reading, settings.min_count, known)
    corpus_digest = digest(stream)
    if before is not None and reading.resume:
        if before.corpus != corpus_digest:
            raise ValueError(
                "this is not the corpus of the run to resume: it has "
                f"{stream.ids.size:,} words of the run's vocabulary in {stream.offsets.size - 1:,} sentences"
            )
        return before._replace(size=size), stream
    check_stream(stream, "" if known is None else _advice(size))
    if known is not None and not reading.grow and size.known < size.words:
        reading.watch.on_left_out(size.words - size.known, size.words)
    _check_num_sampled(settings, vocabulary)
    _check_memory(settings, vocabulary, stream, reading.watch)
    tables = _tables(settings, vocabulary, before)
    same_words = before is not None and len(vocabulary) == len(before.vocabulary)
    sampler_state = before.sampler_state if before is not None and same_words else {}
    return Checkpoint(settings, vocabulary, tables, Position(), corpus_digest, [], sampler_state, size), stream


def _tables(settings: TrainingSettings, vocabulary: Vocabulary, before: Checkpoint | None) -> Tables:
    """Return new tables, or copies of those before with rows for new words."""
    if before is None:
        return new_tables(len(vocabulary), settings.vector_size, settings.new_optimizer(), settings.seed)
    return grown(before.tables, len(vocabulary), settings.new_optimizer(), settings.seed)


def _check_memory(settings: TrainingSettings, vocabulary: Vocabulary, stream: IdStream, watch: Watch) -> None:
    plan = plan_memory(
        len(vocabulary),
        settings.vector_size,
        settings.slots_per_weight,
        stream.num_bytes,
        copied=2.0 if settings.which == "both" else 1.0,
        shard_bytes=_bytes_of_shards(settings, len(vocabulary)),
    )
    watch.on_plan(plan)
    check_fits(plan)


def _bytes_of_shards(settings: TrainingSettings, num_words: int) -> int:
    sizes = sizes_of_batch(
        settings.batch_size, settings.window, settings.sg, settings.candidates(num_words), settings.vector_size
    )
    positions = positions_of_shard(settings.shards) + 2 * settings.window
    return settings.shards * num_bytes(new_shard(sizes, positions, 1, np.dtype(np.float32)))


def _check_num_sampled(settings: TrainingSettings, vocabulary: Vocabulary) -> None:
    if settings.candidates(len(vocabulary)) > len(vocabulary):
        raise ValueError(
            f"num_sampled={settings.num_sampled} unique candidates cannot be drawn from the {len(vocabulary)} "
            f"words that occur at least min_count={settings.min_count} times: lower one of the two"
        )


def _advice(size: CorpusSize) -> str:
    """Say what to do with a corpus that a trained model cannot use."""
    return (
        f"; {size.known:,} of its {size.words:,} words are known: grow_vocab=True gives rows to the new ones, "
        "resume=True continues an interrupted run on its own corpus, and a new Word2Vec(...) starts again"
    )
