"""What does not fit is refused by one line, before a process is started or a table is changed."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.layers.layer_settings import checked_settings
from sampledsoftmax.sharding.layers import checked_run, seed_of, with_move
from sampledsoftmax.types import Similarity
from tests.sharding.cases import BATCH_SIZE, SIZES, ShardedOutput, ShardedPairs, ids_of, in_process, inputs_of

GOOD = {
    "num_shards": 2,
    "parts": 1,
    "num_workers": 0,
    "folder": None,
    "overwrite": False,
    "checkpoint_steps": 10,
}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_shards": 0}, r"num_shards must be .*at least 1, got 0"),
        ({"num_shards": 61}, r"num_shards must be at most num_classes = 60, a row for each, got 61"),
        ({"parts": 0}, r"parts must be .*at least 1, got 0"),
        ({"parts": 2, "num_workers": 3}, r"num_workers must be at most parts = 2: .*, got 3"),
        ({"num_workers": 1}, r"num_workers = 1 needs parts of at least 2: write parts="),
        ({"overwrite": True}, r"overwrite=True needs folder="),
        ({"checkpoint_steps": 0}, r"checkpoint_steps must be .*at least 1, got 0"),
    ],
)
def test_arguments_of_a_run(given, message):
    with pytest.raises(ValueError, match=message):
        checked_run(60, **(GOOD | given))


@pytest.mark.parametrize(
    ("move", "parts", "options", "message"),
    [
        ("columns", 1, {}, r"move must be one of 'rows', 'inputs', 'auto', got 'columns'"),
        ("inputs", 2, {}, r"move='inputs' needs parts=1: .*, got parts=2"),
        ("inputs", 1, {"objective": "nce"}, r"move='inputs' needs objective='sampled_softmax' and normalize=False"),
        ("inputs", 1, {"normalize": True}, r"move='inputs' needs objective='sampled_softmax' and normalize=False"),
    ],
)
def test_what_moves(move, parts, options, message):
    similarity = Similarity(1.0, options.get("normalize", False))
    objective = options.get("objective", "sampled_softmax")
    layer = checked_settings(*SIZES, None, "uniform", None, None, np.float32, 1, objective, similarity)
    with pytest.raises(ValueError, match=message):
        with_move(checked_run(60, **(GOOD | {"parts": parts})), move, layer)


def test_a_seed_of_none_is_a_new_one():
    assert seed_of(None) != seed_of(None)
    assert seed_of(3) == seed_of(3)


def test_examples_that_do_not_fit_are_refused():
    layer, model = in_process(ShardedOutput), in_process(ShardedPairs)
    before = np.asarray(layer.weights)
    for call, message in (
        (lambda: layer.step(inputs_of(1), [60] * BATCH_SIZE), r"labels\[0, 0\] = 60 is not a class id"),
        (lambda: layer.step(inputs_of(1)[:, :3], ids_of(1, BATCH_SIZE)), r"dim = 3 as in inputs"),
        (lambda: layer.top_k(inputs_of(1), 61), r"k must be .*, got 61"),
        (lambda: model.step([1, 2], [3]), r"labels has 1 rows and inputs has 2: they must be equal"),
        (lambda: model.steps([1], [3], 0), r"batch_size must be .*at least 1, got 0"),
        (layer.checkpoint, r"folder must be given where the layer is made, for checkpoints"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"labels must be an array: sharded layers do not take ss.RaggedLabels"):
        model.step([1], ss.RaggedLabels([2, 3], [0, 2]))
    np.testing.assert_array_equal(np.asarray(layer.weights), before)
    assert layer.steps_taken == 0


def test_a_bar_shows_the_progress(capsys):
    model = in_process(ShardedPairs)
    model.steps(ids_of(1, 18), ids_of(2, 18), 9, progress=True)
    assert "18.0" in capsys.readouterr().err


def test_an_empty_batch_takes_its_place():
    layer, sharded = ss.SampledSoftmax(*SIZES, seed=3), in_process(ShardedOutput)
    for one in (layer, sharded):
        loss, gradient = one.step(np.zeros((0, SIZES[1]), np.float32), np.zeros(0, np.int64))
        assert (loss, gradient.shape) == (0.0, (0, SIZES[1]))
    assert sharded.sampler.state == layer.sampler.state
    assert sharded.full_loss(np.zeros((0, SIZES[1]), np.float32), np.zeros(0, np.int64)).shape == (0,)
