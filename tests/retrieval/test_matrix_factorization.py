"""What a matrix factorization learns, and what it answers."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.queries import UnknownIdError
from tests.retrieval.models import GROUPS, ITEMS_PER_USER, SMALL, bits, fitted, taste, tastes

STILL = ss.Adam(0.0, mode="row_counted")  # no row moves, so that no epoch is better than the first one
FEW = ([1, 1, 2, 2, 3], [10, 11, 10, 12, 12])


def few(**more):
    return ss.MatrixFactorization(**{"dim": 4, "epochs": 2, **more}).fit(*FEW)


def share_of_taste(ids):
    """Return which share of the items of each user, [120, k], are of its taste."""
    return (taste(ids) == np.arange(120)[:, np.newaxis] % GROUPS).mean()


@pytest.fixture(scope="module")
def model():
    return fitted(epochs=30, of_fit={"validation": 0.2})


def test_recommendations_and_similar_items_are_of_the_same_taste(model):
    ids, scores = model.recommend(range(120), k=4)
    assert ids.shape == scores.shape == (120, 4)
    assert share_of_taste(ids) > 0.85  # of the items that a user has not seen, 15 % are of its taste
    ids, cosines = model.similar_items([0, 20], k=6)
    assert (taste(ids) == [[0], [1]]).all()
    assert (np.diff(cosines) <= 0).all()
    assert not np.isin(ids, [0, 20]).any()


def test_scores_are_products_of_the_factors_and_seen_items_are_left_out(model):
    ids, scores = model.recommend(5, k=60)
    users, items = model.user_factors, model.item_factors
    rows = [model.item_ids.index(i) for i in ids.tolist()]
    np.testing.assert_allclose(scores, items[rows] @ users[5], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(users, axis=1), 1, atol=1e-6)
    seen = tastes().items_of(5)
    assert not set(ids.tolist()) & set(seen.tolist())
    assert ids.size == 60 - ITEMS_PER_USER
    everything, _ = model.recommend(5, k=60, exclude_seen=False)
    assert sorted(everything.tolist()) == model.item_ids


def test_one_user_and_several_get_the_same_answers(model):
    of_all, scores = model.recommend(model.user_ids, k=5)
    for user in (0, 17, 119):
        ids, of_one = model.recommend(user, k=5)
        np.testing.assert_array_equal(ids, of_all[user])
        np.testing.assert_allclose(of_one, scores[user], atol=1e-6)


def test_the_best_epoch_of_the_validation_split_is_kept(model):
    recalls = [report.recall for report in model.history]
    assert model.best_epoch == 1 + int(np.argmax(recalls))
    assert max(recalls) > 0.8
    scores = model.evaluate(model.validation, k=20)
    assert scores.recall == pytest.approx(max(recalls))
    assert scores.ndcg == pytest.approx(model.history[model.best_epoch - 1].ndcg)


def test_held_out_pairs_are_not_trained_on_and_come_from_the_seed():
    model = fitted(epochs=2, of_fit={"validation": 0.3})
    train, held_out = tastes().split(0.3, seed=SMALL["seed"])
    assert model.validation.items.tolist() == held_out.items.tolist()
    assert model.history[0].pairs == train.num_pairs
    given = fitted(epochs=2, of_fit={"validation": held_out})
    assert bits(given) == bits(model)


def test_training_stops_early_and_says_so_in_its_history():
    model = fitted(optimizer=STILL, patience=2, of_fit={"validation": 0.2})
    assert [report.epoch for report in model.history] == [1, 2, 3]
    assert model.best_epoch == 1
    assert model.is_finished


def test_loss_of_the_first_epoch_is_that_of_the_full_softmax_where_all_items_are_candidates():
    """With rates of 0 the factors stay as they were; the items of a user are no candidates of its other pairs."""
    model = fitted(optimizer=STILL, num_sampled=None, epochs=1, temperature=0.3)
    users, items = (factors.astype(np.float64) for factors in (model.user_factors, model.item_factors))
    losses = []
    for user in range(len(users)):
        own = tastes().items_of(user)
        e = np.exp(items @ users[user] / 0.3)
        losses += list(-np.log(e[own] / (e[own] + np.delete(e, own).sum())))
    assert model.history[0].loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_rates_fall_linearly_to_zero():
    reports = fitted(epochs=3, batch_size=60).history
    assert [report.user_learning_rate for report in reports] == pytest.approx([2e-2 * f / 6 for f in (5, 3, 1)])
    assert [report.item_learning_rate for report in reports] == pytest.approx([4e-3 * f / 6 for f in (5, 3, 1)])


@pytest.mark.compiled
def test_the_same_bits_for_any_number_of_threads():
    before = ss.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            ss.set_num_threads(threads)
            found.append(bits(fitted(dim=64, batch_size=120, num_sampled=60, epochs=2, of_fit={"validation": 0.2})))
    finally:
        ss.set_num_threads(before)
    assert found[0] == found[1] == found[2]
    assert found[0] != bits(fitted(dim=64, batch_size=120, num_sampled=60, epochs=2, seed=4))


def test_pairs_a_matrix_and_a_file_give_the_same_bits(tmp_path):
    data = tastes()
    users = np.repeat(np.arange(data.num_users), data.user_counts)
    order = np.random.default_rng(1).permutation(users.size)
    pairs = users[order], data.items[order]
    arrays = {"indptr": data.row_splits, "indices": data.items, "data": np.ones(data.num_pairs)}
    matrix = SimpleNamespace(**arrays, shape=(data.num_users, data.num_items), format="csr")
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i in zip(*pairs, strict=True)))
    given = [(np.append(pairs[0], pairs[0][:5]), np.append(pairs[1], pairs[1][:5])), (matrix,), (str(path),), (path,)]
    for arguments in given:
        model = ss.MatrixFactorization(**SMALL).fit(*arguments)
        assert bits(model) == bits(fitted())


def test_ids_are_those_that_were_given():
    model = ss.MatrixFactorization(dim=4, epochs=2).fit(["ann", "bob", "bob"], ["tea", "tea", "nuts"])
    assert model.user_ids == ["ann", "bob"]
    ids, _ = model.recommend("ann")
    assert ids.tolist() == ["nuts"]
    assert few().recommend(np.int64(1))[0].tolist() == [12]


def test_exponent_log_q_and_normalization_make_different_models():
    models = [{}, {"popularity_exponent": 1.0}, {"subtract_log_q": False}, {"normalize": False}]
    assert len({repr(bits(fitted(epochs=1, **settings))) for settings in models}) == len(models)


@pytest.mark.slow  # another distribution and other optimizers are compiled
def test_uniform_candidates_and_other_optimizers_learn_too():
    model = fitted(sampler="uniform", optimizer=(ss.Adagrad(0.1), ss.SGD(0.5)), epochs=60)
    ids, _ = model.recommend(range(120), k=4)
    assert share_of_taste(ids) > 0.85


def test_one_user_and_one_item():
    model = ss.MatrixFactorization(dim=4, epochs=2).fit(["ann"], ["tea"])
    assert model.recommend("ann")[0].tolist() == []
    assert model.recommend("ann", exclude_seen=False)[0].tolist() == ["tea"]
    assert model.similar_items("tea")[0].tolist() == []
    assert np.isfinite(model.user_factors).all()


def test_users_and_items_of_a_matrix_without_pairs():
    matrix = SimpleNamespace(indptr=[0, 2, 2, 4], indices=[0, 2, 0, 1], data=np.ones(4), shape=(3, 4), format="csr")
    model = ss.MatrixFactorization(dim=4, epochs=3).fit(matrix)
    assert not model.user_factors[1].any()
    assert not model.item_factors[3].any()
    assert model.recommend(0, k=4, exclude_seen=False)[0].tolist().count(3) == 0
    with pytest.raises(ValueError, match="the user 1 has no training pairs, so nothing is known of it"):
        model.recommend(1)
    with pytest.raises(ValueError, match="the item 3 has no training pairs"):
        model.similar_items(3)
    assert model.evaluate([0], [3], k=1).recall == 0  # it is ranked last


def test_equal_items_are_similar_and_the_item_itself_is_not_in_the_answer():
    model = few()
    for k in (1, 2):
        ids, _ = model.similar_items([10, 11, 12], k=k)
        assert ids.shape == (3, k)
        assert all(item not in row for item, row in zip([10, 11, 12], ids.tolist(), strict=True))


WRONG_SETTINGS = [
    ({"dim": 0}, "dim must be at least 1, got 0"),
    ({"num_sampled": 0}, "num_sampled must be at least 1"),
    ({"temperature": 0}, "temperature must be above 0"),
    ({"normalize": 1}, "normalize must be True or False"),
    ({"optimizer": "adam"}, "optimizer must be an ss.Optimizer"),
    ({"optimizer": (ss.SGD(0.1),)}, "one optimizer, or one of users and one of items, got 1"),
    ({"epochs": 2.0}, "epochs must be a whole number"),
    ({"batch_size": -1}, "batch_size must be at least 1"),
    ({"sampler": "popular"}, "did you mean 'popularity'"),
    ({"popularity_exponent": -1}, "popularity_exponent must be at least 0"),
    ({"subtract_log_q": None}, "subtract_log_q must be True or False"),
    ({"patience": 0}, "patience must be at least 1"),
    ({"seed": None}, "seed must be a whole number"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG_SETTINGS, ids=[next(iter(s)) for s, _ in WRONG_SETTINGS])
def test_wrong_settings_are_refused_in_one_line(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ss.MatrixFactorization(**settings)


WRONG_DATA = [
    ((), {}, "users is missing"),
    (([], []), {}, "users and items are empty"),
    (([1, 2], [1]), {}, "same length"),
    (([1, 2],), {}, "items is missing"),
    ((None, [1]), {}, "users is missing"),
    (([1, 1], [1, 3], [1.0, np.nan]), {}, r"ratings\[1\] = nan"),
    (([1, 1], [1, 3], [1.0, 2.0]), {"min_rating": 9}, "min_rating=9 leaves no pair"),
    (([1, 1], [1, 3]), {"min_rating": 9}, "needs ratings"),
    (("no such file.csv",), {}, "no such file.csv"),
    (([1, 2], [1, 3]), {"validation": 0.1}, "validation=0.1 holds out nothing, since no user has two items"),
    (([1, 1], [1, 3]), {"validation": 1.5}, "validation must be below 1"),
    (([1, 1], [1, 3]), {"validation": "some"}, "validation must be a number"),
    (([1, 1], [1, 3]), {"validation": Interactions.from_pairs([7], [1])}, "validation has no pair of a user"),
    (([1, 1], [1, 3]), {"validation": Interactions.from_pairs([1, 1], [1, 3])}, "none are left to train on"),
    (([1, 1], [1, 3]), {"on_epoch": 3}, "on_epoch must be callable"),
    (([1, 1], [1, 3]), {"checkpoint": "no such folder/model.zip"}, "there is no directory no such folder"),
    (([1, 1], [1, 3]), {"checkpoint": "."}, "checkpoint . is a directory"),
    (([1, 1], [1, 3]), {"checkpoint_seconds": -1}, "checkpoint_seconds must be at least 0"),
    (([1, 1], [1, 3]), {"show_progress": "no"}, "show_progress must be True or False"),
    (([1, 1], [1, 3]), {"resume": True}, "there are no factors yet"),
]


@pytest.mark.parametrize(("data", "more", "message"), WRONG_DATA, ids=[m[:20] for _, _, m in WRONG_DATA])
def test_wrong_data_is_refused_in_one_line_and_nothing_is_lost(data, more, message):
    model = ss.MatrixFactorization(dim=4, epochs=1)
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        model.fit(*data, **more)
    assert not model.is_fitted
    model.fit(*FEW)


def test_more_candidates_than_items_are_refused_and_by_default_all_items_are_taken(capsys):
    with pytest.raises(ValueError, match="num_sampled = 9 is more than the 3 items with interactions"):
        ss.MatrixFactorization(num_sampled=9).fit(*FEW)
    ss.MatrixFactorization(dim=4, epochs=1).fit(*FEW, show_progress=True)
    assert "5 pairs of 3 users and 3 items; all 3 items are candidates\nepoch 1/1: loss" in capsys.readouterr().err


def test_a_model_is_fitted_once():
    model = few()
    before = bits(model)
    with pytest.raises(ValueError, match="this model is fitted, and a second fit would discard that: make a new one"):
        model.fit(*FEW)
    assert bits(model) == before


QUESTIONS = [
    ("recommend", (9,), UnknownIdError, "the user 9 is not in the data of the model: fit a model to data that has it"),
    ("recommend", ("1",), UnknownIdError, "whose ids are of type int: write 1"),
    ("recommend", ([1, 9],), UnknownIdError, "the user 9"),
    ("recommend", (1.0,), UnknownIdError, r"the user 1\.0 is .* whose ids are of type int: write 1$"),
    ("recommend", (np.array([2.0]),), UnknownIdError, "whose ids are of type int: write 2$"),
    ("recommend", (float("inf"),), UnknownIdError, "whose ids are of type int: write one, or a list"),
    ("recommend", (True,), UnknownIdError, "the user True .* whose ids are of type int: write one, or a list of them"),
    ("recommend", (None,), UnknownIdError, "the user None .* whose ids are of type int: write one, or a list of them"),
    ("recommend", ([[1, 2]],), UnknownIdError, r"the user \[1, 2\] .*: write one, or a list of them"),
    ("recommend", ([1, 2], 2), ValueError, "the user 1 has 1 that can be recommended: lower k"),
    ("recommend", (1, 0), ValueError, "k must be at least 1"),
    ("recommend", (1, 2, 3), TypeError, "exclude_seen must be True or False"),
    ("similar_items", (99,), UnknownIdError, "the item 99 is not in the data of the model"),
    ("similar_items", ([10, 11], 3), ValueError, "k must be at most 2"),
    ("evaluate", ([1], [10]), ValueError, "1 of 1 test pairs were trained on"),
    ("evaluate", ([7], [10]), ValueError, "none of the 1 test pairs has a user and an item of the data"),
    ("evaluate", ([1, 1], [12, 99]), ValueError, "write unknown='leave_out' to evaluate the others"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "message"), QUESTIONS, ids=[m[3][:25] for m in QUESTIONS])
def test_questions_without_an_answer_are_refused_in_one_line(name, arguments, error, message):
    model = few()
    with pytest.raises(error, match=message) as raised:
        getattr(model, name)(*arguments)
    assert "\n" not in str(raised.value)


def test_unknown_ids_of_a_similar_spelling_are_named():
    model = ss.MatrixFactorization(dim=4, epochs=1).fit(["anna", "bob"], ["tea", "nuts"])
    with pytest.raises(UnknownIdError, match="near it: 'anna'"):
        model.recommend("annna")
    with pytest.raises(UnknownIdError, match="the item 'coffee' is not in the data"):
        model.similar_items("coffee")


def test_pairs_that_are_not_known_can_be_left_out_of_an_evaluation():
    scores = few().evaluate([1, 1], [12, 99], unknown="leave_out", k=1)
    assert (scores.recall, scores.num_users) == (1.0, 1)


@pytest.mark.parametrize("question", [lambda m: m.recommend(1), lambda m: m.user_factors, lambda m: m.history])
def test_a_model_that_is_not_fitted_says_so(question):
    with pytest.raises(ValueError, match="there are no factors yet: call fit"):
        question(ss.MatrixFactorization())


def test_settings_are_attributes_that_cannot_be_assigned():
    model = few()
    assert (model.dim, model.epochs, model.seed) == (4, 2, 1)
    with pytest.raises(AttributeError, match="dim of a MatrixFactorization cannot be assigned"):
        model.dim = 3
    with pytest.raises(AttributeError, match="no attribute 'dims'"):
        _ = model.dims
    with pytest.raises(ValueError, match="read-only"):
        model.user_factors[0] = 0


def test_optimizers_that_are_given_are_not_changed():
    optimizer = ss.Adam(0.01, mode="row_counted")
    fitted(optimizer=optimizer, epochs=2)
    assert optimizer.learning_rate == 0.01


def test_copies_answer_alike():
    model = few()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert bits(other) == bits(model)
        assert other.recommend(1)[0].tolist() == model.recommend(1)[0].tolist()
