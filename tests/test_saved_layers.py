"""Layers that are saved, loaded, copied or pickled go on with the same bits."""

import copy
import io
import itertools
import pickle
import threading
import zipfile

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.class_only import classonlymethod
from tests.registry import DTYPES, OBJECTIVES, OPTIMIZERS, SAMPLERS

NUM_CLASSES, DIM, NUM_SAMPLED, BATCH = 40, 5, 7, 6


class SignSGD(ss.Optimizer):
    """An optimizer in Python that replaces its slot in each update."""

    def __init__(self, learning_rate=0.1):
        self.learning_rate = learning_rate

    def init(self, table):
        del table
        return {"steps": np.zeros((), np.int64)}

    def update(self, table, slots, gradient):
        slots["steps"] = slots["steps"] + 1
        rows = gradient.coalesce()
        table[rows.indices] -= self.learning_rate / slots["steps"] * np.sign(rows.values)


class EvenSampler(ss.CandidateSampler):
    def draw(self, rng, size):
        return 2 * rng.integers(0, self.range_max // 2, size) + (rng.random(size) < 0.25)

    def probability(self, ids):
        return np.where(ids % 2 == 0, 1.5, 0.5) / self.range_max


class Margin(ss.Objective):
    def __init__(self, margin):
        self.margin = margin

    def loss_and_grad(self, logits, num_true):
        shifted = logits.copy()
        shifted[:, :num_true] -= self.margin
        return ss.reference.cross_entropy(shifted, num_true)


def make(kind, optimizer="adagrad", sampler="log_uniform", objective="sampled_softmax", dtype=np.float32, **options):
    sampler = SAMPLERS[sampler](NUM_CLASSES, 3)
    num_sampled = NUM_CLASSES if isinstance(sampler, ss.AllSampler) else NUM_SAMPLED
    settings = (OPTIMIZERS[optimizer](0.05), sampler)
    return kind(NUM_CLASSES, DIM, num_sampled, *settings, dtype=dtype, seed=3, objective=objective, **options)


def train(layer, first, count):
    """Take steps with the batches from `first` on; return what they return."""
    results = []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        labels = rng.integers(0, NUM_CLASSES, BATCH)
        if isinstance(layer, ss.SkipGram):
            results.append(layer.step(rng.integers(0, NUM_CLASSES, BATCH), labels))
        else:
            loss, gradient = layer.step(rng.normal(size=(BATCH, DIM)).astype(layer.dtype), labels)
            results.append((loss, gradient.tobytes()))
    return results


def tables_of(layer):
    output = layer.output if isinstance(layer, ss.SkipGram) else layer
    tables = [output.weight_table, output.bias_table]
    return [layer.embedding_table, *tables] if isinstance(layer, ss.SkipGram) else tables


def arrays_of(layer):
    """Return copies of all values and slots, as they are, without catching up."""
    return [np.array(array) for table in tables_of(layer) for array in (table.values, *table.slots.values())]


def assert_same(one, other):
    for ours, theirs in zip(arrays_of(one), arrays_of(other), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def assert_goes_on(layer, other):
    """Check that two layers are equal, share nothing, and give the same bits from now on."""
    assert type(other) is type(layer)
    assert_same(layer, other)
    for ours, theirs in zip(tables_of(layer), tables_of(other), strict=True):
        assert not np.shares_memory(ours.values, theirs.values)
    assert train(other, 50, 3) == train(layer, 50, 3)
    assert_same(layer, other)


# All optimizers, samplers and objectives with each other; layers and dtypes in turn, since each one is a compilation.
COMBINED = list(itertools.product(OPTIMIZERS, SAMPLERS, OBJECTIVES))
IN_TURN = list(itertools.product([ss.SampledSoftmax, ss.SkipGram], DTYPES))


@pytest.mark.subset(14)
@pytest.mark.parametrize("number", range(len(COMBINED)), ids=["-".join(names) for names in COMBINED])
def test_a_loaded_layer_goes_on_with_the_same_bits(tmp_path, number):
    (optimizer, sampler, objective), (kind, dtype) = COMBINED[number], IN_TURN[number % 4]
    layer, whole = (make(kind, optimizer, sampler, objective, dtype) for _ in range(2))
    train(layer, 0, 3)
    layer.save(tmp_path / "layer.zip")
    loaded = kind.load(tmp_path / "layer.zip")
    assert train(loaded, 3, 3) == train(whole, 0, 6)[3:]
    assert_same(loaded, whole)


DUPLICATES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda layer, p=p: pickle.loads(pickle.dumps(layer, p)) for p in range(2, 6)},
}


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
@pytest.mark.parametrize("kind", [ss.SampledSoftmax, ss.SkipGram], ids=lambda kind: kind.__name__)
def test_a_copy_goes_on_with_the_same_bits(kind, duplicate):
    for sampler, optimizer in (("learned_unigram", "exact_adam"), ("fixed_unigram", "adagrad")):
        layer = make(kind, optimizer, sampler, "negative_sampling", np.float64)
        train(layer, 0, 3)
        assert_goes_on(layer, duplicate(layer))


def test_joblib_copies_a_layer(tmp_path):
    joblib = pytest.importorskip("joblib")
    layer = make(ss.SkipGram)
    train(layer, 0, 2)
    joblib.dump(layer, tmp_path / "layer.joblib")
    assert_goes_on(layer, joblib.load(tmp_path / "layer.joblib"))


def test_a_copy_of_a_copy_of_a_loaded_layer(tmp_path):
    layer = make(ss.SkipGram, "exact_adam", "learned_unigram")
    train(layer, 0, 3)
    layer.save(tmp_path / "layer.zip")
    assert_goes_on(layer, copy.copy(pickle.loads(pickle.dumps(ss.SkipGram.load(tmp_path / "layer.zip")))))


def test_rows_that_lag_are_saved_as_they_are(tmp_path):
    layer = make(ss.SampledSoftmax, "exact_adam")
    train(layer, 0, 4)
    before = arrays_of(layer)
    layer.save(tmp_path / "layer.zip")
    for kept, now in zip(before, arrays_of(layer), strict=True):
        np.testing.assert_array_equal(kept, now)
    loaded = ss.SampledSoftmax.load(tmp_path / "layer.zip")
    behind = loaded.weight_table.values.copy()
    np.testing.assert_array_equal(loaded.weights, layer.weights)  # catches up
    assert (behind != loaded.weights).any()


def test_settings_are_saved_as_they_are_now(tmp_path):
    layer = make(ss.SampledSoftmax, "adam", "uniform")
    layer.optimizer.learning_rate = 0.125
    layer.num_sampled = 3
    layer.save(tmp_path / "layer.zip")
    loaded = ss.SampledSoftmax.load(tmp_path / "layer.zip")
    assert loaded.optimizer == layer.optimizer
    assert loaded.num_sampled == 3
    assert_goes_on(layer, loaded)


@pytest.mark.parametrize("options", [{"num_reserved_ids": 3}, {"num_shards": 2, "shard": 1}])
def test_a_fixed_unigram_sampler_of_any_options_is_saved(tmp_path, options):
    sampler = ss.FixedUnigramSampler(np.arange(1, 31), 0.75, seed=5, expected_count="inclusion", **options)
    layer = ss.SampledSoftmax(sampler.range_max, DIM, 4, sampler=sampler, subtract_log_q=False)
    layer.save(tmp_path / "layer.zip")
    loaded = ss.SampledSoftmax.load(tmp_path / "layer.zip")
    labels = np.array([[7], [9]])
    for ours, theirs in zip(layer.sampler.sample(labels, 4), loaded.sampler.sample(labels, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(sampler.weights, loaded.sampler.weights)


def test_weights_of_a_sampler_are_not_those_that_were_given():
    given = np.arange(1, 6, dtype=np.float32)
    sampler = ss.FixedUnigramSampler(given, seed=1)
    given[:] = 0
    assert sampler.weights.tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="read-only"):
        sampler.weights[0] = 2


def test_shared_objects_stay_shared():
    sampler, optimizer = ss.UniformSampler(NUM_CLASSES, seed=1), ss.Adagrad(0.1)
    layers = [ss.SampledSoftmax(NUM_CLASSES, DIM, 4, optimizer, sampler, seed=i) for i in range(2)]
    for first, second in (copy.deepcopy(layers), pickle.loads(pickle.dumps(layers))):
        assert first.sampler is second.sampler is not sampler
        assert first.optimizer is second.optimizer is first.bias_table.optimizer is first.weight_table.optimizer
        assert first.fused_steps.sampler is first.sampler
        assert first.objective is layers[0].objective
        train(first, 0, 1)
        assert first.sampler.state == second.sampler.state != sampler.state
    model = copy.copy(make(ss.SkipGram))
    assert model.embedding_table.optimizer is model.output.optimizer


def test_load_shares_a_sampler_and_an_optimizer_that_are_given(tmp_path):
    sampler = ss.LearnedUnigramSampler(NUM_CLASSES, seed=1)
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 4, ss.SGD(0.1), sampler, seed=1)
    train(layer, 0, 2)
    layer.save(tmp_path / "layer.zip")
    shared, optimizer = ss.LearnedUnigramSampler(NUM_CLASSES), ss.SGD(0.5)
    loaded = ss.SampledSoftmax.load(tmp_path / "layer.zip", optimizer=optimizer, sampler=shared)
    assert (loaded.sampler, loaded.optimizer) == (shared, optimizer)
    assert shared.state == sampler.state


def own_layer():
    return ss.SkipGram(NUM_CLASSES, DIM, 4, SignSGD(), EvenSampler(NUM_CLASSES, seed=2), seed=1, objective=Margin(0.5))


def test_objects_of_ones_own_classes_are_given_again(tmp_path):
    layer, path = own_layer(), tmp_path / "layer.zip"
    train(layer, 0, 3)
    layer.save(path)
    given = {"optimizer": SignSGD(), "sampler": EvenSampler(NUM_CLASSES), "objective": Margin(0.5)}
    loaded = ss.SkipGram.load(path, **given)
    assert loaded.embedding_table.slots["steps"] == 3
    assert_goes_on(layer, loaded)
    for name, value in given.items():
        rest = {key: other for key, other in given.items() if key != name}
        kind = type(value).__name__
        with pytest.raises(ValueError, match=rf"layer.zip: {name}: .* write SkipGram.load\(path, {name}={kind}\(...\)"):
            ss.SkipGram.load(path, **rest)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("optimizer", ss.SGD(0.1), r"optimizer must be that of the layer, SignSGD\(\), got SGD\(learning_rate=0.1"),
        ("sampler", ss.UniformSampler(NUM_CLASSES), "sampler must be that of the layer, EvenSampler"),
        ("sampler", EvenSampler(NUM_CLASSES + 1), "range_max=40.*range_max=41"),
        ("sampler", "uniform", "sampler must be a sampler object, got str 'uniform'"),
        ("objective", "nce", "objective must be that of the layer, 'Margin', got 'nce'"),
        ("objective", Margin, "objective must be an instance, got the class Margin"),
        ("optimizer", "x" * 10**6, "optimizer must be an ss.Optimizer"),
    ],
)
def test_objects_that_do_not_fit_are_refused(tmp_path, name, value, message):
    own_layer().save(tmp_path / "layer.zip")
    given = {"optimizer": SignSGD(), "sampler": EvenSampler(NUM_CLASSES), "objective": Margin(0.5), name: value}
    before = given["sampler"].state if name != "sampler" else None
    with pytest.raises((TypeError, ValueError), match=message) as refused:
        ss.SkipGram.load(tmp_path / "layer.zip", **given)
    assert len(str(refused.value)) < 600
    assert name == "sampler" or given["sampler"].state == before


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [("adam", ss.Adam(0.1, mode="exact")), ("momentum", ss.Momentum(0.1, 0.8)), ("sgd", ss.Adagrad(0.1))],
)
def test_another_optimizer_is_refused_except_for_its_learning_rate(tmp_path, optimizer, given):
    layer = make(ss.SampledSoftmax, optimizer)
    layer.save(tmp_path / "layer.zip")
    with pytest.raises(ValueError, match="optimizer must be that of the layer"):
        ss.SampledSoftmax.load(tmp_path / "layer.zip", optimizer=given)
    other = OPTIMIZERS[optimizer](0.75)
    assert ss.SampledSoftmax.load(tmp_path / "layer.zip", optimizer=other).optimizer is other


def test_a_sampler_with_other_weights_is_refused(tmp_path):
    make(ss.SampledSoftmax, sampler="fixed_unigram").save(tmp_path / "layer.zip")
    with pytest.raises(ValueError, match="sampler must have the weights"):
        ss.SampledSoftmax.load(tmp_path / "layer.zip", sampler=ss.FixedUnigramSampler(np.ones(NUM_CLASSES)))


class Forgetful(EvenSampler):
    @property
    def state(self):
        return {"seen": np.zeros(3)}


def test_a_state_that_cannot_be_saved_is_refused_before_anything_is_written(tmp_path):
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 4, sampler=Forgetful(NUM_CLASSES))
    with pytest.raises(TypeError, match=r"Forgetful\.state must be plain data that JSON can hold"):
        layer.save(tmp_path / "layer.zip")
    assert not list(tmp_path.iterdir())


def test_load_is_not_called_on_a_layer(tmp_path):
    model = make(ss.SkipGram)
    model.save(tmp_path / "layer.zip")
    for layer, kind in ((model, "SkipGram"), (model.output, "SampledSoftmax")):
        with pytest.raises(TypeError, match=rf"load returns a new {kind} and would leave .* model = {kind}.load"):
            layer.load(tmp_path / "layer.zip")
        assert callable(layer.load)  # as programs that list attributes see it


def test_a_class_only_method_sees_the_class_it_is_called_on():
    class Base:
        @classonlymethod
        def load(cls):
            return cls

    class Derived(Base):
        pass

    assert (Base.load(), Derived.load()) == (Base, Derived)
    with pytest.raises(TypeError, match="load returns a new Derived"):
        Derived().load()


class OwnLayer(ss.SampledSoftmax):
    """A subclass of a user."""


def test_a_subclass_loads_itself(tmp_path):
    layer = make(OwnLayer)
    layer.name = "of a user"
    layer.save(tmp_path / "layer.zip")
    assert_goes_on(layer, OwnLayer.load(tmp_path / "layer.zip"))
    assert pickle.loads(pickle.dumps(layer)).name == "of a user"
    assert type(ss.SampledSoftmax.load(tmp_path / "layer.zip")) is ss.SampledSoftmax


def test_files_of_the_other_class_say_so(tmp_path):
    make(ss.SkipGram).save(tmp_path / "model.zip")
    make(ss.SampledSoftmax).save(tmp_path / "layer.zip")
    with pytest.raises(ValueError, match=r"contains a saved SkipGram, a saved SampledSoftmax is expected"):
        ss.SampledSoftmax.load(tmp_path / "model.zip")
    with pytest.raises(ValueError, match=r"contains a saved SampledSoftmax, a saved SkipGram is expected"):
        ss.SkipGram.load(tmp_path / "layer.zip")


def damaged(data):
    """Yield files that were cut, changed, or are of something else."""
    yield b""
    yield b"PK\x05\x06" + bytes(18)
    yield b"\x80\x04N."  # a pickle
    yield data[: len(data) // 2]
    for place in range(100, len(data), len(data) // 13):
        yield data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros(3))
    yield buffer.getvalue()


def test_damaged_and_foreign_files_are_refused_in_one_line(tmp_path):
    layer, path = make(ss.SampledSoftmax, "exact_adam", "learned_unigram"), tmp_path / "layer.zip"
    layer.save(path)
    refusals = []
    for data in damaged(path.read_bytes()):
        path.write_bytes(data)
        try:
            loaded = ss.SampledSoftmax.load(path)
        except ValueError as error:
            refusals.append(str(error))
        else:
            assert_same(layer, loaded)  # a byte that nothing depends on
    assert len(refusals) > 10
    for text in refusals:
        assert str(path) in text
        assert "\n" not in text
        assert len(text) < 1000
    with pytest.raises(FileNotFoundError, match="does not exist"):
        ss.SampledSoftmax.load(tmp_path / "nothing.zip")
    with pytest.raises(FileNotFoundError, match="does not exist as a file"):
        ss.SampledSoftmax.load(tmp_path)


def without(name):
    return lambda meta, arrays: (arrays.pop(name), None)


def setting(name, value):
    return lambda meta, arrays: meta["layer"].update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        without("weights"),
        without("biases.m"),
        without("sampler.counts"),
        lambda meta, arrays: meta.pop("layer"),
        lambda meta, arrays: meta.update(layer=[1]),
        lambda meta, arrays: arrays.update(weights=np.zeros((NUM_CLASSES, DIM + 1), np.float32)),
        lambda meta, arrays: arrays.update({"biases.step": np.zeros(1)}),
        setting("num_classes", -1),
        setting("num_classes", NUM_CLASSES + 1),
        setting("num_sampled", "7"),
        setting("dtype", "float64"),
        setting("dtype", "object"),
        setting("optimizer", {"class": "Adam", "settings": {"learning_rate": -1}}),
        setting("optimizer", {"class": "Adam", "settings": {"rate": 1}}),
        setting("optimizer", {"class": "Popen", "settings": {"args": "true"}}),
        setting("sampler", {"class": "LearnedUnigramSampler"}),
        setting("sampler_state", {"seed": 1}),
        setting("sampler_state", None),
        setting("objective", 3),
        setting("subtract_log_q", "no"),
    ],
)
def test_inconsistent_files_are_refused_in_one_line(tmp_path, change):
    path = tmp_path / "layer.zip"
    make(ss.SampledSoftmax, "exact_adam", "learned_unigram").save(path)
    meta, arrays = read_archive(path, "saved SampledSoftmax", 1)
    change(meta, arrays)
    write_archive(path, "saved SampledSoftmax", 1, meta, arrays)
    with pytest.raises((TypeError, ValueError), match=r"layer\.zip") as refused:
        ss.SampledSoftmax.load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("how", ["save", "deepcopy"])
def test_a_layer_is_saved_between_two_steps_of_another_thread(tmp_path, how):
    def new():
        return ss.SkipGram(3000, 32, 64, ss.Adagrad(0.1), seed=1)

    ids, stop = np.random.default_rng(0).integers(0, 3000, (2, 256)), threading.Event()
    model, saved = new(), []
    model.step(*ids)

    def run():
        while not stop.is_set():
            model.step(*ids)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(3):
            if how == "save":
                model.save(tmp_path / f"{number}.zip")
                saved.append(ss.SkipGram.load(tmp_path / f"{number}.zip"))
            else:
                saved.append(copy.deepcopy(model))
    finally:
        stop.set()
        thread.join(600)
    again, taken = new(), 0
    for other in saved:  # the position of the sampler says how many steps were taken
        while again.output.sampler.state["block"] < other.output.sampler.state["block"]:
            again.step(*ids)
            taken += 1
        assert_same(again, other)
    assert taken > 0


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "layer.zip"
    layer = make(ss.SampledSoftmax)
    layer.save(path)
    before = path.read_bytes()
    own = ss.SampledSoftmax(NUM_CLASSES, DIM, 4, sampler=Forgetful(NUM_CLASSES))
    with pytest.raises(TypeError):
        own.save(path)
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="cannot be written"):
        layer.save(tmp_path / "no such folder" / "layer.zip")
    with pytest.raises(OSError, match="cannot be written"):
        layer.save(tmp_path)


def test_the_file_is_a_zip_of_arrays_that_numpy_reads(tmp_path):
    layer = make(ss.SkipGram)
    layer.save(tmp_path / "layer.zip")
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        weights = np.load(io.BytesIO(archive.read("weights.npy")), allow_pickle=False)
    np.testing.assert_array_equal(weights, layer.weights)
