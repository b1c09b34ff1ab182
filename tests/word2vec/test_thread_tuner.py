import pytest

from sampledsoftmax.word2vec.training.thread_tuner import ThreadTuner


def run(tuner, cost, blocks):
    """Train a number of blocks, with a cost for each number of threads, and return the numbers that were used."""
    used = []
    for _ in range(blocks):
        used.append(tuner.next_threads())
        tuner.record(used[-1], cost[used[-1]] * 50, 50)
    return used


@pytest.mark.parametrize(("cost", "best"), [({1: 2.0, 4: 1.0}, 4), ({1: 1.0, 4: 5.0}, 1)])
def test_the_faster_choice_is_used_and_the_other_one_is_tried_regularly(cost, best):
    used = run(ThreadTuner(4), cost, 640)
    assert used.count(best) > 600
    assert 10 < used.count(5 - best) < 20


def test_single_slow_blocks_do_not_matter():
    tuner = ThreadTuner(2)
    for block in range(100):
        threads = tuner.next_threads()
        tuner.record(threads, 9.0 if block % 3 == 0 else float(threads), 1)
    assert tuner.next_threads() == 1


def test_a_machine_that_becomes_busy_and_idle_again():
    tuner = ThreadTuner(2)
    assert run(tuner, {1: 2.0, 2: 1.0}, 150)[-1] == 2
    assert run(tuner, {1: 2.0, 2: 9.0}, 150)[-1] == 1
    assert run(tuner, {1: 2.0, 2: 1.0}, 150)[-1] == 2


def test_one_thread_and_empty_blocks():
    assert set(run(ThreadTuner(1), {1: 1.0}, 100)) == {1}
    tuner = ThreadTuner(2)
    for _ in range(5):
        tuner.record(tuner.next_threads(), 1.0, 0)
    assert tuner.next_threads() == 2
