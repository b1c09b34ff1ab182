"""Training word vectors: settings, tables, the run, checkpoints, progress."""
