"""From a corpus to token ids: the vocabulary, the id stream and its cache on disk."""
