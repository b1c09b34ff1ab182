"""`sampledsoftmax sample --model`: the samplers against the softmax of a trained model."""

import click
import numpy as np

from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.diagnostics.proposals import SamplerDiagnosis, diagnose_sampler
from sampledsoftmax.explanation.model import ModelTables, load_tables
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.samplers import CandidateSampler, LogUniformSampler, UniformSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler

NUM_INPUTS = 200
HEAD = f"{'':<27}  worth, mean  10th percentile  KL (nats)"


def samplers_of(counts: Floats) -> dict[str, CandidateSampler]:
    """Return the samplers that are compared, by name."""
    return {
        "uniform": UniformSampler(counts.size, seed=0),
        "log_uniform": LogUniformSampler(counts.size, seed=0),
        "fixed_unigram^0.5": FixedUnigramSampler(counts, 0.5, seed=0),
        "fixed_unigram^0.75": FixedUnigramSampler(counts, 0.75, seed=0),
        "fixed_unigram": FixedUnigramSampler(counts, seed=0),
    }


def inputs_of(tables: ModelTables, seed: int) -> Floats:
    """Return the embeddings of words that are drawn by their counts."""
    p = tables.counts / tables.counts.sum()
    ids = np.random.default_rng(seed).choice(p.size, NUM_INPUTS, p=p)
    return np.asarray(tables.embeddings[ids], np.float64)


def compare_with_model(directory: str, num_sampled: int, seed: int) -> None:
    """Print what the candidates of each sampler are worth for a trained model, then the best one."""
    tables = load_tables(directory)
    counts = np.asarray(tables.counts, np.float64)
    inputs = inputs_of(tables, seed)
    arguments = tables.weights, tables.biases, None, inputs, num_sampled
    found = {name: diagnose_sampler(*arguments, sampler) for name, sampler in samplers_of(counts).items()}
    best = max(found, key=lambda name: found[name].effective_candidates.mean())
    click.echo(
        f"{shown_path(directory)}: {counts.size:,} words. Of {num_sampled:,} candidates, this number is worth as much"
        f" as draws from the softmax of the model ({NUM_INPUTS} words as inputs, seed {seed}):\n\n{HEAD}"
    )
    for name, one in found.items():
        click.echo(_line(name, one))
    click.echo(f"\n{best} draws closest to this model.")


def _line(name: str, found: SamplerDiagnosis) -> str:
    worth = found.effective_candidates
    return f"{name:<27}  {worth.mean():11.1f}  {np.percentile(worth, 10):15.1f}  {found.kl.mean():9.2f}"
