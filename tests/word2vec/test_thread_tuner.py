import pytest

from sampledsoftmax.word2vec.training.thread_tuner import ThreadTuner


def run(tuner, cost, blocks):
    """Train a number of blocks, with a cost for each number of threads, and return the numbers that were used."""
    used = []
    for _ in range(blocks):
        used.append(tuner.next_threads())
        tuner.record(used[-1], cost[used[-1]] * 50, 50)
    return used


def share_of_others(used, cost, best):
    """Return the share of the time for blocks of other choices than the best one."""
    return sum(cost[threads] for threads in used if threads != best) / sum(cost[threads] for threads in used)


@pytest.mark.parametrize(
    ("choices", "cost", "best"),
    [
        ([4, 1], {1: 2.0, 4: 1.0}, 4),
        ([4, 1], {1: 1.0, 4: 5.0}, 1),
        ([64, 16, 1], {1: 50.0, 16: 4.0, 64: 1.0}, 64),
        ([64, 16, 1], {1: 13.0, 16: 1.0, 64: 2.0}, 16),
    ],
)
def test_the_fastest_choice_is_used_and_the_others_take_a_twentieth_of_the_time(choices, cost, best):
    tuner = ThreadTuner(choices)
    run(tuner, cost, 20)
    used = run(tuner, cost, 40_000)
    assert 0.04 < share_of_others(used, cost, best) < 0.055
    assert all(used.count(threads) >= 6 for threads in choices)


def test_each_trial_has_three_blocks():
    tuner = ThreadTuner([2, 1])
    cost = {2: 1.0, 1: 2.0}
    used = "".join(map(str, run(tuner, cost, 400)))
    assert used.startswith("2222111222")  # the first one is not timed
    assert {len(trial) for trial in used.split("2") if trial} == {3}


def test_a_number_of_threads_that_is_there_twice_is_tried_once():
    assert run(ThreadTuner((4, 4, 1)), {4: 1.0, 1: 2.0}, 8) == [4, 4, 4, 4, 1, 1, 1, 4]


def test_single_slow_blocks_do_not_matter():
    tuner = ThreadTuner([2, 1])
    for block in range(100):
        threads = tuner.next_threads()
        tuner.record(threads, 9.0 if block % 3 == 0 else float(threads), 1)
    assert tuner.next_threads() == 1


def test_a_machine_that_becomes_busy_and_idle_again():
    tuner = ThreadTuner([2, 1])
    assert run(tuner, {1: 2.0, 2: 1.0}, 150)[-1] == 2
    assert run(tuner, {1: 2.0, 2: 9.0}, 150)[-1] == 1
    assert run(tuner, {1: 2.0, 2: 1.0}, 300)[-1] == 2


def test_one_thread_and_empty_blocks():
    assert set(run(ThreadTuner([1]), {1: 1.0}, 100)) == {1}
    tuner = ThreadTuner([2, 1])
    for _ in range(5):
        tuner.record(tuner.next_threads(), 1.0, 0)
    assert tuner.next_threads() == 2
