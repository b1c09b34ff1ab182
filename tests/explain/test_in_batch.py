"""The trace of an in-batch softmax: its logits give the losses, and every entry that is left out says why."""

import numpy as np
import pytest

import sampledsoftmax as ss

RNG = np.random.default_rng(4)
QUERIES, CANDIDATES, EXTRA_ROWS = (RNG.normal(size=(size, 3)) for size in (5, 5, 2))
IDS, SHARE = np.array([3, 1, 3, 2, 1]), np.array([0.4, 0.2, 0.4, 0.1, 0.2])
EXTRA = ss.ExtraCandidates(EXTRA_ROWS, [2, 9], 0.5, 0.5, [0.1, 0.01])


def log_sum_exp(logits):
    return np.log(np.exp(logits).sum(axis=1))


@pytest.mark.parametrize("num_hard", [None, 2])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("merge", [True, False])
def test_the_logits_give_the_losses(merge, normalize, num_hard):
    found = ss.explain_in_batch(
        QUERIES,
        CANDIDATES,
        IDS,
        SHARE,
        extra_candidates=EXTRA,
        temperature=0.5,
        normalize=normalize,
        merge_equal_candidates=merge,
        num_hard_negatives=num_hard,
    )
    np.testing.assert_allclose(log_sum_exp(found.logits) - np.diagonal(found.logits), found.loss, rtol=1e-12)
    counts = 1 - (1 - SHARE) ** 5 if merge else 5 * SHARE
    np.testing.assert_allclose(found.expected_count[:5], counts + 0.5, rtol=1e-12)
    assert np.argwhere(found.hits).tolist() == [[0, 2], [1, 4], [2, 0], [3, 5], [4, 1]]
    assert np.flatnonzero(found.merged).tolist() == ([2, 4] if merge else [])
    assert np.isneginf(found.logits[found.hits]).all()


def test_the_text_names_every_reason():
    text = str(ss.explain_in_batch(QUERIES, CANDIDATES, IDS, SHARE, extra_candidates=EXTRA, num_hard_negatives=1))
    for part in ("0: 3", "6: 9", "hit", "merged", "-inf", "[", "positive of 4, merged", "extra", "5 hits, 2 merged"):
        assert part in text


def test_ids_that_are_not_known_are_no_hits():
    found = ss.explain_in_batch(QUERIES, CANDIDATES, correction="none", extra_candidates=ss.ExtraCandidates(EXTRA_ROWS))
    assert found.ids is None
    assert not found.hits.any()
    assert np.isfinite(found.logits).all()
    known = ss.explain_in_batch(
        QUERIES, CANDIDATES, IDS, correction="none", extra_candidates=ss.ExtraCandidates(EXTRA_ROWS)
    )
    assert known.ids.tolist() == [*IDS, -1, -1]


def test_a_large_batch_is_cut_to_a_page():
    rows = RNG.normal(size=(30, 3))
    text = str(ss.explain_in_batch(rows, rows, np.arange(30), 0.01))
    assert max(map(len, text.splitlines())) <= 100
    assert "18 more rows" in text
