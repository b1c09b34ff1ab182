"""A worked in-batch example: six queries, a popular item among the positives twice, two extra candidates."""

import numpy as np

from sampledsoftmax.explanation.in_batch import InBatchExplanation, traced
from sampledsoftmax.losses.in_batch_arguments import Choices, ExtraCandidates

_SEED, _DIM = 7, 4
# Ids of the positives; item 2 is wanted twice, and item 5 is drawn again as an extra candidate.
IDS = np.array([2, 9, 2, 5, 31, 17])
EXTRA_IDS = np.array([5, 88])
# Shares in the training data; the extra candidates are drawn uniformly from 100 items.
_SHARE = {2: 0.3, 5: 0.12, 9: 0.06, 17: 0.02, 31: 0.01, 88: 0.001}
_NUM_ITEMS = 100


def explain_in_batch_example(remove_accidental_hits: bool = True, subtract_log_q: bool = True) -> InBatchExplanation:
    """Return the trace of the example, computed by the plain NumPy reference.

    Examples
    --------
    >>> found = explain_in_batch_example()
    >>> found.hits.nonzero()[0].tolist(), found.merged.nonzero()[0].tolist()
    ([0, 2, 3], [2])
    """
    rng = np.random.default_rng(_SEED)
    items = {item: rng.normal(size=_DIM).round(1) for item in _SHARE}
    rows, extra_rows = (np.array([items[item] for item in ids.tolist()]) for ids in (IDS, EXTRA_IDS))
    queries = (rows + 0.5 * rng.normal(size=rows.shape)).round(1)
    share, extra_share = ([_SHARE[item] for item in ids.tolist()] for ids in (IDS, EXTRA_IDS))
    drawn = EXTRA_IDS.size / _NUM_ITEMS
    extra = ExtraCandidates(extra_rows, EXTRA_IDS, drawn, drawn, extra_share)
    choices = Choices(
        temperature=0.2,
        normalize=True,
        correction="log_q" if subtract_log_q else "none",
        remove_hits=remove_accidental_hits,
        merge=remove_accidental_hits,  # copies that are merged are not hits of each other
        num_hard=None,
    )
    return traced((queries, rows, IDS, share, extra), choices)
