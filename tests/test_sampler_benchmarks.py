"""The comparison of proposals and of samplers in the benchmarks, on a tiny model."""

import json

import numpy as np
import pytest

import sampledsoftmax as ss
from benchmarks.samplers import codes, distances, models, proposals, quality, report
from benchmarks.samplers.adaptive import SharedIndexSampler

NUM_CLASSES, NUM_EXAMPLES = 150, 8


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((NUM_CLASSES, 5)).astype(np.float32)
    inputs = np.column_stack([rng.standard_normal((NUM_EXAMPLES, 4)), np.ones(NUM_EXAMPLES)]).astype(np.float32)
    labels = rng.integers(NUM_CLASSES, size=NUM_EXAMPLES)
    removed = [np.array([label, (label + 1) % NUM_CLASSES]) for label in labels]
    counts = np.append(100.0 / np.arange(1, NUM_CLASSES), 0)
    return models.TrainedModel("tiny", rows, inputs, labels, removed, counts)


@pytest.mark.parametrize("name", proposals.PROPOSALS)
def test_every_setting_of_a_proposal_is_a_distribution(model, name):
    found = proposals.PROPOSALS[name]
    assert 1 <= len(found.settings) <= 12
    for setting in (found.settings[0], found.settings[-1]):
        q = proposals.distribution(model, name, setting)
        assert q.shape == ((NUM_EXAMPLES, NUM_CLASSES) if found.is_adaptive else (NUM_CLASSES,))
        assert (q > 0).all()
        np.testing.assert_allclose(q.sum(axis=-1), 1, rtol=1e-5)
        if found.is_adaptive:
            np.testing.assert_allclose(proposals.shared(q, 4)[5], q[4:8].mean(axis=0), rtol=1e-6)


def test_the_index_with_a_code_for_each_class_is_the_softmax(model):
    """Then each center is a row, and nothing is rounded."""

    def kind(rows, num_codes, seed):
        del num_codes, seed
        ids = np.arange(len(rows))
        return codes.Codes(ids, np.zeros(len(rows), int), rows, np.zeros((1, rows.shape[1])))

    masses = proposals.inverted_multi_index(model, kind, 0, "bias")
    expected = proposals.ideal(model)
    np.testing.assert_allclose(masses / masses.sum(axis=1, keepdims=True), expected, rtol=1e-4)


@pytest.mark.parametrize("kind", [codes.product_codes, codes.residual_codes])
def test_codes_come_nearer_to_the_rows_with_more_centers(model, kind):
    rows = model.rows[:, :-1]
    errors = []
    for num_codes in (1, 8, 64):
        found = kind(rows, num_codes, 1)
        errors.append(((rows - found.first_centers[found.first] - found.second_centers[found.second]) ** 2).sum())
    assert errors[0] > errors[1] > errors[2]


def test_removed_classes_have_no_share(model):
    p = distances.others(model)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert all((p[i, removed] == 0).all() for i, removed in enumerate(model.removed))


def test_proposals_are_compared_on_examples_that_chose_no_setting(model, monkeypatch, capsys):
    chosen = ("uniform", "counts^power", "MIDX, residual codes", "softmax itself")
    monkeypatch.setattr(distances, "PROPOSALS", {name: proposals.PROPOSALS[name] for name in chosen})
    for name, size in (("BATCH_SIZES", (1, 4)), ("GRADIENT_EXAMPLES", 2), ("GRADIENT_SAMPLES", 20)):
        monkeypatch.setattr(distances, name, size)
    results = distances.compare(model)
    capsys.readouterr()
    assert [(r["proposal"], r["inputs_per_sample"]) for r in results] == [
        ("uniform", "any"), ("counts^power", "any"), ("MIDX, residual codes", 1), ("MIDX, residual codes", 4),
        ("softmax itself", 1), ("softmax itself", 4),
    ]  # fmt: skip
    p = distances.others(model)[NUM_EXAMPLES // 2 :].astype(float)
    assert results[0]["worth"] == pytest.approx((1 / (NUM_CLASSES * (p**2).sum(axis=1))).mean(), abs=1e-4)
    best = results[-2]["worth"]
    assert all(result["worth"] <= best for result in results)
    assert distances.raises(results, 1)["tiny"] == results[2]["worth"] / results[1]["worth"]
    assert len(distances.rows_of(results)[0]) == len(distances.HEAD)


def test_pairs_are_runs_of_consecutive_words_and_a_neighbor():
    lines = [np.arange(k * 1000, k * 1000 + 90) for k in range(3)]
    inputs, labels = models.pairs_of(lines, 64, seed=1)
    assert (np.diff(inputs[:32]) == 1).all()
    assert set(np.abs(labels - inputs)) <= set(range(1, models.WINDOW + 1))
    contexts, words = models.contexts_of(lines)
    assert (contexts[0] == [0, 1, 2, 3]).all()
    assert words[0] == 4
    assert words.size == 3 * 86


def test_the_language_model_learns():
    rng = np.random.default_rng(1)
    line = np.cumsum(rng.integers(1, 3, 3000)) % 20
    text = models.Text([str(i) for i in range(20)], np.bincount(line), [line], [line])
    layer = ss.SampledSoftmax(20, models.DIM, 5, ss.Adagrad(0.2), seed=1)
    model = models.LanguageModel(20, layer, 0.1, 1)
    contexts, labels = models.contexts_of([line])
    before = layer.full_loss(model.encode(contexts), labels).mean()
    assert models.train_language_model(model, text, 20, 1) == 20 * (labels.size // models.BATCH_SIZE)
    assert layer.full_loss(model.encode(contexts), labels).mean() < before - 0.5


def test_adaptive_samplers_are_shown_the_batches_of_a_factorization(monkeypatch):
    shown = []
    observe = SharedIndexSampler.observe
    monkeypatch.setattr(SharedIndexSampler, "observe", lambda *given: (shown.append(given[1:]), observe(*given)))
    monkeypatch.setitem(
        quality.SAMPLERS, "shared MIDX", lambda counts, size, seed: SharedIndexSampler(counts, 4, 0.2, seed=seed)
    )
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 20, 300), rng.integers(0, 60, 300)
    with quality.candidates_of("shared MIDX", 16):
        ss.MatrixFactorization(dim=4, num_sampled=16, epochs=1, temperature=0.5).fit(users, items)
    inputs, weights, biases = shown[-1]
    assert biases is None
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 2, rtol=1e-5)  # cosines / temperature
    np.testing.assert_allclose(np.linalg.norm(weights[np.abs(weights).sum(axis=1) > 0], axis=1), 1, rtol=1e-5)


def test_the_parts_of_a_mixture_have_different_streams_at_each_position():
    train = ss.Interactions.from_pairs([0, 1, 2] * 20, np.arange(60))
    with quality.candidates_of("counts + uniform", 16):
        sampler = quality.run.candidate_sampler(None, train)
        drawn = []
        for stream in (1, 1, 2):
            sampler.state = {"seed": 5, "seed2": stream, "block": 0}
            assert [part.sampler.state["seed"] for part in sampler.parts] == [5, 6]
            drawn.append(sampler.sample([0], 16).sampled_candidates)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_rates_are_chosen_by_sampler_and_rows_show_the_runs_after_the_search():
    common = {"steps_per_second": 1.0, "peak_mb": 5, "length": 10, "seconds": None}
    searched = [
        {"data": "language", "sampler": "uniform", "rate": rate, "loss": loss, "validation": True, **common}
        for rate, loss in ((0.1, 3.0), (0.2, 2.0), (0.4, 4.0))
    ]
    assert quality.best_rates(searched) == {("language", "uniform"): 0.2}
    final = [{**searched[1], "validation": False, "loss": loss} for loss in (2.0, 3.0)]
    rows = quality.rows_of([*searched, *final])
    assert rows == [["language", "uniform", "10 steps", "2", "2.5000 ± 0.7071", "", "", "", "1", "5", "0.2"]]


def test_tables_of_words_are_in_the_order_of_the_text():
    rng = np.random.default_rng(0)
    line = rng.choice(4, 400, p=[0.4, 0.3, 0.2, 0.1])
    text = models.Text(["a", "b", "c", "d"], np.bincount(line), [line], [line])
    tables, seconds = models.train_words(text, 1, epochs=9, min_count=1, num_sampled=2, sample=0)
    assert seconds > 0
    assert tables.weights.shape == (4, models.DIM)
    assert tables.biases.argmax() == 0  # the most frequent word is predicted most often


def test_the_page_shows_the_results():
    text = (report.DOCS / "choosing.md").read_text(encoding="utf-8")
    sections = json.loads((report.DOCS / "samplers.json").read_text())
    assert report.page(text, sections) == text, "run python -m benchmarks samplers-report"
    results = sections[distances.SECTION]["results"]
    shared = distances.raises(results, 32)
    assert max(shared.values()) < 1.5, "the page says that no shared proposal is worth half as much again as the counts"
