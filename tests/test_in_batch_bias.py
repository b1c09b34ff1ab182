"""What the corrections of in-batch softmax estimate: means over random batches against the softmax over all items.

Thresholds are standard errors of the means; seeds are fixed. A gradient is a ratio of sums, whose bias falls as
1 / batch_size: twice the mean of the larger batch minus that of the one half its size is free of it.
"""

import numpy as np
import pytest

import sampledsoftmax as ss

NUM_ITEMS, DIM, TRIALS = 9, 3, 500
NOISE = 5  # standard errors that chance may explain; what is wrong must be three times as far
RNG = np.random.default_rng(5)
SHARE = np.sort(RNG.dirichlet(np.full(NUM_ITEMS, 2.0)))[::-1]
ITEMS, QUERY = RNG.normal(size=(NUM_ITEMS, DIM)), RNG.normal(size=DIM)
LOGITS = ITEMS @ QUERY
TRUTH = np.exp(LOGITS) / np.exp(LOGITS).sum()


def batches(batch_size, positive, seed):
    """Yield the ids of batches whose first positive is given, the others by SHARE."""
    rng = np.random.default_rng(seed)
    for _ in range(TRIALS):
        ids = rng.choice(NUM_ITEMS, batch_size, p=SHARE)
        ids[0] = positive
        yield ids


def probabilities(batch_size, positive, seed, **options):
    """Return estimates [TRIALS, NUM_ITEMS] of the probabilities in the gradient of the first example.

    Its gradient is probability - target for the items: rows of the gradient of the candidates have it times the query.
    """
    out, above = np.zeros((TRIALS, NUM_ITEMS)), np.zeros(batch_size)
    above[0] = 1
    queries = np.repeat(QUERY[np.newaxis], batch_size, axis=0)
    for trial, ids in enumerate(batches(batch_size, positive, seed)):
        _, gradients = ss.in_batch_softmax_loss_and_grad(
            queries, ITEMS[ids], ids, SHARE[ids], loss_grad=above, **options
        )
        np.add.at(out[trial], ids, gradients.candidates @ QUERY / (QUERY @ QUERY))
    out[:, positive] += 1
    return out


def distance(positive, batch_size, **options):
    """Return (mean estimate - truth) / its standard error, per item, for the limit of large batches."""
    small = probabilities(batch_size, positive, 1, **options)
    large = probabilities(2 * batch_size, positive, 2, **options)
    error = np.sqrt(4 * large.var(axis=0, ddof=1) + small.var(axis=0, ddof=1)) / np.sqrt(TRIALS)
    return (2 * large.mean(axis=0) - small.mean(axis=0) - TRUTH) / error


COPIES = {"remove_accidental_hits": False, "merge_equal_candidates": False}
HITS = {"remove_accidental_hits": True, "merge_equal_candidates": False}


@pytest.mark.compiled
@pytest.mark.parametrize("positive", [0, 5])
@pytest.mark.parametrize(
    "options", [COPIES, HITS | {"correction": "log_q_2025"}], ids=["log_q of copies", "log_q_2025 without hits"]
)
def test_with_log_q_the_mean_gradient_is_that_of_the_full_softmax(options, positive):
    assert abs(distance(positive, 128, **options)).max() < NOISE


@pytest.mark.compiled
@pytest.mark.parametrize("positive", [0, 5])
def test_without_log_q_popular_items_are_overestimated_and_rare_ones_underestimated(positive):
    estimate = probabilities(128, positive, 1, correction="none", **COPIES)
    error = estimate.std(axis=0, ddof=1) / np.sqrt(TRIALS)
    limit = SHARE * np.exp(LOGITS) / (SHARE * np.exp(LOGITS)).sum()
    apart = (estimate.mean(axis=0) - TRUTH) / error
    assert (abs(apart) > 3 * NOISE).sum() >= NUM_ITEMS - 2
    np.testing.assert_array_equal(
        np.sign(apart)[abs(apart) > 3 * NOISE], np.sign(limit - TRUTH)[abs(apart) > 3 * NOISE]
    )


@pytest.mark.compiled
def test_copies_of_the_positive_that_are_left_out_take_its_share_away():
    """Log Q divides the positive by all its copies, and only one is left: too small a share where it is popular."""
    popular = probabilities(256, 0, 1, **HITS)
    assert 256 * SHARE[0] > 40
    apart = (popular.mean(axis=0) - TRUTH) / (popular.std(axis=0, ddof=1) / np.sqrt(TRIALS))
    assert apart[0] < -3 * NOISE
    assert (apart[1:] > 0).sum() >= NUM_ITEMS - 2


@pytest.mark.compiled
def test_merged_columns_are_the_full_softmax_once_every_item_is_in_the_batch():
    ids = np.repeat(np.arange(NUM_ITEMS), 500)
    queries = np.repeat(QUERY[np.newaxis], ids.size, axis=0)
    loss = ss.in_batch_softmax_loss(queries, ITEMS[ids], ids, SHARE[ids])
    np.testing.assert_allclose(loss, -np.log(TRUTH)[ids], rtol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("batch_size", [2, 8, 40])
def test_the_sum_of_corrected_exponentials_has_the_mean_of_importance_sampling(batch_size):
    """Each draw c adds exp(s_c) / (B p_c), whose mean is Z / B: exact for every batch size, unlike the gradient."""
    positive, corrected = 3, np.exp(LOGITS) / (batch_size * SHARE)
    queries = np.repeat(QUERY[np.newaxis], batch_size, axis=0)
    sums = []
    for ids in batches(batch_size, positive, 7):
        loss = ss.in_batch_softmax_loss(queries, ITEMS[ids], ids, SHARE[ids], **COPIES)
        sums.append(np.exp(loss[0]) * corrected[positive])
    expected = corrected[positive] + (batch_size - 1) / batch_size * np.exp(LOGITS).sum()
    assert abs(np.mean(sums) - expected) < NOISE * np.std(sums, ddof=1) / np.sqrt(TRIALS)


@pytest.mark.compiled
def test_a_mixture_is_weighted_by_its_joint_count():
    """Extra candidates drawn uniformly: each column, whichever part it came from, has the expected count of both."""
    batch_size, num_extra, positive, rng = 20, 12, 2, np.random.default_rng(3)
    uniform, sums = num_extra / NUM_ITEMS, []
    count = batch_size * SHARE + uniform
    queries = np.repeat(QUERY[np.newaxis], batch_size, axis=0)
    for ids in batches(batch_size, positive, 8):
        drawn = rng.integers(0, NUM_ITEMS, num_extra)
        extra = ss.ExtraCandidates(ITEMS[drawn], drawn, uniform, uniform, SHARE[drawn])
        loss = ss.in_batch_softmax_loss(queries, ITEMS[ids], ids, SHARE[ids], extra_candidates=extra, **COPIES)
        sums.append(np.exp(loss[0] + LOGITS[positive]) / count[positive])
    # B - 1 draws by SHARE and num_extra uniform ones, all divided by the joint count, and the positive.
    one_less = (count - SHARE) / count
    expected = np.exp(LOGITS[positive]) / count[positive] + (one_less * np.exp(LOGITS)).sum()
    assert abs(np.mean(sums) - expected) < NOISE * np.std(sums, ddof=1) / np.sqrt(TRIALS)
