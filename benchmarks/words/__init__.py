"""Word vectors of a corpus: the comparison with gensim, the settings that were tried, the spread over seeds."""
