"""The experiment on in-batch softmax: its right order is the function of the package, its wrong ones are not."""

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.retrieval import VARIANTS, RetrievalSettings, logits_in_order
from sampledsoftmax.retrieval import reference

SETTINGS = RetrievalSettings(batch_size=40, num_hard=5)
OPTIONS = {
    "right: temperature, log Q, hits": {},
    "log Q of 2025, negatives only": {"correction": "log_q_2025"},
    "copies kept, hits among them": {"merge_equal_candidates": False, "remove_accidental_hits": False},
    "copies kept, hits left out": {"merge_equal_candidates": False},
    "hard negatives last": {"num_hard_negatives": 5},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_right_orders_are_those_of_the_package(name):
    rng, variant = np.random.default_rng(2), VARIANTS[name]
    ids, (queries, candidates) = rng.integers(0, 25, 40), rng.normal(size=(2, 40, 6))
    share = rng.dirichlet(np.ones(25))[ids]
    count = reference.expected_count(share, 40, merged=variant.merged)
    hidden = reference.left_out(ids, 40, True, variant.merged)
    logits = logits_in_order(queries @ candidates.T, variant, np.log(count), hidden, SETTINGS)
    if variant.loss_of_2025:
        gradient = reference.log_q_2025_loss(logits, np.zeros(40), np.ones(40))[1]
    else:
        gradient = reference.softmax_loss(logits)[1]
    options = OPTIONS.get(name, {})
    _, expected = ss.in_batch_softmax_loss_and_grad(queries, candidates, ids, share, temperature=0.5, **options)
    apart = abs(gradient @ candidates / 0.5 - expected.queries).max()
    if name == "log Q of 2025, negatives only":  # its negatives are drawn by one example less
        assert apart < 0.05
    else:
        assert (apart < 1e-12) == (name in OPTIONS)
