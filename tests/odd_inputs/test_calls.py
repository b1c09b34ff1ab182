"""Any call of the public API with odd arguments gives a result or a documented error, and an error changes nothing."""

import contextlib
import io
import itertools
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sampledsoftmax as ss
from tests.odd_inputs import core_targets, targets
from tests.odd_inputs.calls import Undocumented, check_call, documented_errors, fingerprint
from tests.odd_inputs.factor_targets import SLOW_FACTORS
from tests.odd_inputs.retrieval_targets import RETRIEVAL_TARGETS, write_retrieval_files
from tests.odd_inputs.targets import Target
from tests.odd_inputs.values import SPOILS, odd_values, spoiled
from tests.odd_inputs.word_targets import SLOW_WORDS
from tests.test_docstrings import CALLABLES, CLASSES, has_constructor

NUM_CALLS = 25_000  # of the full set; the same in each run, so that more of them find little in a change
TARGETS = {**targets.TARGETS, **core_targets.TARGETS, **RETRIEVAL_TARGETS}
# Calls that read files or train, each as expensive as tens of others.
SLOW = (
    {"Word2Vec", "explain", "explain, shown", "Explanation.name", "Explanation.save_html"} | SLOW_WORDS | SLOW_FACTORS
)
SLOW |= {"diagnose_sampler", "diagnostics.gradient_bias", "diagnostics.problem"}
STORED = ("SampledSoftmax", "SkipGram", "EmbeddingTable")
SLOW |= {f"{kind}{name}" for kind in STORED for name in (".save", ".load", ", in a folder")}
SHARE_OF_SLOW = 0.03
# Tested elsewhere: what has no arguments, what users define, and what only compiled code calls.
ELSEWHERE = {"show_config", "get_num_threads", "Optimizer.check_settings", "sampled_metrics"} | {
    *(f"CandidateSampler.{name}" for name in ("compiled_distribution", "probability_groups", "fused_distribution")),
    *(f"{kind}.{name}" for kind in STORED for name in ("flush", "close")),
    *("Objective.loss_and_grad", "Objective.compiled_loss", "Optimizer.compiled_rule", "Optimizer.compiled_slots"),
    *(
        "Word2Vec.get_latest_training_loss",
        "WordVectors.get_normed_vectors",
        "Explanation.to_html",
        "InBatchExplanation.to_html",
    ),
    *("CandidateSampler.draw_sample", "CandidateSampler.repair"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Change to a directory with the files that calls name, and restore the number of threads."""
    monkeypatch.chdir(tmp_path)
    targets.write_files(tmp_path)
    core_targets.write_files(tmp_path)
    write_retrieval_files(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat sat\n"))
    threads = ss.get_num_threads()
    yield tmp_path
    ss.set_num_threads(threads)


def num_examples(name, full):
    slow = sum(other in SLOW for other in TARGETS)
    share = SHARE_OF_SLOW / slow if name in SLOW else (1 - SHARE_OF_SLOW) / (len(TARGETS) - slow)
    return max(int(NUM_CALLS * share), 1) if full else 3 if name in SLOW else 5


@st.composite
def odd_arguments(draw, target):
    """Return the arguments of a target with one or two of them replaced or spoiled."""
    arguments = dict(target.arguments)
    names = draw(st.lists(st.sampled_from(sorted(arguments)), min_size=1, max_size=2, unique=True))
    for name in names:
        how = draw(st.sampled_from([None, *SPOILS]))
        changed = None if how is None else spoiled(arguments[name], how)
        arguments[name] = draw(odd_values) if changed is None else changed
    return arguments


def is_legitimate_work(arguments):
    """Return whether a call may take as long as it asks for."""
    return any(isinstance(arguments.get(name), int) and arguments[name] > 1000 for name in ("epochs",))


def test_every_public_function_is_called():
    named = {name.split(",")[0] for name in TARGETS} | ELSEWHERE
    wanted = set(CALLABLES) | {name for name in CLASSES if has_constructor(CLASSES[name])} - {"CandidateSampler"}
    assert not wanted - named
    assert not ELSEWHERE & set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_calls_are_right(name):
    warm_up(TARGETS[name])
    assert not isinstance(check_call(TARGETS[name]()), Exception)


def test_broken_promises_are_found():
    def changes(table):
        table[0] = 7
        raise ValueError("changed first")

    def prints_all(table):
        raise ValueError(repr(table.tolist() * 1000))

    def unlisted(table):
        raise KeyError("no")

    for function in (changes, prints_all):
        function.__doc__ = "Do.\n\nRaises\n------\nValueError\n    Always.\n"
        assert documented_errors(function) == (ValueError,)
    for function in (changes, prints_all, unlisted):
        with pytest.raises(Undocumented):
            check_call(Target(function, {"table": np.zeros(3)}))
    assert fingerprint([np.zeros(2)]) != fingerprint([np.zeros(2, "f4")])


@pytest.mark.compiled
@pytest.mark.parametrize("name", TARGETS)
def test_odd_arguments(name, full):
    make = TARGETS[name]
    warm_up(make)

    @settings(
        max_examples=num_examples(name, full),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        target = make()
        arguments = data.draw(odd_arguments(target))
        if not is_legitimate_work(arguments):
            check_call(target._replace(arguments=arguments))

    run()


def warm_up(make):
    """Compile what the call needs, in float32 and float64: the time limit is for what comes after."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype in (np.float32, np.float64):
            target = make()
            with contextlib.suppress(TypeError):  # an object or a gradient may compute in the other type only
                target.function(**{name: cast(value, dtype) for name, value in target.arguments.items()})


def cast(value, dtype):
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def test_pairs_of_functions_take_the_same_odd_arguments():
    """A loss refuses what its twin with gradients refuses."""
    for name in ("sampled_softmax_loss", "nce_loss", "full_softmax_loss"):
        both = [TARGETS[name](), TARGETS[f"{name}_and_grad"]()]
        for argument, how in itertools.product(("weights", "biases", "labels", "inputs"), SPOILS):
            results = []
            for target in both:
                changed = spoiled(target.arguments[argument], how)
                if changed is not None:
                    arguments = target.arguments | {argument: changed}
                    arguments.pop("loss_grad", None)
                    results.append(type(check_call(target._replace(arguments=arguments))))
            assert len({issubclass(result, Exception) and result for result in results}) <= 1, (name, argument, how)
