"""Layers on processes of a local Ray cluster: the same bits, also when processes are killed or stopped."""

import os
import re
import runpy
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import OPTIMIZERS, SAMPLERS
from tests.sharding.cases import (
    BATCH_SIZE,
    SIZES,
    ShardedPairs,
    assert_same_tables,
    ids_of,
    in_process,
    inputs_of,
    trained_pairs,
)

pytestmark = [pytest.mark.compiled, pytest.mark.filterwarnings("ignore::ResourceWarning")]
pytest.importorskip("ray", reason="Ray is not installed")
if sys.platform == "win32":
    pytest.skip("signals of POSIX", allow_module_level=True)

import sampledsoftmax.ray  # noqa: E402 - it may be absent

LITTLE = {"shard_options": {"num_cpus": 0}, "worker_options": {"num_cpus": 0}}


def pids_of(sharded):
    """Return the process ids of shards, then of workers; a shard that is starting again is waited for."""
    while True:
        try:
            shards, workers = sharded._driver.transport.pids()
            return shards + workers
        except sampledsoftmax.ray.LostError:
            time.sleep(0.1)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def test_shards_have_the_bits_of_one_process(ray_cluster):
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    losses = trained_pairs(model)
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, num_shards=2, **LITTLE) as sharded:
        np.testing.assert_array_equal(trained_pairs(sharded), losses)
        assert_same_tables(model, sharded)
        inputs, labels = inputs_of(1), ids_of(2, BATCH_SIZE)
        np.testing.assert_array_equal(sharded.full_loss(inputs, labels), model.output.full_loss(inputs, labels))
        np.testing.assert_array_equal(sharded.top_k(inputs, 40)[0], model.output.top_k(inputs, 40)[0])
        pids = pids_of(sharded)
    wait_for(lambda: not any(map(is_alive, pids)))


def test_a_killed_shard_and_a_killed_worker_leave_no_trace(ray_cluster, tmp_path):
    options = {"num_shards": 2, "parts": 2, **LITTLE}
    with sampledsoftmax.ray.ShardedSampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3, **options) as expected:
        results = [expected.step(inputs_of(k), ids_of(k, BATCH_SIZE)) for k in range(4)]
        weights = expected.weights[:]
    options |= {"num_workers": 1, "folder": tmp_path, "checkpoint_steps": 2}
    with sampledsoftmax.ray.ShardedSampledSoftmax(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
        for number, (loss, gradient) in enumerate(results):
            if number in (1, 3):
                os.kill(pids_of(sharded)[0 if number == 3 else 2], signal.SIGKILL)
            found, found_gradient = sharded.step(inputs_of(number), ids_of(number, BATCH_SIZE))
            assert found == loss
            np.testing.assert_array_equal(found_gradient, gradient)
        np.testing.assert_array_equal(sharded.weights[:], weights)
        assert sharded.recoveries == 1


def test_a_layer_without_a_folder_says_what_was_lost(ray_cluster):
    with sampledsoftmax.ray.ShardedSampledSoftmax(*SIZES, seed=3, num_shards=1, **LITTLE) as sharded:
        os.kill(pids_of(sharded)[0], signal.SIGKILL)
        with pytest.raises(sampledsoftmax.ray.LostError, match=r"its rows are lost, since there are no checkpoints"):
            sharded.step(inputs_of(1), ids_of(1, BATCH_SIZE))


@pytest.fixture(scope="module")
def five_shards(ray_cluster):
    """Give a transport of up to five shards whose processes are used again."""
    from tests.ray.reused import ReusedShard, ReusedTransport  # noqa: PLC0415 - which needs Ray

    actor = ray_cluster.remote(ReusedShard).options(num_cpus=0)
    ReusedTransport.actors_to_use = [actor.remote("test", k, None, 0, 0) for k in range(5)]
    yield ReusedTransport
    for one in ReusedTransport.actors_to_use:
        ray_cluster.kill(one)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rowwise_adagrad", "adam"])
def test_all_optimizers_and_numbers_of_shards(five_shards, optimizer):
    for sampler in ("log_uniform", "fixed_unigram", "learned_unigram"):
        model = ss.SkipGram(*SIZES, OPTIMIZERS[optimizer](0.1), SAMPLERS[sampler](SIZES[0], seed=5), seed=3)
        losses = trained_pairs(model, 3)
        for num_shards in (1, 2, 3, 5):
            arguments = OPTIMIZERS[optimizer](0.1), SAMPLERS[sampler](SIZES[0], seed=5), num_shards
            sharded = in_process(ShardedPairs, *arguments, transport=five_shards)
            np.testing.assert_array_equal(trained_pairs(sharded, 3), losses)
            assert_same_tables(model, sharded)


@pytest.mark.slow
def test_workers_do_not_change_the_bits_of_four_parts(ray_cluster):
    found = []
    for num_workers in (1, 2, 4):
        options = {"num_shards": 2, "parts": 4, "num_workers": num_workers, **LITTLE}
        with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
            found.append((trained_pairs(sharded), sharded.weights[:], sharded.embeddings[:]))
    for other in found[1:]:
        for array, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(array, expected)


@pytest.mark.slow
def test_twenty_kills_in_one_run_leave_no_trace(ray_cluster, tmp_path):
    options = {"num_shards": 2, "parts": 2, **LITTLE}
    steps, rng, kills = 60, np.random.default_rng(1), []
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as expected:
        losses = [expected.step(ids_of(k, BATCH_SIZE), ids_of(k + 1, BATCH_SIZE)) for k in range(steps)]
        weights = expected.weights[:]
    options |= {"num_workers": 2, "folder": tmp_path, "checkpoint_steps": 5}
    killed_at = set(rng.choice(steps, 20, replace=False).tolist())
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
        for k in range(steps):
            if k in killed_at:  # somewhere in the next steps, at a time that is not known
                pid = pids_of(sharded)[len(kills) % 4]
                kills.append(threading.Timer(float(rng.random()) * 0.05, os.kill, (pid, signal.SIGKILL)))
                kills[-1].start()
            assert sharded.step(ids_of(k, BATCH_SIZE), ids_of(k + 1, BATCH_SIZE)) == losses[k]
        for kill in kills:
            kill.join()
        np.testing.assert_array_equal(sharded.weights[:], weights)
        assert sharded.recoveries > 0


@pytest.mark.slow
def test_a_shard_that_is_stopped_for_ten_seconds_is_waited_for(ray_cluster, tmp_path):
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    options = {"num_shards": 2, "folder": tmp_path, **LITTLE}
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
        np.testing.assert_array_equal(trained_pairs(sharded, 2), trained_pairs(model, 2))
        pid = pids_of(sharded)[1]
        os.kill(pid, signal.SIGSTOP)
        resume = threading.Timer(10, os.kill, (pid, signal.SIGCONT))
        resume.start()
        start = time.monotonic()
        np.testing.assert_array_equal(trained_pairs(sharded), trained_pairs(model))
        resume.join()
        assert time.monotonic() - start > 5
        assert_same_tables(model, sharded)


@pytest.mark.slow
def test_a_shard_that_cannot_write_stops_the_run_and_it_can_go_on(ray_cluster, tmp_path):
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of other processes are of Linux")
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    options = {"num_shards": 2, "folder": tmp_path, "checkpoint_steps": 2, **LITTLE}
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
        trained_pairs(sharded, 2)
        trained_pairs(model, 2)
        pid, hard = pids_of(sharded)[1], resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, hard))  # no file of this process can be larger
        with pytest.raises(OSError, match=r"rows-30-60.zip cannot be written"):
            trained_pairs(sharded, 1)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        np.testing.assert_array_equal(trained_pairs(sharded), trained_pairs(model))
        assert_same_tables(model, sharded)


@pytest.mark.slow
def test_a_killed_program_goes_on_from_its_folder(ray_cluster, tmp_path):
    program = f"""
    import os, signal
    import sampledsoftmax as ss, sampledsoftmax.ray
    from tests.sharding.cases import SIZES, trained_pairs
    model = ss.ray.ShardedSkipGram(
        *SIZES, ss.Adagrad(0.1), seed=3, num_shards=3, folder={str(tmp_path)!r}, checkpoint_steps=2
    )
    trained_pairs(model)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False, timeout=500
    )
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    options = {"num_shards": 2, "folder": tmp_path, **LITTLE}
    with sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as sharded:
        assert sharded.steps_taken == 4
        trained_pairs(model, 4)
        assert_same_tables(model, sharded)


@pytest.mark.slow
def test_the_example_learns(ray_cluster, capsys):
    path = Path(__file__).parents[2] / "examples" / "sharded_skip_gram.py"
    runpy.run_path(str(path))["main"]()
    first, last = (float(number) for number in re.findall(r"\d+\.\d+", capsys.readouterr().out)[:2])
    assert last < first - 1


@pytest.mark.slow
def test_two_runs_on_one_cluster_do_not_mix(ray_cluster):
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    losses = trained_pairs(model)
    options = {"num_shards": 2, **LITTLE}
    with (
        sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as one,
        sampledsoftmax.ray.ShardedSkipGram(*SIZES, ss.Adagrad(0.1), seed=3, **options) as other,
    ):
        assert one._driver.transport.run != other._driver.transport.run
        np.testing.assert_array_equal(trained_pairs(one), losses)
        np.testing.assert_array_equal(trained_pairs(other), losses)
        one.close()
        np.testing.assert_array_equal(other.weights[:], model.weights)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["raise ValueError('of the program')", "os.kill(os.getpid(), signal.SIGINT)", "pass"])
def test_a_program_leaves_no_process_and_no_shared_memory(end):
    program = f"""
    import os, signal, sys
    import numpy as np
    import sampledsoftmax as ss, sampledsoftmax.ray
    signal.signal(signal.SIGINT, signal.default_int_handler)
    model = ss.ray.ShardedSkipGram(1000, 8, 10, seed=1, num_shards=2)
    model.steps(np.arange(30), np.arange(30) + 1, 10)
    print(*model._driver.transport.pids()[0], flush=True)
    {end}
    """
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=500
    )
    pids = [int(pid) for pid in run.stdout.split()]
    assert len(pids) == 2, run.stderr
    wait_for(lambda: not any(map(is_alive, pids)))
    if before or os.path.isdir("/dev/shm"):
        wait_for(lambda: not {name for name in set(os.listdir("/dev/shm")) - before if "plasma" in name})
    assert (run.returncode == 0) == (end == "pass")
