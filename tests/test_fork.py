"""A child that is forked while other threads work can use the same objects: no lock of the parent stays locked."""

import functools
import inspect
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")]
TIMEOUT = 600  # seconds, to catch a child that waits for ever; a busy machine compiles for minutes

# `work` runs in threads of the parent, in a loop; `use` runs in each child.
PROGRAM = """
import os, threading, warnings
import numpy as np, sampledsoftmax as ss
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads

rng = np.random.default_rng(0)
inputs, labels = rng.normal(size=(64, 32)).astype(np.float32), rng.integers(0, 2000, 64)
{setup}
use()
stop = threading.Event()
def loop():
    while not stop.is_set():
        work()
threads = [threading.Thread(target=loop, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range({num_forks}):
    child = os.fork()
    if child == 0:
        try:
            use()
            use()
        except BaseException:
            os._exit(1)
        os._exit(0)
    codes.append(os.waitpid(child, 0)[1])
stop.set()
print(set(codes))
"""
LAYER = """
layer = ss.SampledSoftmax(2000, 32, 200, {optimizer}, {sampler}, seed=1)
def work():
    layer.step(inputs, labels)
def use():
    work()
    layer.full_loss(inputs, labels), layer.top_k(inputs, 3), layer.weights
"""
SETUPS = {
    "layer": LAYER.format(optimizer="ss.Adagrad(0.05)", sampler="'log_uniform'"),
    "exact Adam": LAYER.format(optimizer="ss.Adam(0.01, mode='exact')", sampler="'uniform'"),
    "learned sampler": LAYER.format(optimizer="ss.SGD(0.01)", sampler="ss.LearnedUnigramSampler(2000, seed=1)"),
    "sampler in Python": """
class Mine(ss.CandidateSampler):
    def draw(self, rng, size):
        return rng.integers(0, self.range_max, size)
    def probability(self, ids):
        return np.full(np.shape(ids), 1 / self.range_max)
"""
    + LAYER.format(optimizer="ss.SGD(0.01)", sampler="Mine(2000, seed=1)"),
    "model": """
model = ss.SkipGram(2000, 32, 200, seed=1)
pairs = rng.integers(0, 2000, (2, 4096))
def work():
    model.steps(*pairs, 128)
def use():
    model.step(pairs[0, :64], pairs[1, :64]), model.steps(*pairs[:, :256], 128)
""",
    "samplers": """
samplers = [ss.LogUniformSampler(2000, seed=1), ss.LearnedUnigramSampler(2000, seed=1),
            ss.FixedUnigramSampler(np.arange(1.0, 2001), seed=1), ss.AllSampler(2000)]
def work():
    for sampler in samplers:
        sampler.sample(labels, sampler.range_max, True)
def use():
    for sampler in samplers:
        state = sampler.state
        sampler.sample(labels, 2000 if isinstance(sampler, ss.AllSampler) else 100)
        sampler.state = state
    samplers[1].counts
""",
    "losses": """
weights, biases = rng.normal(size=(2000, 32)).astype(np.float32), np.zeros(2000, np.float32)
def work():
    ss.sampled_softmax_loss_and_grad(weights, biases, labels, inputs, 200, 2000, seed=1)
    ss.full_softmax_loss_and_grad(weights, biases, labels, inputs)
use = work
""",
}


def run(program):
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=TIMEOUT)


@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_a_child_forked_while_threads_work_uses_the_same_objects(setup):
    done = run(PROGRAM.format(setup=setup, num_forks=20))
    assert (done.stdout.strip(), done.stderr) == ("{0}", "")


@pytest.mark.compiled
def test_a_child_steps_with_the_layer_that_a_thread_of_the_parent_trains():
    done = run(PROGRAM.format(setup=SETUPS["layer"], num_forks=10))
    assert (done.stdout.strip(), done.stderr) == ("{0}", "")


COMPILING = """
import os, threading, time, warnings
import numpy as np, sampledsoftmax as ss
from numba.core.compiler_lock import global_compiler_lock
warnings.simplefilter("ignore", DeprecationWarning)
layer = ss.SampledSoftmax(50, 4, 8, seed=1)
def work():
    layer.step(np.ones((2, 4), np.float32), [1, 2])
thread = threading.Thread(target=work)
thread.start()
while thread.is_alive():
    if global_compiler_lock._lock.acquire(blocking=False):
        global_compiler_lock._lock.release()
    else:
        break
child = os.fork()
if child == 0:
    work()
    os._exit(0)
print(os.waitpid(child, 0)[1])
thread.join()
"""


@pytest.mark.compiled
@pytest.mark.slow
def test_a_child_forked_while_a_thread_compiles_can_compile(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILING],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment,
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def in_child(use):
    """Fork, run `use` in the child, and return its exit status, or None where it did not end."""
    child = os.fork()
    if child == 0:
        timer = threading.Timer(TIMEOUT, os._exit, (7,))
        timer.daemon = True
        timer.start()
        try:
            os._exit(0 if use() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def held_elsewhere():
    """Give a function that lets another thread hold a lock until the end of the test."""
    release, threads = threading.Event(), []

    def hold(lock):
        is_held = threading.Event()

        def keep():
            with lock:
                is_held.set()
                release.wait(TIMEOUT)

        threads.append(threading.Thread(target=keep))
        threads[-1].start()
        assert is_held.wait(TIMEOUT)

    yield hold
    release.set()
    for thread in threads:
        thread.join()


ignore_threads = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@ignore_threads
def test_a_lock_that_another_thread_holds_is_free_in_a_child_and_locked_in_the_parent(held_elsewhere):
    lock = ForkLock()
    held_elsewhere(lock)

    def use():
        with lock, lock:
            return True

    assert in_child(use) == 0
    reached = threading.Event()

    def wait():
        with lock:
            reached.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not reached.wait(0.1)


@ignore_threads
def test_a_lock_that_the_forking_thread_holds_stays_its_own():
    lock = ForkLock()

    def is_free_for_others(seconds):
        reached = threading.Event()

        def take():
            with lock:
                reached.set()

        threading.Thread(target=take, daemon=True).start()
        return reached.wait(seconds)

    with lock:
        in_block = in_child(lambda: not is_free_for_others(0.5))
    assert in_block == 0
    assert in_child(lambda: is_free_for_others(TIMEOUT)) == 0


@ignore_threads
def test_what_the_other_thread_was_changing_is_repaired_once(held_elsewhere):
    class Thing:
        def __init__(self):
            self.repairs = 0
            self.lock = ForkLock(self.repair)

        def repair(self):
            self.repairs += 1

    thing, idle = Thing(), Thing()
    held_elsewhere(thing.lock)

    def use():
        for one in (thing, idle):
            for _ in range(2):
                with one.lock:
                    pass
        return (thing.repairs, idle.repairs) == (1, 0)

    assert in_child(use) == 0
    assert thing.repairs == 0


@ignore_threads
def test_counts_that_were_half_changed_are_whole_in_a_child(held_elsewhere):
    sampler = LearnedUnigramSampler(300, seed=1)
    sampler.sample(np.arange(64), 10)
    counts = sampler.counts
    held_elsewhere(sampler.lock)
    compiled = sampler.compiled_distribution()
    tree = next(field for field in compiled if isinstance(field, np.ndarray))
    tree[-1] += 50  # the total, but none of the counts

    def use():
        drawn = sampler.sample([3], 200).sampled_candidates
        counts[3] += 1
        return np.unique(drawn).size == 200 and (sampler.counts == counts).all()

    assert in_child(use) == 0


@ignore_threads
def test_a_fork_within_a_hook_of_a_sampler_is_no_error():
    class Forking(ss.CandidateSampler):
        def draw(self, rng, size):
            self.codes.append(in_child(lambda: self.state is not None))
            return rng.integers(0, self.range_max, size)

        def probability(self, ids):
            return np.full(np.shape(ids), 1 / self.range_max)

    sampler = Forking(10, seed=1)
    sampler.codes = []
    sampler.sample([1], 3, unique=False)
    assert sampler.codes == [0]
    sampler.sample([1], 3, unique=False)


@pytest.mark.parametrize("kind", [getattr(ss, name) for name in ss.__all__ if inspect.isclass(getattr(ss, name))])
def test_no_attribute_has_a_lock_of_its_own(kind):
    """Up to Python 3.11 a cached property has a lock, which a child may inherit while it is held."""
    members = [value for owner in kind.__mro__ for value in vars(owner).values()]
    assert not [value for value in members if isinstance(value, functools.cached_property)]


def test_lengths_are_computed_once_and_cannot_be_assigned():
    vectors = ss.WordVectors(["in", "out"], np.array([[3.0, 4.0], [0.0, 2.0]]))
    assert vectors.lengths is vectors.lengths
    assert vectors.vectors_norm is vectors.vectors_norm
    assert vectors.lengths.tolist() == [5.0, 2.0]
    with pytest.raises(AttributeError, match="lengths cannot be assigned"):
        vectors.lengths = np.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        vectors.lengths[0] = 1.0
