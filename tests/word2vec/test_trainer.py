"""A step of a trainer is the public functions on its pairs; what it does when a step cannot be taken."""

import itertools

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.text.shard import EXAMPLES
from sampledsoftmax.word2vec.training import trainer as trainer_module
from sampledsoftmax.word2vec.training.trainer import DivergedError
from tests.aborted_runs import run_aborted_after
from tests.word2vec.trainers import (
    Batch,
    Task,
    all_candidates,
    candidates_of,
    copies,
    expected_step,
    sampler_of,
    text_of,
)

# Of the largest entry of a table or of its gradient. Both sides add some thousand terms in different orders; the table
# itself rounds the change that is read off it. In float64 the reference rounds as we do; in float32 it does not round.
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}

NUM_SHARDS = Task().shards
DTYPES = [np.float32, np.float64]
MODELS = [pytest.param(True, id="skip_gram"), pytest.param(False, id="cbow")]
# Objective, subtract_log_q, remove_accidental_hits: each in all four ways is below.
OBJECTIVES = [
    ("sampled_softmax", True, True),
    ("sampled_softmax", False, False),
    ("nce", True, False),
    ("nce", True, True),
    ("negative_sampling", False, True),
]


def compiled(*sizes):
    return pytest.param(*sizes, marks=pytest.mark.compiled)


# Batch size, candidates, width, window: each value of the first three with small and large ones of the others.
SIZES = [
    (1, 1, 1, 1), (1, 7, 17, 3), (5, 7, 5, 2),
    compiled(1, 64, 100, 3), compiled(5, 33, 100, 4), compiled(5, 64, 16, 1),
    compiled(37, 1, 17, 3), compiled(37, 16, 16, 5), compiled(37, 64, 1, 2),
    compiled(200, 1, 100, 2), compiled(200, 7, 5, 8), compiled(200, 16, 16, 5), compiled(200, 33, 17, 5),
    compiled(200, 64, 100, 3),
]  # fmt: skip


def check_step(task, text=None, biases=None, tolerance=None, epoch=0):
    """Take a step and compare it with the public functions; return what they gave.

    It is the first one of the trainer, or, of an epoch after the first, the second one.
    """
    trainer = task.trainer if text is None else task.on(text)
    if biases is not None:
        trainer.tables.biases.values[:] = biases
    if epoch > 0:
        trainer.train_block(0, 0, 0.01)
    before = [np.array(table.values, np.float64) for table in trainer.tables]
    result = trainer.train_block(epoch, 0, 1.0)
    assert result.steps == 1
    step = expected_step(task, trainer, before, epoch)
    tolerance = TOLERANCE[task.dtype] if tolerance is None else tolerance
    for table, old, gradient in zip(trainer.tables, before, step.gradients, strict=True):
        assert table.values.dtype == task.dtype
        change_of_table = old - table.values.astype(np.float64)
        largest = max(np.abs(gradient).max(), np.abs(old).max())
        np.testing.assert_allclose(change_of_table, gradient, rtol=0, atol=tolerance * largest, err_msg=table.name)
    assert result.pairs == step.losses.size
    scale = np.abs(step.losses).max()
    assert abs(result.loss / result.pairs - step.losses.mean()) <= tolerance * scale
    return step


@pytest.mark.subset(30, objective=OBJECTIVES[0], dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("batch_size", "num_sampled", "dim", "window"), SIZES)
def test_a_step_is_the_public_functions_on_its_pairs(
    batch_size, num_sampled, dim, window, objective, center_is_input, dtype
):
    """Nearly all classes are candidates, so nearly all labels are."""
    task = Task(batch_size, num_sampled, dim, window, num_sampled + 2, dtype, *objective, True, center_is_input)
    # The most frequent of 18 words is one example with a thousand labels, whose gradients are added one by one: the
    # rounding of n terms is up to n * 2**-24 of their sum, here 6e-5.
    tolerance = 3e-5 if dtype is np.float32 and batch_size > 100 else None
    step = check_step(task, tolerance=tolerance)
    if batch_size > 1:
        assert 0.2 * step.losses.size < step.hits


@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("shards", [1, 3, 16])
def test_a_step_of_any_number_of_shards(shards, center_is_input):
    assert check_step(Task(center_is_input=center_is_input, shards=shards, dtype=np.float64)).hits > 0


@pytest.mark.parametrize("num_words", [2, 7])
def test_shards_of_a_short_text_are_empty(num_words):
    task = Task(shards=8, dtype=np.float64)
    text = text_of(task, num_words)._replace(offsets=np.array([0, num_words]))
    check_step(task, text)
    trainer = task.on(text)
    trainer.train_block(0, 0, 1.0)
    assert sum(shard.totals[EXAMPLES] > 0 for shard in trainer._shards) == num_words


@pytest.mark.parametrize("correction", list(itertools.product([True, False], repeat=2)))
@pytest.mark.parametrize("objective", ["sampled_softmax", "nce"])
def test_each_correction_with_and_without_learned_biases(objective, correction):
    for learn_biases in (True, False):
        check_step(Task(5, 7, 5, 3, 10, np.float64, objective, *correction, learn_biases))


@pytest.mark.parametrize("sampler", ["log_uniform", "uniform", "fixed_unigram", "learned_unigram"])
def test_each_sampler_with_few_hits(sampler):
    step = check_step(Task(5, 7, 5, 3, 300, np.float64, sampler=sampler))
    assert step.hits < step.losses.size / 2


@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_step_sees_nothing_of_the_one_before(objective, center_is_input):
    task = Task(5, 7, 5, 3, 20, np.float64, *objective, True, center_is_input)
    check_step(task, epoch=3)


def test_each_step_and_shard_has_its_own_candidates():
    task = Task(num_classes=300)
    trainer = task.on(text_of(task, 3 * NUM_SHARDS * task.batch_size)._replace(offsets=np.array([0, 60])))
    assert trainer.train_block(0, 0, 0.01).steps == 3
    for k in range(NUM_SHARDS):
        expected = candidates_of(task, k, np.array([0]), step=2).sampled_candidates
        np.testing.assert_array_equal(trainer._shards[k].scratch.candidates, expected)


def test_a_learned_distribution_learns_the_labels_of_all_shards():
    task = Task(sampler="learned_unigram")
    sampler = sampler_of(task)
    trainer = task.on(text_of(task, 20)._replace(ids=np.arange(20) // 2), sampler)
    trainer.train_block(0, 0, 1.0)
    labels = np.concatenate([Batch.of_shard(trainer, k).labels for k in range(NUM_SHARDS)])
    assert np.unique(labels).size > 5
    np.testing.assert_array_equal(sampler.counts, 1 + np.bincount(labels, minlength=10))


@pytest.mark.subset(6, objective=OBJECTIVES[0], dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_labels_and_inputs_that_an_example_has_several_times(objective, center_is_input, dtype):
    task = Task(5, 2, 3, 4, 3, dtype, *objective, True, center_is_input, sampler="uniform")
    ids = np.array([0, 0, 0, 1, 0, 0, 0, 2, 0, 0] * 2)
    text = text_of(task, 20)._replace(ids=ids, offsets=np.array([0, 20]), shrink=False)
    assert check_step(task, text).hits > 0


@pytest.mark.subset(6, objective=OBJECTIVES[0], dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("size", [100.0, 10_000.0])
def test_logits_far_above_and_far_below_those_of_the_candidates(size, objective, center_is_input, dtype):
    """Logits are rounded in proportion to their size, and so are the gradients."""
    task = Task(5, 7, 5, 3, 40, dtype, *objective, False, center_is_input, sampler="uniform")
    biases = np.zeros(40, dtype)
    biases[:4] = size, -size, size, -size
    text = text_of(task, 19)._replace(ids=np.arange(19) % 5)
    step = check_step(task, text, biases, 8 * size * np.finfo(dtype).eps)
    if not task.remove_accidental_hits:
        assert step.losses.max() > 0.9 * size
    if task.objective == "sampled_softmax":  # of 7 candidates, no bias is as high
        assert step.losses.min() < 1e-30


def test_so_many_labels_that_the_product_of_their_normalizers_overflows():
    """Tables of zeros: each loss is log(1 + num_sampled), and 17**168 is 5e206."""
    task = Task(43, 16, 1, 200, 300, np.float64, subtract_log_q=False, remove_accidental_hits=False)
    text = text_of(task, 169)._replace(ids=np.zeros(169, np.int64), offsets=np.array([0, 169]), shrink=False)
    trainer = task.on(text)
    for table in trainer.tables:
        table.values[:] = 0
    result = trainer.train_block(0, 0, 1.0)
    assert (result.pairs, result.steps) == (169 * 168, 1)
    assert result.loss == pytest.approx(result.pairs * np.log(17), rel=1e-13)


POISONED = [(table, value) for table in range(3) for value in (np.nan, np.inf, -np.inf)]


@pytest.mark.subset(10, objective=OBJECTIVES[0], center_is_input=True)
@pytest.mark.parametrize(("table", "value"), POISONED)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_loss_that_is_not_finite_is_named_and_no_table_is_changed(objective, center_is_input, table, value):
    """Class 0 is an input and a label, and among the candidates of few shards or of none."""
    task = Task(5, 7, 5, 3, 300, np.float32, *objective, True, center_is_input, ss.Adagrad(0.1), "uniform")
    trainer = task.on(text_of(task, 19)._replace(ids=np.arange(19) % 3))
    trainer.tables[table].values[0] = value
    before = copies(trainer.tables)
    with pytest.raises(DivergedError, match=r"the loss of step 1 of .*block.* is not finite"):
        trainer.train_block(0, 0, 0.1)
    assert not np.isin(0, all_candidates(trainer))
    for ours, old in zip(copies(trainer.tables), before, strict=True):
        np.testing.assert_array_equal(ours, old)


@pytest.mark.parametrize("shard_id", range(NUM_SHARDS))
def test_a_loss_of_any_shard_counts(shard_id):
    task = Task(5, 7, 5, 3, 300, np.float32, sampler="uniform")
    trainer = task.on(text_of(task, 20)._replace(ids=np.arange(20), offsets=np.arange(0, 21, 5)))
    trainer.tables.embeddings.values[5 * shard_id] = np.nan
    with pytest.raises(DivergedError, match="the loss of step 1 of"):
        trainer.train_block(0, 0, 0.1)
    assert [np.isnan(shard.totals).sum() for shard in trainer._shards] == [k == shard_id for k in range(NUM_SHARDS)]


def test_steps_before_the_one_that_diverged_have_been_taken():
    """Each shard has two batches: the second one of words from 20 on or, for comparison, without neighbors."""
    task = Task(5, 7, 5, 1, 300, np.float32, sampler="uniform", optimizer=ss.Adagrad(0.1))
    ids = np.tile(np.r_[:5, 20:25], NUM_SHARDS)
    sentences, words = np.arange(0, 41, 5), np.setdiff1d(np.arange(41), [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24])
    runs = []
    for offsets in (sentences, np.setdiff1d(words, [31, 32, 33, 34])):
        trainer = task.on(text_of(task, 40)._replace(ids=ids, offsets=offsets, shrink=False))
        trainer.tables.embeddings.values[21] = np.nan
        runs.append(trainer)
    with pytest.raises(DivergedError, match=r"the loss of step 2 of .*block.* is not finite"):
        runs[0].train_block(0, 0, 0.1)
    assert runs[1].train_block(0, 0, 0.1).steps == 2
    assert [shard.totals[EXAMPLES] for shard in runs[1]._shards] == [0] * NUM_SHARDS
    start = copies(task.trainer.tables)
    for ours, expected, old in zip(copies(runs[0].tables), copies(runs[1].tables), start, strict=True):
        np.testing.assert_array_equal(ours, expected)
        assert not np.array_equal(ours[:20], old[:20])


def test_numbers_that_overflow_are_not_passed_over():
    """The product of two rows is infinite where no table is: the loss would be 0, and so the gradient."""
    task = Task(5, 7, 1, 1, 300, np.float32, sampler="uniform")
    trainer = task.on(text_of(task, 20)._replace(ids=np.arange(20) % 2, offsets=np.arange(0, 21, 2)))
    trainer.tables.embeddings.values[:2] = trainer.tables.weights.values[:2] = 1e30
    with pytest.raises(DivergedError, match="not finite"):
        trainer.train_block(0, 0, 0.1)
    assert not np.isin([0, 1], all_candidates(trainer)).any()


def test_candidates_that_cannot_be_found():
    task = Task(5, 8, 5, 2, 50)
    trainer = task.trainer
    trainer._distribution = ss.FixedUnigramSampler(np.r_[np.ones(5), np.zeros(45)], seed=1).fused_distribution()
    before = copies(trainer.tables)
    with pytest.raises(ValueError, match="8 different candidates were not found in the distribution"):
        trainer.train_block(0, 0, 0.1)
    for ours, old in zip(copies(trainer.tables), before, strict=True):
        np.testing.assert_array_equal(ours, old)


@pytest.mark.parametrize("shards", [1, 4, 7, 32, 40])
@pytest.mark.parametrize("num_words", [0, 1, 3, 63, 64, 65, 301, 1000])
def test_blocks_of_an_epoch_cover_the_text_once(monkeypatch, num_words, shards):
    monkeypatch.setattr(trainer_module, "POSITIONS_PER_BLOCK", 64)
    trainer = Task(shards=shards).on(text_of(Task(), num_words))
    blocks = [trainer._block(0, b) for b in range(trainer.num_blocks)]
    positions = [
        list(range(block.first[k], block.last[k])) for k in range(shards) for block in blocks
    ]  # those of a shard in their order, then those of the next
    assert list(itertools.chain(*positions)) == list(range(num_words))
    assert max(map(len, positions)) <= max(2, 64 // shards)


def test_the_pairs_of_an_epoch_do_not_depend_on_the_size_of_its_blocks(monkeypatch):
    task = Task(window=4, num_classes=30)
    text = text_of(task, 301)._replace(thresholds=np.full(30, 2**31, np.uint64))
    runs = []
    for size in (64, 127, 32_768):
        monkeypatch.setattr(trainer_module, "POSITIONS_PER_BLOCK", size)
        trainer = task.on(text)
        result = [trainer.train_block(3, b, 0.01) for b in range(trainer.num_blocks)]
        runs.append(sum(block.pairs for block in result))
        assert all(np.isfinite(block.loss) for block in result)
    assert trainer.num_blocks == 1
    assert runs == [runs[0]] * 3
    assert runs[0] > 300


def test_epochs_and_blocks_have_examples_and_candidates_of_their_own(monkeypatch):
    monkeypatch.setattr(trainer_module, "POSITIONS_PER_BLOCK", 64)
    task = Task(num_classes=300)
    text = text_of(task, 128)._replace(ids=np.tile(np.arange(16), 8), offsets=np.arange(0, 129, 16))
    text = text._replace(thresholds=np.full(300, 2**31, np.uint64))
    pages, candidates = set(), set()
    for epoch, block in itertools.product(range(2), repeat=2):
        trainer = task.on(text)
        assert trainer.num_blocks == 2
        trainer.train_block(epoch, block, 0.1)
        pages.add(b"".join(shard.tokens.words.tobytes() for shard in trainer._shards))
        candidates.add(all_candidates(trainer).tobytes())
    assert len(pages) == len(candidates) == 4


@pytest.mark.parametrize("barriers", range(4))
def test_aborted_barrier_stops_training(monkeypatch, barriers):
    """The first of two threads runs alone: it has the shards 0 and 1, and every other group of sixteen rows."""
    task = Task(num_classes=300, sampler="uniform")
    trainer = task.on(text_of(task, 40), threads=2)
    check_abort(trainer, run_aborted_after(barriers, monkeypatch), barriers > 1, monkeypatch)


@pytest.mark.parametrize("barriers", range(6))
def test_aborted_barrier_of_a_thread_group_stops_training(monkeypatch, barriers):
    """The first of two threads runs alone; of the only shard it has half of the classes and examples."""
    task = Task(num_classes=300, sampler="uniform", shards=1, batch_size=40)
    trainer = task.on(text_of(task, 40), threads=2)
    group = trainer._shards[0].counters
    run = run_aborted_after(barriers, monkeypatch, [None, group, group, group])
    check_abort(trainer, run, barriers > 4, monkeypatch)


def check_abort(trainer, run, takes_a_step, monkeypatch):
    """Train where only the first of two threads works; it updates rows if it takes a step."""
    before = copies(trainer.tables)
    monkeypatch.setattr(trainer_module.thread_pool, "run", run)
    result = trainer.train_block(0, 0, 0.1)
    assert result.steps == takes_a_step
    for ours, old in zip(copies(trainer.tables), before, strict=True):
        rows = np.unique(np.nonzero(ours != old)[0])
        assert (rows.size > 0) == takes_a_step
        assert (rows // 16 % 2 == 0).all()
