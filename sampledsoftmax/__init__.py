"""Sampled softmax in NumPy and Numba: TensorFlow's numbers, sparse updates, word vectors."""

from sampledsoftmax.accidental_hits import compute_accidental_hits
from sampledsoftmax.config import show_config
from sampledsoftmax.explanation import Explanation, explain
from sampledsoftmax.full_softmax import full_softmax_loss, full_softmax_loss_and_grad
from sampledsoftmax.layer import SampledSoftmax
from sampledsoftmax.nce import nce_loss, nce_loss_and_grad
from sampledsoftmax.optimizers import SGD, Adagrad, Adam, Momentum, RowwiseAdagrad
from sampledsoftmax.sampled_logits import compute_sampled_logits
from sampledsoftmax.sampled_softmax import sampled_softmax_loss, sampled_softmax_loss_and_grad
from sampledsoftmax.samplers.all_candidates import AllSampler, all_candidate_sampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler, fixed_unigram_candidate_sampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler, learned_unigram_candidate_sampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler, log_uniform_candidate_sampler
from sampledsoftmax.samplers.uniform import UniformSampler, uniform_candidate_sampler
from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.threads import get_num_threads, set_num_threads
from sampledsoftmax.types import Gradients, IndexedSlices, SampledValues
from sampledsoftmax.words.evaluation.analogies import evaluate_analogies
from sampledsoftmax.words.evaluation.held_out import held_out
from sampledsoftmax.words.evaluation.similarities import evaluate_similarities
from sampledsoftmax.words.vectors import WordVectors
from sampledsoftmax.words.word2vec import Word2Vec

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AllSampler",
    "Explanation",
    "FixedUnigramSampler",
    "Gradients",
    "IndexedSlices",
    "LearnedUnigramSampler",
    "LogUniformSampler",
    "Momentum",
    "RowwiseAdagrad",
    "SampledSoftmax",
    "SampledValues",
    "SkipGram",
    "UniformSampler",
    "Word2Vec",
    "WordVectors",
    "all_candidate_sampler",
    "compute_accidental_hits",
    "compute_sampled_logits",
    "evaluate_analogies",
    "evaluate_similarities",
    "explain",
    "fixed_unigram_candidate_sampler",
    "full_softmax_loss",
    "full_softmax_loss_and_grad",
    "get_num_threads",
    "held_out",
    "learned_unigram_candidate_sampler",
    "log_uniform_candidate_sampler",
    "nce_loss",
    "nce_loss_and_grad",
    "sampled_softmax_loss",
    "sampled_softmax_loss_and_grad",
    "set_num_threads",
    "show_config",
    "uniform_candidate_sampler",
]
