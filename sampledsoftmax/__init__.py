"""Sampled softmax in NumPy and Numba: TensorFlow's numbers, sparse updates, word vectors."""

from sampledsoftmax.diagnostics.proposals import SamplerDiagnosis, diagnose_sampler
from sampledsoftmax.explanation import Explanation, InBatchExplanation, explain, explain_in_batch
from sampledsoftmax.layers.embedding_table import EmbeddingTable
from sampledsoftmax.layers.pulled_rows import PulledRows, RowGradients
from sampledsoftmax.layers.sampled_softmax import SampledSoftmax
from sampledsoftmax.layers.skip_gram import SkipGram
from sampledsoftmax.losses.accidental_hits import compute_accidental_hits
from sampledsoftmax.losses.full_softmax import full_softmax_loss, full_softmax_loss_and_grad
from sampledsoftmax.losses.in_batch import in_batch_softmax_loss, in_batch_softmax_loss_and_grad
from sampledsoftmax.losses.in_batch_arguments import ExtraCandidates
from sampledsoftmax.losses.in_batch_pass import InBatchGradients
from sampledsoftmax.losses.nce import nce_loss, nce_loss_and_grad
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.retrieval_objectives import BSL, GBCE, LogQ2025
from sampledsoftmax.losses.sampled_logits import compute_sampled_logits
from sampledsoftmax.losses.sampled_softmax import sampled_softmax_loss, sampled_softmax_loss_and_grad
from sampledsoftmax.optimizers import SGD, Adagrad, Adam, Momentum, Optimizer, RowwiseAdagrad
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.sampled_metrics import SampledScores, sampled_metrics
from sampledsoftmax.runtime.config import show_config
from sampledsoftmax.runtime.threadpool import get_num_threads, set_num_threads
from sampledsoftmax.samplers.all_candidates import AllSampler, all_candidate_sampler
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler, fixed_unigram_candidate_sampler
from sampledsoftmax.samplers.in_batch import InBatchSampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler, learned_unigram_candidate_sampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler, log_uniform_candidate_sampler
from sampledsoftmax.samplers.mixed import MixedSampler
from sampledsoftmax.samplers.streaming_frequency import StreamingFrequency
from sampledsoftmax.samplers.uniform import UniformSampler, uniform_candidate_sampler
from sampledsoftmax.types import Gradients, IndexedSlices, RaggedLabels, SampledValues
from sampledsoftmax.word2vec.evaluation.analogies import evaluate_analogies
from sampledsoftmax.word2vec.evaluation.held_out import held_out
from sampledsoftmax.word2vec.evaluation.similarities import evaluate_similarities
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

KeyedVectors = WordVectors  # the name that it has in gensim

__version__ = "0.1.0"

__all__ = [
    "BSL",
    "GBCE",
    "SGD",
    "Adagrad",
    "Adam",
    "AllSampler",
    "CandidateSampler",
    "EmbeddingTable",
    "Explanation",
    "ExtraCandidates",
    "FixedUnigramSampler",
    "Gradients",
    "InBatchExplanation",
    "InBatchGradients",
    "InBatchSampler",
    "IndexedSlices",
    "Interactions",
    "KeyedVectors",
    "LearnedUnigramSampler",
    "LogQ2025",
    "LogUniformSampler",
    "MatrixFactorization",
    "MixedSampler",
    "Momentum",
    "Objective",
    "Optimizer",
    "PulledRows",
    "RaggedLabels",
    "RankingScores",
    "RowGradients",
    "RowwiseAdagrad",
    "SampledScores",
    "SampledSoftmax",
    "SampledValues",
    "SamplerDiagnosis",
    "SkipGram",
    "StreamingFrequency",
    "UniformSampler",
    "Word2Vec",
    "WordVectors",
    "all_candidate_sampler",
    "compute_accidental_hits",
    "compute_sampled_logits",
    "diagnose_sampler",
    "evaluate_analogies",
    "evaluate_ranking",
    "evaluate_similarities",
    "explain",
    "explain_in_batch",
    "fixed_unigram_candidate_sampler",
    "full_softmax_loss",
    "full_softmax_loss_and_grad",
    "get_num_threads",
    "held_out",
    "in_batch_softmax_loss",
    "in_batch_softmax_loss_and_grad",
    "learned_unigram_candidate_sampler",
    "log_uniform_candidate_sampler",
    "nce_loss",
    "nce_loss_and_grad",
    "sampled_metrics",
    "sampled_softmax_loss",
    "sampled_softmax_loss_and_grad",
    "set_num_threads",
    "show_config",
    "uniform_candidate_sampler",
]
