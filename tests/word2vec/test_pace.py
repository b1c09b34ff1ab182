import pytest

from sampledsoftmax.word2vec.training.autotune_threads import ThreadTuner


def run(pace, cost, blocks):
    """Train so many blocks at a cost by threads, and return who did."""
    used = []
    for _ in range(blocks):
        used.append(pace.next_threads())
        pace.record(used[-1], cost[used[-1]] * 50, 50)
    return used


@pytest.mark.parametrize(("cost", "best"), [({1: 2.0, 4: 1.0}, 4), ({1: 1.0, 4: 5.0}, 1)])
def test_the_faster_one_is_used_and_the_other_is_tried_now_and_then(cost, best):
    used = run(ThreadTuner(4), cost, 640)
    assert used.count(best) > 600
    assert 10 < used.count(5 - best) < 20


def test_a_pause_of_the_machine_decides_nothing():
    pace = ThreadTuner(2)
    for block in range(100):
        threads = pace.next_threads()
        pace.record(threads, 9.0 if block % 3 == 0 else float(threads), 1)
    assert pace.next_threads() == 1


def test_a_machine_that_becomes_busy_and_idle_again():
    pace = ThreadTuner(2)
    assert run(pace, {1: 2.0, 2: 1.0}, 150)[-1] == 2
    assert run(pace, {1: 2.0, 2: 9.0}, 150)[-1] == 1
    assert run(pace, {1: 2.0, 2: 1.0}, 150)[-1] == 2


def test_one_thread_and_blocks_of_nothing():
    assert set(run(ThreadTuner(1), {1: 1.0}, 100)) == {1}
    pace = ThreadTuner(2)
    for _ in range(5):
        pace.record(pace.next_threads(), 1.0, 0)
    assert pace.next_threads() == 2
