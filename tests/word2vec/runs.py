"""Directories as a training run leaves them, without the training."""

import numpy as np

from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import checkpoint
from sampledsoftmax.word2vec.training.output_directory import MODEL
from sampledsoftmax.word2vec.training.run import Position
from sampledsoftmax.word2vec.training.tables import from_arrays


def write_run(path, words, embeddings, weights, **settings):
    """Write a finished model of these tables, whose vectors are their rows."""
    given = {"vector_size": embeddings.shape[1], "optimizer": "sgd", "epochs": 1, "shrinkage": 0, **settings}
    settings = Word2Vec(**given).settings
    biases = np.zeros(len(words), np.float32)
    arrays = {"embeddings": embeddings, "weights": weights, "biases": biases}
    tables = from_arrays({name: array.copy() for name, array in arrays.items()}, settings.new_optimizer())
    vocabulary = Vocabulary(list(words), np.arange(len(words), 0, -1))
    state = checkpoint.Checkpoint(settings, vocabulary, tables, Position(epoch=1), "", [], {})
    checkpoint.save(path / MODEL, state)
