"""Same bits for any number of threads and on every vector path; threads, forks and interrupts of the caller."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.jit import simd_width
from sampledsoftmax.kernels.sync.barrier import ABORTED
from sampledsoftmax.layers import fused_step
from sampledsoftmax.losses import sampled_pass
from sampledsoftmax.runtime import threadpool
from tests.registry import DRAWN, DTYPES, OPTIMIZERS, SAMPLERS

pytestmark = pytest.mark.compiled


@pytest.fixture(autouse=True)
def _any_size_uses_all_threads(monkeypatch):
    """Let small steps use as many threads as are set."""
    for module in (fused_step, sampled_pass):
        monkeypatch.setattr(module, "threads_for", lambda *_: threadpool.thread_pool.num_threads)
    before = ss.get_num_threads()
    yield
    ss.set_num_threads(before)


def ids(shape, seed, num_classes=300):
    return np.random.default_rng(seed).integers(0, num_classes, shape)


def trained(optimizer, dtype, sampler="log_uniform", num_true=1):
    model = ss.SkipGram(300, 19, 70, OPTIMIZERS[optimizer](0.05), SAMPLERS[sampler](300, seed=2), dtype=dtype, seed=3)
    losses = model.steps(ids(431, 0), ids((431, num_true), 1), 130)
    return [losses, model.embeddings, model.weights, model.biases]


@pytest.mark.subset(optimizer="adagrad", dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_have_the_same_bits_on_any_number_of_threads(optimizer, dtype):
    runs = []
    for num_threads in (1, 2, 4):
        ss.set_num_threads(num_threads)
        runs.append(trained(optimizer, dtype))
    assert np.isfinite(runs[0][0]).all()
    for run in runs[1:]:
        for ours, expected in zip(run, runs[0], strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.subset(sampler="log_uniform", num_true=1)
@pytest.mark.parametrize("sampler", DRAWN)
@pytest.mark.parametrize("num_true", [1, 3])
def test_samplers_have_the_same_bits_on_any_number_of_threads(sampler, num_true):
    runs = []
    for num_threads in (1, 3):
        ss.set_num_threads(num_threads)
        runs.append(trained("adagrad", np.float32, sampler, num_true))
    for ours, expected in zip(*runs, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("function", [ss.sampled_softmax_loss_and_grad, ss.nce_loss_and_grad])
def test_functions_have_the_same_bits_on_any_number_of_threads(function):
    rng = np.random.default_rng(0)
    weights, inputs = rng.normal(size=(300, 19)).astype("f"), rng.normal(size=(201, 19)).astype("f")
    arguments = (weights, np.zeros(300, "f"), ids((201, 2), 1), inputs, 70, 300, 2)
    results = []
    for num_threads in (1, 2, 4):
        ss.set_num_threads(num_threads)
        loss, gradients = function(*arguments, seed=1)
        results.append((loss, gradients.weights.values, gradients.biases.values, gradients.inputs))
    for result in results[1:]:
        for ours, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(ours, expected)


PATH_PROGRAM = """
import hashlib, numpy as np, sampledsoftmax as ss
from sampledsoftmax.layers import fused_step
from sampledsoftmax.runtime import threadpool
from tests.registry import DRAWN, DTYPES, OPTIMIZERS, SAMPLERS
fused_step.threads_for = lambda *_: threadpool.thread_pool.num_threads
for num_threads in (1, 2, 4):
    ss.set_num_threads(num_threads)
    model = ss.SkipGram(200, 33, 50, ss.Adagrad(0.1), seed=1)
    pairs = np.random.default_rng(0).integers(0, 200, (2, 401))
    losses = model.steps(*pairs, 130)
    tables = model.embeddings.tobytes() + model.weights.tobytes() + model.biases.tobytes()
    print(float(losses.sum()).hex(), hashlib.sha256(tables).hexdigest())
print(repr(losses.tolist()))
"""


@pytest.fixture(scope="module")
def outputs():
    """Return what the program prints on each path and on the default one; all run at once: the compiler is serial."""
    running = {
        path: subprocess.Popen(
            [sys.executable, "-c", PATH_PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, simd_width.VARIABLE: path, "PYTHONHASHSEED": "1"},
        )
        for path in ("", *simd_width.PATHS)
    }  # fmt: skip
    printed = {path: run.communicate(timeout=900) for path, run in running.items()}
    assert not any(run.returncode for run in running.values()), printed
    return {path: output.splitlines() for path, (output, _) in printed.items()}


@pytest.mark.slow
@pytest.mark.parametrize("path", simd_width.PATHS)
def test_each_path_has_the_same_bits_for_any_threads_and_agrees_with_the_others_to_rounding(path, outputs):
    ours = outputs[path]
    assert len(set(ours[:3])) == 1
    np.testing.assert_allclose(eval(ours[3]), eval(outputs[""][3]), rtol=2e-6)


@pytest.mark.parametrize(
    ("processor", "features", "path"),
    [
        ("znver4", {"avx2": True, "avx512f": True}, "256"),
        ("znver5", {"avx2": True, "avx512f": True}, "512"),
        ("skylake-avx512", {"avx2": True, "avx512f": True}, "512"),
        ("znver3", {"avx2": True, "avx512f": False}, "256"),
        ("apple-m1", {"neon": True}, "256"),
        ("nehalem", {}, "128"),
    ],
)
def test_the_path_of_a_processor(monkeypatch, processor, features, path):
    monkeypatch.setattr(simd_width.llvm, "get_host_cpu_name", lambda: processor)
    monkeypatch.setattr(simd_width.llvm, "get_host_cpu_features", lambda: features)
    monkeypatch.setenv(simd_width.VARIABLE, "")
    assert simd_width.chosen_path() == path


def test_a_path_that_does_not_exist_is_refused():
    run = subprocess.run(
        [sys.executable, "-c", "import sampledsoftmax"],
        capture_output=True, text=True, check=False, env={**os.environ, simd_width.VARIABLE: "amx"},
    )  # fmt: skip
    assert run.returncode != 0
    assert "SAMPLEDSOFTMAX_VECTORS must be one of plain, 128, 256, 512, got 'amx'" in run.stderr


def digest(_=None):
    return trained("adagrad", np.float32)[1].tobytes()


def test_forked_and_spawned_children_train():
    ss.set_num_threads(2)
    expected = digest()  # starts the threads of the parent
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert set(pool.map_async(digest, range(4)).get(timeout=600)) == {expected}


def test_threads_of_the_caller_share_the_pool():
    ss.set_num_threads(2)
    expected = digest()
    results = []
    callers = [threading.Thread(target=lambda: results.append(digest())) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=600)
    assert results == [expected] * 4


def test_two_callers_of_one_model_take_turns():
    model = ss.SkipGram(300, 19, 70, ss.SGD(0.1), seed=3)
    pairs = ids((2, 20_000), 0)
    callers = [threading.Thread(target=model.steps, args=(*pairs, 100)) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=600)
    assert np.isfinite(model.embeddings).all()
    # Each step advanced the stream by one call, in either thread.
    assert model.output.sampler.state["block"] == 2 * 200 * 70 * 512


def test_more_threads_than_cores_do_not_hang():
    ss.set_num_threads(4)
    model = ss.SkipGram(300, 19, 70, ss.SGD(0.1), seed=3)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        model.steps(*ids((2, 100), 0), 100)
        start = time.process_time()  # of this process, whatever else the machine does
        model.steps(*ids((2, 50_000), 0), 100)
        # Waiting without yielding takes 500 steps x 5 barriers x 4 ms of the system's scheduler x 3 threads: 30 s.
        assert time.process_time() - start < 10
    finally:
        os.sched_setaffinity(0, before)


def test_an_interrupt_stops_between_steps_and_the_model_still_trains():
    program = """
import sys, time, numpy as np, sampledsoftmax as ss
ss.set_num_threads(2)
model = ss.SkipGram(5000, 64, 512, ss.SGD(0.1), seed=3)
pairs = np.random.default_rng(0).integers(0, 5000, (2, 4_000_000))
model.step(*pairs[:, :512])
step = model.output.sampler.state["block"]
try:
    print("ready", flush=True)
    model.steps(*pairs, 512)
except KeyboardInterrupt:
    steps = model.output.sampler.state["block"] / step - 1
    print("interrupted", steps % 1 == 0, steps < 4_000_000 // 512, model.step(*pairs[:, :512]) > 0, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=600)
    assert output == "interrupted True True True\n"


def test_a_run_that_fails_on_the_thread_of_the_caller_leaves_a_pool_that_works():
    def fail(thread, num_threads, shared):
        if thread == 0:
            raise RuntimeError(f"thread {thread} of {num_threads}")
        while shared[ABORTED] == 0:  # like a barrier at which the other thread never arrives
            time.sleep(0.001)

    def note(thread, num_threads, shared, notes):
        notes.append((thread, num_threads))
        if thread == 0:
            while len(notes) < num_threads:
                time.sleep(0.001)

    thread_pool = threadpool.ThreadPool()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="thread 0 of 2"):
            thread_pool.run(fail, 2)
        notes = []
        thread_pool.run(note, 2, notes)
        assert sorted(notes) == [(0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "num_threads must be at least 1, got 0"),
        (257, ValueError, "num_threads must be at most 256, got 257"),
        (1.5, TypeError, "num_threads must be a whole number, got"),
    ],
)
def test_set_num_threads_refuses(value, error, message):
    with pytest.raises(error, match=message):
        ss.set_num_threads(value)


def test_show_config_names_versions_threads_and_vector_path(capsys):
    ss.set_num_threads(2)
    ss.show_config()
    text = capsys.readouterr().out
    assert f"numpy          {np.__version__}" in text
    assert "at most 2" in text
    assert simd_width.PATH in text
