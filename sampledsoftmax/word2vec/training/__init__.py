"""Training word vectors: settings, tables, the run, checkpoints, progress, results on disk."""
