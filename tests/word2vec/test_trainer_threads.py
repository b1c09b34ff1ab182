"""Tables and slots have the same bits on any number of threads, fewer than shards or more."""

import numpy as np
import pytest

from sampledsoftmax.word2vec.training import trainer as trainer_module
from tests.registry import DRAWN, DTYPES, OBJECTIVES, OPTIMIZERS
from tests.word2vec.trainers import Task, text_of

pytestmark = pytest.mark.compiled

RATES = {"momentum": 0.001, "nesterov": 0.001, "adagrad": 0.1, "rowwise_adagrad": 0.1}  # others: 0.01
ADAMS = ("adam", "exact_adam")  # their rules count steps
MODELS = [pytest.param(True, id="skip_gram"), pytest.param(False, id="cbow")]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(trainer_module, "POSITIONS_PER_BLOCK", 1024)


def trained(task, num_threads):
    """Return the bytes of everything that training changes, after two epochs of two blocks with subsampling."""
    text = text_of(task, 2001)
    text.thresholds[:] = np.linspace(2**31, 2**32, task.num_classes)
    trainer = task.on(text, threads=num_threads)
    assert trainer.num_blocks == 2
    results = [
        trainer.train_block(epoch, block, task.optimizer.learning_rate) for epoch in range(2) for block in range(2)
    ]
    assert all(block.steps > 0 and np.isfinite(block.loss) for block in results)
    arrays = [array for table in trainer.tables for array in (table.values, *table.slots.values())]
    learned = [trainer.distribution.tree] if task.sampler == "learned_unigram" else []
    return [array.tobytes() for array in (*arrays, *learned)], results


def check(task):
    one = trained(task, 1)
    assert one[0] != trained(task._replace(num_sampled=task.num_sampled - 1), 1)[0]
    for num_threads in (2, 3, 7):  # of four shards: two each; one or two each; one or two threads for each
        assert trained(task, num_threads) == one


def task_of(dtype, center_is_input, objective="sampled_softmax", optimizer="adagrad", sampler="log_uniform"):
    return Task(
        20,
        21,
        19,
        4,
        300,
        dtype,
        objective,
        *OBJECTIVES[objective],
        True,
        center_is_input,
        OPTIMIZERS[optimizer](RATES.get(optimizer, 0.01)),
        sampler,
    )  # ragged against panels and tiles


@pytest.mark.subset(center_is_input=True, objective="sampled_softmax")
@pytest.mark.parametrize("shards", [1, 3, 4, 8, 16])
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_number_of_shards(objective, center_is_input, shards):
    task = task_of(np.float32, center_is_input, objective)._replace(batch_size=50, shards=shards)
    one = trained(task, 1)
    assert one[0] != trained(task._replace(shards=shards + 1), 1)[0]
    for num_threads in (2, 3, 4, 8):
        assert trained(task, num_threads) == one


def test_groups_of_more_threads_than_rows():
    task = task_of(np.float32, True)._replace(batch_size=9, num_sampled=5, shards=1)
    text = text_of(task, 60)
    tables = []
    for num_threads in (1, 7):
        trainer = task.on(text, threads=num_threads)
        assert trainer.train_block(0, 0, 0.1).steps > 2
        tables.append([table.values.tobytes() for table in trainer.tables])
    assert tables[0] == tables[1]


@pytest.mark.subset(optimizer="adagrad", center_is_input=True, dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name not in ADAMS])
def test_each_optimizer(optimizer, center_is_input, dtype):
    check(task_of(dtype, center_is_input, optimizer=optimizer))


@pytest.mark.subset(sampler="log_uniform", center_is_input=True, dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("sampler", DRAWN)
def test_each_sampler(sampler, center_is_input, dtype):
    check(task_of(dtype, center_is_input, sampler=sampler))


@pytest.mark.subset(objective="sampled_softmax", center_is_input=True, dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center_is_input", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective(objective, center_is_input, dtype):
    check(task_of(dtype, center_is_input, objective))


def test_an_error_is_the_same_on_any_number_of_threads():
    task = task_of(np.float32, True)
    messages = []
    for num_threads in (1, 2, 7):
        trainer = task.on(text_of(task, 2001), threads=num_threads)
        trainer.tables.embeddings.values[7] = np.nan
        with pytest.raises(trainer_module.DivergedError) as raised:
            trainer.train_block(0, 0, 0.1)
        messages.append((str(raised.value), *(table.values.tobytes() for table in trainer.tables)))
    assert len(set(messages)) == 1


@pytest.mark.parametrize("optimizer", ADAMS)
def test_a_rule_that_counts_steps_is_refused(optimizer):
    task = task_of(np.float32, True, optimizer=optimizer)
    with pytest.raises(TypeError, match="Adam cannot train word vectors: its rule is not compiled, or counts steps"):
        task.on(text_of(task, 41))
