"""What odd calls found: fields that do not fit, numbers that NumPy wraps, settings that tables rely on."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import diagnostics

GOOD = {"values": np.ones((2, 3)), "indices": np.array([1, 4]), "dense_shape": (5, 3)}


@pytest.mark.parametrize("name", ["coalesce", "to_dense"])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"indices": np.array([1, -1])}, r"indices\[1\] = -1"),
        ({"indices": np.array([1, 5])}, r"indices\[1\] = 5"),
        ({"indices": np.array([1.0, 2.0])}, "indices must hold integer ids"),
        ({"values": np.ones((2, 4))}, r"values must have shape \[2, 3\]"),
        ({"values": np.ones((2, 3), int)}, "values must be float32"),
        ({"dense_shape": (5.5, 3)}, "dense_shape must be a shape"),
        ({"dense_shape": ()}, "dense_shape must be that of a table"),
        ({"dense_shape": None}, "dense_shape must be a shape"),
    ],
)
def test_a_gradient_whose_fields_do_not_fit_is_refused(name, changed, message):
    with pytest.raises((TypeError, ValueError), match=message):
        getattr(ss.IndexedSlices(**GOOD | changed), name)()


def test_duplicates_in_half_precision_are_summed_in_float32():
    rows = np.full((3, 1), 0.1, np.float16)
    summed = ss.IndexedSlices(rows, np.array([1, 1, 1]), (2, 1)).coalesce().values
    assert summed.dtype == np.float16
    assert summed[0, 0] == np.float16(np.float32(rows[0, 0]) * 3)


@pytest.mark.parametrize("shape", [(20.5, 4), ("20", "4"), (np.inf, 4)])
def test_an_update_takes_no_shape_that_must_be_rounded(shape):
    table, optimizer = np.zeros((20, 4)), ss.SGD(0.1)
    with pytest.raises(TypeError, match=r"gradient\.dense_shape must be a shape"):
        optimizer.update(table, {}, ss.IndexedSlices(np.ones((1, 4)), np.array([1]), shape))
    assert not table.any()


@pytest.mark.parametrize("modes", [("lazy", "exact"), ("exact", "lazy"), ("lazy", "row_counted")])
def test_the_mode_of_an_adam_is_that_of_its_slots(modes):
    layer = ss.SampledSoftmax(20, 4, 5, ss.Adam(0.1, mode=modes[0]), seed=1)
    with pytest.raises(AttributeError, match="mode of an Adam cannot be changed"):
        layer.optimizer.mode = modes[1]
    layer.optimizer.mode = modes[0]
    assert np.isfinite(layer.step(np.ones((1, 4), np.float32), [3])[0])


@pytest.mark.parametrize("name", ["num_rows", "dim", "dtype", "optimizer"])
def test_what_a_table_of_embeddings_was_made_with_stays(name):
    table = ss.EmbeddingTable(20, 4, ss.SGD(0.5), seed=1)
    with pytest.raises(AttributeError, match=f"{name} of an EmbeddingTable cannot be assigned: "):
        setattr(table, name, ss.SGD(0.0))
    before = table.pull([1])
    table.push([1], np.ones((1, 4), np.float32))
    np.testing.assert_allclose(table.pull([1]), before - 0.5)


@pytest.mark.parametrize("options", [{}, {"sample_weight": np.ones(3)}, {"ignore_index": -1}])
def test_examples_without_any_label_are_refused_before_candidates_are_drawn(options):
    model, labels = ss.SkipGram(20, 4, 5, seed=1), np.zeros((3, 0), int)
    state = model.output.sampler.state
    for call in (model.step, lambda *pairs, **more: model.steps(*pairs, 2, **more)):
        with pytest.raises(ValueError, match="labels must hold at least one label for each example"):
            call([0, 1, 2], labels, **options)
    for call in (model.output.step, model.output.full_loss):
        with pytest.raises(ValueError, match="labels must hold at least one label for each example"):
            call(np.ones((3, 4), np.float32), labels, **options)
    assert model.output.sampler.state == state


def test_a_distortion_that_float32_does_not_hold_is_refused():
    with pytest.raises(ValueError, match="distortion must be finite as float32"):
        ss.FixedUnigramSampler([3.0, 2.0], distortion=1e39)


@pytest.mark.parametrize(("path", "kind"), [("a" * 1000, ValueError), ("\n", FileNotFoundError), (3, TypeError)])
def test_a_layer_is_loaded_by_a_path_that_messages_can_hold(path, kind):
    with pytest.raises(kind) as error:
        ss.SampledSoftmax.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_a_stream_does_not_leave_its_blocks():
    sampler = ss.UniformSampler(20, seed=1)
    with pytest.raises(ValueError, match=r"has 2\*\*64 blocks"):
        sampler.advance(2**62, 2**62)
    with pytest.raises(ValueError, match="num_calls must be at least 0"):
        sampler.advance(-1, 3)
    assert sampler.state["block"] == 0


def test_ranges_near_the_largest_int_are_not_empty():
    """`np.arange` returns no ids for them."""
    with pytest.raises(MemoryError, match="ids do not fit in memory"):
        diagnostics.zipf_counts(2**63 - 1)
    with pytest.raises(MemoryError, match="ids do not fit in memory"):
        ss.AllSampler(3).draw(np.random.default_rng(1), 2**63 - 1)


def test_losses_that_overflow_by_their_weight_are_infinite_without_a_warning():
    weights, inputs = np.ones((6, 4), np.float32), np.full((2, 4), 10, np.float32)
    huge = np.array([1.0, 3e38], np.float32)
    for loss in (ss.sampled_softmax_loss, ss.nce_loss):
        assert np.isinf(loss(weights, None, [[1], [2]], inputs, 3, 6, seed=1, sample_weight=huge)[1])
    assert np.isinf(ss.full_softmax_loss(weights, None, [[1], [2]], inputs, sample_weight=huge)[1])
