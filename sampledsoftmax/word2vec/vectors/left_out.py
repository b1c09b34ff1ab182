"""Names of gensim's KeyedVectors that are left out, and what to write in their place."""

NEW = (
    "vectors cannot be changed: make new ones, "
    "ss.WordVectors([*vectors.words, word], np.vstack([vectors.vectors, row]))"
)
_NO_LOG = "there is no log of calls: write what happened to a file beside the vectors"
COUNTS = "counts belong to the model: model.vocabulary.counts[vectors.key_to_index[word]]"
# Names of gensim that are left out, and what to write instead.
LEFT_OUT = {
    "add": NEW,
    "add_vector": NEW,
    "add_vectors": NEW,
    "accuracy": "write ss.evaluate_analogies(vectors, path)",
    "add_lifecycle_event": _NO_LOG,
    "allocate_vecattrs": COUNTS,
    "cosine_similarities": "write ss.WordVectors(names, rows).similar_by_vector(vector, topn=None)",
    "evaluate_word_analogies": "write ss.evaluate_analogies(vectors, path), whose result has .total.accuracy",
    "evaluate_word_pairs": "write ss.evaluate_similarities(vectors, path), whose result has .pearson and .spearman",
    "expandos": COUNTS,
    "get_vecattr": COUNTS,
    "intersect_word2vec_format": "load the file, ss.WordVectors.load_word2vec_format(path), and copy the rows of the "
    "words that both have into the tables of the model",
    "lifecycle_events": _NO_LOG,
    "log_accuracy": "write ss.evaluate_analogies(vectors, path)",
    "log_evaluate_word_pairs": "write ss.evaluate_similarities(vectors, path), and print what it returns",
    "mapfile_path": "files are read into memory, and vectors do not know theirs",
    "next_index": NEW,
    "relative_cosine_similarity": "divide vectors.similarity(a, b) by the sum of the cosines of most_similar(a)",
    "resize_vectors": NEW,
    "set_vecattr": COUNTS,
    "similarity_unseen_docs": "gensim has only its name: use n_similarity(words, others)",
    "sort_by_descending_frequency": "the words of a model are sorted so already",
    "syn0norm": "write vectors.get_normed_vectors()",
    "syn1": "the output table of a model is model.tables.weights",
    "syn1neg": "the output table of a model is model.tables.weights",
    "unit_normalize_all": "write ss.WordVectors(vectors.words, vectors.get_normed_vectors())",
    "vectors_for_all": "write ss.WordVectors(words, vectors[words]) with the words that are in vectors",
    "vectors_lockf": "rows cannot be kept from being trained: copy them back into the tables of the model afterwards",
    "wmdistance": "it needs a solver of transport problems: give the rows vectors[words] to the package POT (ot.emd2)",
}
