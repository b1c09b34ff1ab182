"""Beside the worker processes of a DataLoader, other threads, and the thread pool of PyTorch: no deadlock."""

import copy
import multiprocessing
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import sampledsoftmax as ss  # noqa: E402
import sampledsoftmax.torch as st  # noqa: E402

HANG = 600  # seconds; a busy machine compiles for minutes
pytestmark = pytest.mark.compiled


class Pairs(Dataset):
    """Items that are computed by this package, in the worker process."""

    def __len__(self):
        return 24

    def __getitem__(self, i):
        values = ss.log_uniform_candidate_sampler([[i]], 1, 8, True, 2000, seed=i)
        hidden = np.full((4, 64), i / 24, np.float32)
        weights = np.ones((2000, 64), np.float32)
        loss = ss.sampled_softmax_loss(weights, None, [i] * 4, hidden, 8, 2000, seed=i)
        ss.full_softmax_loss(weights, None, [i] * 4, hidden)
        return torch.from_numpy(hidden[0]), torch.tensor(i), float(loss[0]), torch.from_numpy(values[0])


def model():
    return st.FusedSampledSoftmaxLoss(64, 2000, 256, seed=1)


def step(module, seed, batch_size=128):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(batch_size, 64, generator=generator, requires_grad=True)
    loss = module(hidden, torch.randint(0, 2000, (batch_size,), generator=generator))
    loss.backward()
    return loss.item(), hidden.grad


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_workers_of_a_loader(context):
    module = model()
    step(module, 0)  # so that the threads of the pool exist before the fork
    loader = DataLoader(Pairs(), batch_size=6, num_workers=2, multiprocessing_context=context, timeout=HANG)
    here = Pairs()
    seen = 0
    for _ in range(2):
        for hidden, target, losses, candidates in loader:
            for row, i in enumerate(target.tolist()):
                assert float(losses[row]) == here[i][2]
                assert torch.equal(candidates[row], here[i][3])
            module(hidden.requires_grad_(), target).backward()
            seen += len(target)
    assert seen == 48


def test_a_thousand_steps_beside_the_threads_of_pytorch():
    before = torch.get_num_threads()
    module, encoder = model(), torch.nn.Linear(64, 64)
    finished = threading.Event()

    def train():
        generator = torch.Generator().manual_seed(1)
        for i in range(1000):
            if i % 100 == 0:
                torch.set_num_threads(1 + i // 100 % 3)
                ss.set_num_threads(1 + i // 200 % 2)
            features = torch.randn(64, 64, generator=generator)
            module(encoder(features), torch.randint(0, 2000, (64,), generator=generator)).backward()
        finished.set()

    mine = ss.get_num_threads()
    try:
        thread = threading.Thread(target=train, daemon=True)
        thread.start()
        thread.join(HANG)
    finally:
        torch.set_num_threads(before)
        ss.set_num_threads(mine)
    assert finished.is_set()
    assert module.candidates.state["step"] == 1000


def _in_child(module, results):
    results.put([step(module, seed)[0] for seed in range(3)])


def test_a_fork_between_the_passes():
    """In a new process: PyTorch refuses a fork after its own threads of backward passes, which other tests start."""
    process = multiprocessing.get_context("spawn").Process(target=_fork_between_the_passes)
    process.start()
    process.join(HANG)
    assert process.exitcode == 0


def _fork_between_the_passes():
    """Fork while a loss waits for its backward pass: the child has a copy of the module, whose memory it holds."""
    module = model()
    hidden = torch.randn(32, 64, requires_grad=True)
    loss = module(hidden, torch.arange(32))
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(module, results), daemon=True)
    child.start()
    child.join(HANG)
    assert child.exitcode == 0
    twin = copy.deepcopy(module)
    assert results.get() == [step(twin, seed)[0] for seed in range(3)]
    loss.backward()
    assert hidden.grad.isfinite().all()


def test_several_threads_have_the_same_bits_as_one():
    found, errors = [None] * 4, []
    modules = [model() for _ in range(4)]
    for module in modules[1:]:
        module.load_state_dict(modules[0].state_dict())
    references = []
    for seed in range(4):
        twin = model()
        twin.load_state_dict(modules[0].state_dict())
        references.append([step(twin, 10 * seed + i)[0] for i in range(20)])

    def train(number):
        try:
            found[number] = [step(modules[number], 10 * number + i)[0] for i in range(20)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=train, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    assert not errors
    assert found == references


def test_one_module_in_several_threads():
    module = model()
    errors = []

    def train(number):
        try:
            for i in range(30):
                step(module, 100 * number + i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=train, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)
    assert module.weight.isfinite().all()
