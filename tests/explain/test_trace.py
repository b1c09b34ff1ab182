"""The numbers of a trace equal those of the public functions."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.explanation.example import explain_example, worked_example
from tests.cases import make_case
from tests.explain.cases import SIZES, big, explained, odd

SWITCHES = [(True, True), (True, False), (False, True), (False, False)]


def everything(trace):
    """Return the arrays of a trace by name."""
    summed = [part for part in trace.summed if part is not None]
    return {
        "raw": trace.raw_logits, "logits": trace.logits, "loss": trace.loss, "probabilities": trace.probabilities,
        "logit_gradients": trace.logit_gradients, "inputs": trace.gradients.inputs,
        "rows": trace.gradients.weights.values, "entries": trace.gradients.biases.values,
        "summed": np.concatenate([part.values.ravel() for part in summed]),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
def test_compiled_numbers_are_those_of_the_public_functions_to_the_bit(sizes, dtype):
    case = make_case(*sizes, dtype=dtype, seed=3)
    for subtract, remove in SWITCHES:
        options = {"sampled_values": case.values, "subtract_log_q": subtract, "remove_accidental_hits": remove}
        trace = ss.explain(*case.arguments, **options)
        raw, _ = ss.compute_sampled_logits(*case.arguments, case.values, False, False)
        logits, _ = ss.compute_sampled_logits(*case.arguments, **options)
        loss, gradients = ss.sampled_softmax_loss_and_grad(*case.arguments, **options)
        np.testing.assert_array_equal(trace.raw_logits, raw)
        np.testing.assert_array_equal(trace.logits, logits)
        np.testing.assert_array_equal(trace.loss, loss)
        np.testing.assert_array_equal(trace.gradients.inputs, gradients.inputs)
        for mine, theirs in zip(trace.gradients[:2], gradients[:2], strict=True):
            np.testing.assert_array_equal(mine.values, theirs.values)
            np.testing.assert_array_equal(mine.indices, theirs.indices)
        np.testing.assert_array_equal(trace.summed.weights.values, gradients.weights.coalesce().values)
        np.testing.assert_array_equal(trace.summed.biases.values, gradients.biases.coalesce().values)


@pytest.mark.parametrize("sizes", SIZES)
def test_both_paths_agree(sizes):
    for subtract, remove in SWITCHES:
        options = {"subtract_log_q": subtract, "remove_accidental_hits": remove}
        (_, reference), (_, compiled) = (explained(sizes, path=path, **options) for path in ("reference", "compiled"))
        for name, array in everything(compiled).items():
            np.testing.assert_allclose(everything(reference)[name], array, rtol=1e-11, atol=1e-12, err_msg=name)
        for mine, theirs in ((reference.gradients, compiled.gradients), (reference.summed, compiled.summed)):
            np.testing.assert_array_equal(mine.weights.indices, theirs.weights.indices)


@pytest.mark.parametrize("num_sampled", [1, 4, 11, 12])
def test_both_paths_draw_the_same_candidates(num_sampled):
    compiled, reference = (explain_example(num_sampled, seed=5, path=path) for path in ("compiled", "reference"))
    np.testing.assert_array_equal(compiled.values.sampled_candidates, reference.values.sampled_candidates)
    for mine, theirs in zip(compiled.values[1:], reference.values[1:], strict=True):
        assert mine.dtype == theirs.dtype == np.float32
        np.testing.assert_array_max_ulp(mine, theirs, 4)
    drawn = ss.log_uniform_candidate_sampler(worked_example().labels, 1, num_sampled, True, 12, seed=5)
    for mine, theirs in zip(compiled.values, drawn, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_seeds_are_stored_as_plain_numbers():
    assert repr(explain_example(seed=np.int64(5), path="reference").settings.seed) == "5"
    assert repr(explain_example(seed=[np.int64(5), 6], path="reference").settings.seed) == "(5, 6)"


def test_without_a_seed_a_random_one_is_drawn_and_stored():
    first, second = (explain_example(9, seed=None, path="reference") for _ in range(2))
    assert first.settings.seed != second.settings.seed
    again = explain_example(9, seed=first.settings.seed, path="compiled")
    np.testing.assert_array_equal(first.values.sampled_candidates, again.values.sampled_candidates)
    drawn = ss.log_uniform_candidate_sampler(first.labels, 1, 9, True, 12, seed=first.settings.seed)
    np.testing.assert_array_equal(first.values.sampled_candidates, drawn.sampled_candidates)


@pytest.mark.parametrize("sizes", SIZES)
def test_rows_hits_and_probabilities_against_loops(sizes):
    case, trace = explained(sizes)
    candidates = case.values.sampled_candidates
    for read, ids in ((trace.label_rows, case.labels.ravel()), (trace.candidate_rows, candidates)):
        assert read.ids.tolist() == ids.tolist()
        for i, class_id in enumerate(ids):
            assert read.weights[i].tolist() == case.weights[class_id].tolist()
            assert read.biases[i] == case.biases[class_id]
    hits = [[b, s] for b in range(len(case.labels)) for s in range(candidates.size) if candidates[s] in case.labels[b]]
    assert trace.hits.tolist() == hits
    assert np.isneginf(trace.logits).sum() == len(hits)
    np.testing.assert_allclose(trace.probabilities.sum(axis=1), 1.0)
    of_labels = trace.probabilities[:, : case.num_true]
    np.testing.assert_allclose(-np.log(of_labels).mean(axis=1), trace.loss, rtol=1e-12)
    targets = ss.compute_sampled_logits(*case.arguments, case.values)[1]
    np.testing.assert_allclose(trace.logit_gradients, trace.probabilities - targets, atol=1e-15)
    entries = trace.gradients.biases.values
    np.testing.assert_allclose(entries[: case.labels.size], trace.logit_gradients[:, : case.num_true].ravel())
    np.testing.assert_allclose(entries[case.labels.size :], trace.logit_gradients[:, case.num_true :].sum(axis=0))


@pytest.mark.parametrize("sizes", SIZES)
def test_cost_is_counted(sizes):
    case, trace = explained(sizes)
    named = [*case.labels.ravel().tolist(), *case.values.sampled_candidates.tolist()]
    weights, biases = trace.cost
    assert weights == ("weights", sizes[0], 8 * sizes[1], len(named), len(set(named)), len(set(named)))
    assert biases == ("biases", sizes[0], 8, len(named), len(set(named)), len(set(named)))
    assert weights.num_rows * weights.row_bytes == case.weights.nbytes


@pytest.mark.parametrize("sizes", SIZES)
def test_unread_rows_keep_their_bits(sizes):
    _, trace = explained(sizes)
    unread = set(range(sizes[0])) - set(trace.gradients.weights.indices.tolist())
    assert not unread & set(trace.changed_rows.tolist())
    moved = trace.summed.weights.indices[np.abs(trace.summed.weights.values).max(axis=1) > 1e-12]
    assert trace.changed_rows.tolist() == moved.tolist()
    assert trace.unread_rows.ids.tolist() == (sorted(unread) if sizes[0] <= 24 else [])


def test_the_worked_example_has_a_duplicate_label_a_hit_and_unread_rows():
    trace = explain_example(path="compiled")
    assert len(np.unique(trace.labels)) < trace.labels.size
    assert trace.hits.tolist() == [[0, 1], [2, 1]]
    assert trace.name(trace.values.sampled_candidates[1]) == "0 the"
    assert trace.unread_rows.ids.size == 5
    assert trace.cost[2][:5] == ("embeddings", 12, 16, 5, 4)
    assert all(count.max() <= 1 for alternative in (trace, *trace.alternatives) for count in alternative.values[1:])


def test_input_ids_sum_the_gradients_of_equal_rows():
    trace = explain_example(path="compiled")
    assert trace.summed.embeddings.indices.tolist() == [2, 3, 4, 8]
    np.testing.assert_array_equal(
        trace.summed.embeddings.values[0], trace.gradients.inputs[0] + trace.gradients.inputs[1]
    )
    assert trace.summed.embeddings.dense_shape == (12, 4)


def test_candidates_drawn_twice():
    case = make_case(6, 3, 4, 20, dtype=np.float64, unique=False)
    for copies in ("all", "last"):
        trace = ss.explain(*case.arguments, sampled_values=case.values, hit_copies=copies)
        examples, positions, _ = ss.compute_accidental_hits(case.labels, case.values[0], 1, copies=copies)
        assert trace.hits.tolist() == sorted(map(list, zip(examples.tolist(), positions.tolist(), strict=True)))
        logits, _ = ss.compute_sampled_logits(
            *case.arguments, case.values, remove_accidental_hits=True, hit_copies=copies
        )
        np.testing.assert_array_equal(trace.logits, logits)
        assert np.isneginf(logits).sum() == len(trace.hits)
    assert len(ss.explain(*case.arguments, sampled_values=case.values).hits) > len(trace.hits)


def test_alternatives_equal_explain_with_other_settings():
    trace = explain_example(path="compiled")
    settings = [other.settings for other in trace.alternatives]
    wanted = {(n, *switches) for n in (2, 4, 8) for switches in SWITCHES} - {(4, True, True)}
    assert {(s.num_sampled, s.subtract_log_q, s.remove_accidental_hits) for s in settings} == wanted
    assert len(settings) == len(wanted)
    for other in trace.alternatives:
        s = other.settings
        alone = explain_example(
            s.num_sampled, subtract_log_q=s.subtract_log_q, remove_accidental_hits=s.remove_accidental_hits
        )
        assert alone.settings == s
        for name, array in everything(alone).items():
            np.testing.assert_array_equal(everything(other)[name], array, err_msg=name)
        assert other.alternatives == ()


def test_num_sampled_of_the_alternatives():
    assert {other.settings.num_sampled for other in explain_example(12).alternatives} == {6, 12}
    chosen = explain_example(3, also_num_sampled=[1, 3, 5, 5])
    assert {other.settings.num_sampled for other in chosen.alternatives} == {1, 3, 5}
    _, given = explained(SIZES[0])
    assert [other.settings.num_sampled for other in given.alternatives] == [4, 4, 4]
    case = make_case(3000, 64, 600, 600)
    assert ss.explain(*case.arguments, seed=1).alternatives == ()


def test_counts_of_zero_have_no_log():
    case, _ = explained(SIZES[0])
    values = case.values._replace(sampled_expected_count=np.zeros(4, np.float32))
    trace = ss.explain(*case.arguments, sampled_values=values, subtract_log_q=False, path="reference")
    assert not any(other.settings.subtract_log_q for other in trace.alternatives)
    assert len(trace.alternatives) == 1
    assert "-inf" in trace.to_html()


def test_no_biases_two_labels_and_half_precision():
    trace = odd("compiled")
    assert trace.gradients.biases is None
    assert trace.summed.biases is None
    assert [cost.name for cost in trace.cost] == ["weights", "embeddings"]
    assert not trace.label_rows.biases.any()
    assert trace.hits.tolist() == sorted(trace.hits.tolist())
    case = make_case(12, 4, 5, 4)
    halves = [array.astype(np.float16) for array in (case.weights, case.biases)]
    for path in ("compiled", "reference"):
        small = ss.explain(*halves, *case.arguments[2:], sampled_values=case.values, path=path)
        wide = ss.explain(
            *(half.astype(np.float32) for half in halves), *case.arguments[2:], sampled_values=case.values
        )
        np.testing.assert_allclose(small.logits, wide.logits, rtol=1e-5)
        assert small.cost[0].row_bytes == 8
        assert set(small.changed_rows.tolist()) <= set(small.summed.weights.indices.tolist())


def test_tables_of_bfloat16_and_in_column_major_order():
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    case = make_case(12, 4, 5, 4)
    expected = ss.explain(*case.arguments, sampled_values=case.values)
    other = ss.explain(np.asfortranarray(case.weights), *case.arguments[1:], sampled_values=case.values)
    # The terms of a logit are added in another order if a row is not contiguous.
    np.testing.assert_allclose(other.logits, expected.logits, rtol=2 * np.finfo(np.float32).eps)
    assert other.changed_rows.tolist() == expected.changed_rows.tolist()
    narrow = [array.astype(ml_dtypes.bfloat16) for array in (case.weights, case.biases)]
    for path in ("compiled", "reference"):
        trace = ss.explain(*narrow, *case.arguments[2:], sampled_values=case.values, path=path)
        np.testing.assert_allclose(trace.logits, expected.logits, atol=0.1)
        assert trace.cost[0].row_bytes == 8
        assert trace.changed_rows.size > 0


def test_nothing_is_shared_with_the_arguments():
    case = make_case(12, 4, 5, 4)
    before = [np.copy(array) for array in (*case.arguments[:4], *case.values)]
    trace = ss.explain(*case.arguments, sampled_values=case.values)
    for array, copy in zip((*case.arguments[:4], *case.values), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    text, page = str(trace), trace.to_html()
    for array in (*case.arguments[:4], *case.values):
        array[...] = 0
    assert (str(trace), trace.to_html()) == (text, page)


def test_an_empty_batch_and_a_table_of_one_row():
    trace = ss.explain(np.ones((9, 3)), np.ones(9), np.zeros((0, 1), int), np.ones((0, 3)), 5, 9, seed=1)
    assert trace.loss.size == 0
    for text in (str(trace), trace._repr_html_(), trace.to_html()):
        assert "0 examples" in text
    _, one = explained((1, 1, 1, 1, 1))
    assert one.loss.tolist() == [0.0]  # the only candidate is the label


def test_a_non_finite_loss_is_shown():
    case = make_case(12, 4, 5, 4)
    case.weights[case.labels[0, 0]] = np.nan
    trace = ss.explain(*case.arguments, sampled_values=case.values, path="reference")
    assert np.isnan(trace.loss[0])
    assert "nan" in str(trace)
    assert '"nan"' in trace.to_html()


def test_large_tables_are_not_copied():
    trace = big(also_num_sampled=[])
    assert trace.unread_rows.ids.size == 0
    assert trace.changed_rows is not None
    case = make_case(70_000, 4, 3, 5)
    assert ss.explain(*case.arguments, seed=1, path="reference").changed_rows is None
