"""Wrong arguments of samplers: one clear error for each, also where TensorFlow aborts the process."""

import re

import numpy as np
import pytest

from sampledsoftmax.samplers.all_candidates import AllSampler, all_candidate_sampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler, fixed_unigram_candidate_sampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler, learned_unigram_candidate_sampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler, uniform_candidate_sampler

GOOD = {"true_classes": [[1]], "num_true": 1, "num_sampled": 4, "unique": True, "range_max": 10, "seed": 1}

BAD = [
    ({"true_classes": [[10]]}, ValueError, "true_classes[0, 0] = 10 is not a class id: ids are in [0, 10)"),
    ({"true_classes": [[-1]]}, ValueError, "true_classes[0, 0] = -1 is not a class id"),
    ({"true_classes": [[1.5]]}, TypeError, "true_classes must hold integer ids, got dtype float64"),
    ({"num_true": 2}, ValueError, "true_classes must have shape [batch_size, 2], got [1, 1]"),
    ({"num_true": 0}, ValueError, "num_true must be at least 1, got 0"),
    ({"num_sampled": 0}, ValueError, "num_sampled must be at least 1, got 0"),
    ({"num_sampled": 4.0}, TypeError, "num_sampled must be a whole number, got float 4.0"),
    ({"unique": "no"}, TypeError, "unique must be True or False, got str 'no'"),
    ({"range_max": 0}, ValueError, "range_max must be at least 1, got 0"),
    ({"range_max": True}, TypeError, "range_max must be a whole number, got the bool True"),
    ({"seed": "x"}, TypeError, "seed must be an int, got str 'x'"),
    ({"expected_count": "exact"}, ValueError, "expected_count must be one of 'tensorflow', 'inclusion', got 'exact'"),
]


@pytest.mark.parametrize(("changed", "error", "message"), BAD)
@pytest.mark.parametrize("pure", [uniform_candidate_sampler, learned_unigram_candidate_sampler])
def test_a_range_sampler_refuses(pure, changed, error, message):
    with pytest.raises(error, match=re.escape(message)):
        pure(**{**GOOD, **changed})


@pytest.mark.parametrize(
    ("pure", "range_max", "most"),
    [(uniform_candidate_sampler, 2**63, 2**63 - 1), (learned_unigram_candidate_sampler, 2**31 - 1, 2**31 - 2)],
)
def test_a_range_that_is_too_large_is_refused(pure, range_max, most):
    with pytest.raises(ValueError, match=f"range_max must be at most {most}, got {range_max}"):
        pure(**{**GOOD, "range_max": range_max})


@pytest.mark.parametrize("pure", [uniform_candidate_sampler, learned_unigram_candidate_sampler])
def test_more_unique_candidates_than_classes_are_refused(pure):
    message = "num_sampled = 11 unique candidates cannot be drawn from range_max = 10"
    with pytest.raises(ValueError, match=message):
        pure(**{**GOOD, "num_sampled": 11})
    assert pure(**{**GOOD, "num_sampled": 11, "unique": False}).sampled_candidates.size == 11


UNIGRAMS = [5, 4, 3, 2, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        *(case for case in BAD if "range_max" not in case[0]),
        ({"range_max": 9}, ValueError, "range_max must be the number of weights, reserved ids included, 10, got 9"),
        ({"range_max": 11}, ValueError, "range_max must be the number of weights, reserved ids included, 10, got 11"),
        ({"num_reserved_ids": 1}, ValueError, "range_max must be the number of weights, reserved ids included, 11"),
        ({"unigrams": ()}, ValueError, "exactly one of vocab_file and unigrams must be given"),
        ({"vocab_file": "a.csv"}, ValueError, "exactly one of vocab_file and unigrams must be given"),
        ({"unigrams": ["5"] * 10}, TypeError, "unigrams must hold numbers, got dtype <U1"),
        ({"unigrams": [True] * 10}, TypeError, "unigrams must hold numbers, got dtype bool"),
        ({"unigrams": [UNIGRAMS]}, ValueError, "unigrams must have shape [num_unigrams], at least one, got [1, 10]"),
        ({"unigrams": [1, -2]}, ValueError, "unigrams[1] = -2 must be at least 0, and finite as float32"),
        ({"unigrams": [1, np.nan]}, ValueError, "unigrams[1] = nan must be at least 0"),
        ({"unigrams": [1, np.inf]}, ValueError, "unigrams[1] = inf must be at least 0"),
        ({"unigrams": [1, 1e39]}, ValueError, "unigrams[1] = 1e+39 must be at least 0, and finite as float32"),
        ({"unigrams": [0.0] * 10}, ValueError, "unigrams ** distortion must add up to a finite float32 above 0, got 0"),
        ({"unigrams": [1e30] * 10, "distortion": 2}, ValueError, "unigrams ** distortion must add up to a finite"),
        ({"unigrams": [1, 0], "distortion": -1}, ValueError, "unigrams[1] = 0 has no power -1: distortion is below 0"),
        ({"distortion": np.nan}, ValueError, "distortion must be finite, got nan"),
        ({"distortion": "1"}, TypeError, "distortion must be a number, got str '1'"),
        ({"num_reserved_ids": -1}, ValueError, "num_reserved_ids must be at least 0, got -1"),
        ({"num_shards": 0}, ValueError, "num_shards must be at least 1, got 0"),
        ({"num_shards": 2, "shard": 2}, ValueError, "shard must be below num_shards = 2, got 2"),
        ({"shard": -1}, ValueError, "shard must be at least 0, got -1"),
        ({"num_shards": 20, "shard": 15}, ValueError, "must add up to a finite float32 above 0, got 0 for 0 classes"),
        (
            {"unigrams": [1, 2, 0, 0], "num_reserved_ids": 6, "num_sampled": 3},
            ValueError,
            "num_sampled = 3 unique candidates cannot be drawn from the number of classes that are ever drawn = 2",
        ),
    ],
)
def test_the_fixed_unigram_sampler_refuses(changed, error, message):
    with pytest.raises(error, match=re.escape(message)), np.errstate(over="ignore"):
        fixed_unigram_candidate_sampler(**{**GOOD, "unigrams": UNIGRAMS, **changed})


def test_a_class_too_rare_for_the_alias_table_is_not_counted_as_drawable():
    sampler = FixedUnigramSampler([1.0, 1e-40], seed=1)
    assert sampler.sample([[0]], 1).sampled_candidates.tolist() == [0]
    sampler = FixedUnigramSampler([1e38, 1e-20], seed=1)
    with pytest.raises(ValueError, match="2 unique candidates cannot be drawn from the number of classes that"):
        sampler.sample([[0]], 2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "holds no weights"),
        ("\n\n", "holds no weights"),
        (
            "a,1\nb,\n",
            "line 2: the last comma-separated field must be a number, at least 0 and finite as float32, got ''",
        ),
        ("a,1\n\nb,two\n", "line 3: the last comma-separated field must be a number"),
        ("a,1\nb,-2\n", "line 2: the last comma-separated field must be a number"),
        ("a,nan\n", "line 1: the last comma-separated field must be a number"),
        ("a,1e40\n", "line 1: the last comma-separated field must be a number"),
        ("a,1_000\n", "line 1: the last comma-separated field must be a number"),
        (
            "a 1\n",
            "line 1: the last comma-separated field must be a number, at least 0 and finite as float32, got 'a 1'",
        ),
    ],
)
def test_a_bad_vocabulary_file_is_refused_with_its_line(tmp_path, lines, message):
    path = tmp_path / "vocab.csv"
    path.write_text(lines)
    with pytest.raises(ValueError, match=re.escape(message)):
        fixed_unigram_candidate_sampler(**{**GOOD, "vocab_file": path})


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_missing_vocabulary_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="is not a file"):
        fixed_unigram_candidate_sampler(**{**GOOD, "vocab_file": tmp_path / name})


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        *(
            case
            for case in BAD
            if not {"range_max", "expected_count"} & case[0].keys() and case[0] != {"true_classes": [[10]]}
        ),
        ({"true_classes": [[4]]}, ValueError, "true_classes[0, 0] = 4 is not a class id: ids are in [0, 4)"),
    ],
)
def test_the_all_sampler_refuses(changed, error, message):
    good = {name: value for name, value in GOOD.items() if name != "range_max"}
    with pytest.raises(error, match=re.escape(message)):
        all_candidate_sampler(**{**good, **changed})


def test_the_all_sampler_takes_all_or_nothing():
    with pytest.raises(ValueError, match="num_sampled must be range_max = 5: all classes are taken, got 4"):
        AllSampler(5).sample([[1]], 4)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (None, "state['counts'] must be 3 whole numbers, got object []"),
        ([1, 2], "state['counts'] must be 3 whole numbers, got int64 [2]"),
        ([1.0, 2.0, 3.0], "state['counts'] must be 3 whole numbers, got float64 [3]"),
        ([1, 0, 3], "state['counts'] must each be at least 1 and add up to at most 2147483647, got 0 as the least"),
        ([2**31, 1, 1], "state['counts'] must each be at least 1 and add up to at most 2147483647"),
    ],
)
def test_a_foreign_state_is_refused_and_nothing_changes(counts, message):
    sampler = LearnedUnigramSampler(3, seed=1)
    before = sampler.state
    with pytest.raises(ValueError, match=re.escape(message)):
        sampler.state = {**before, "counts": counts}
    with pytest.raises(ValueError, match="state must hold seed, seed2, block, got seed, seed2"):
        sampler.state = {name: value for name, value in before.items() if name != "block"}
    assert sampler.state == before


@pytest.mark.parametrize(
    "sampler", [UniformSampler(5), LogUniformSampler(5), FixedUnigramSampler([1] * 5), LearnedUnigramSampler(5)]
)
def test_probabilities_of_ids_out_of_range_are_refused(sampler):
    for ids in ([0, 5], [-1], [[2, 3], [4, 9]]):
        with pytest.raises(ValueError, match=r"is not a class id: ids are in \[0, 5\)"):
            sampler.probability(ids)
    with pytest.raises(TypeError, match="ids must hold integer ids"):
        sampler.probability([0.5])
