"""`check_loss` accepts our loss, PyTorch's and TensorFlow's, and says what is wrong with others."""

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.faulty_losses import Steps, loss_of
from sampledsoftmax import reference
from sampledsoftmax.testing import Check, Report, check_loss

QUICK = {"large_ids": False, "num_samples": 20}


def ours(temperature=1.0, normalize=False, function=ss.sampled_softmax_loss):
    def loss(weights, biases, labels, inputs, values):
        size = values.sampled_candidates.size
        return function(
            weights, biases, labels, inputs, size, len(weights), 1, values, temperature=temperature, normalize=normalize
        )

    return loss


@pytest.mark.parametrize(("temperature", "normalize"), [(1.0, False), (0.1, True)])
def test_our_loss_is_accepted(temperature, normalize):
    options = {"temperature": temperature, "normalize": normalize}
    check_loss(ours(**options), num_samples=20, **options).raise_if_failed()


def test_our_gradient_is_accepted_and_another_is_not():
    both = ours(0.5, function=ss.sampled_softmax_loss_and_grad)
    options = {"temperature": 0.5, **QUICK}
    check_loss(ours(0.5), gradient=lambda *batch: both(*batch)[1].inputs, **options).raise_if_failed()
    report = check_loss(ours(0.5), gradient=lambda *batch: -both(*batch)[1].inputs, **options)
    assert "is not the derivative of the loss" in report["gradient"].found


def test_float64_and_hits_that_are_kept():
    def kept(weights, biases, labels, inputs, values):
        return reference.sampled_loss_and_grad(weights, biases, labels, inputs, values, remove_hits=False)[0]

    assert check_loss(kept, remove_accidental_hits=False, dtype=np.float64, **QUICK)
    found = check_loss(kept, **QUICK)["accidental hits"].found
    assert found == "No: the sums of the examples are over 5, 5, 5 candidates; right is 4, 4, 4."


@pytest.mark.compiled
def test_the_loss_of_tensorflow_is_accepted(tf):
    def loss(weights, biases, labels, inputs, values):
        size = values.sampled_candidates.size
        return tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, size, len(weights), 1, tuple(values))

    report = check_loss(loss, num_samples=20)
    assert [check.name for check in report.failures] == ["copies of hits"]  # its samplers draw none by default
    check_loss(loss, copies=False, num_samples=20).raise_if_failed()


def test_a_loss_in_pytorch_is_accepted():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def loss(*batch):
        weights, biases, labels, inputs = map(torch.from_numpy, batch[:4])
        ids, of_labels, of_ids = map(torch.from_numpy, batch[4])
        inputs.requires_grad_()
        true = (weights[labels[:, 0]] * inputs).sum(1, keepdim=True) + biases[labels] - of_labels.log()
        sampled = (inputs @ weights[ids].T + biases[ids] - of_ids.log()).masked_fill(labels == ids, -torch.inf)
        return torch.nn.functional.cross_entropy(
            torch.cat([true, sampled], 1), torch.zeros(len(labels), dtype=torch.int64), reduction="none"
        )

    check_loss(loss, **QUICK).raise_if_failed()


def test_the_words_name_the_fault():
    added = check_loss(loss_of(Steps(correct_label=lambda x, q: x + np.log(q)), 1.0), **QUICK)
    assert added["log Q of labels"].found.startswith("No: it is added. The loss depends on the count as Q ** 1;")
    assert added["log Q of candidates"].passed
    late = check_loss(loss_of(Steps(divide_last=True), 0.5), temperature=0.5, **QUICK)
    assert late["log Q of candidates"].found.startswith("No: it is divided by the temperature.")
    assert late["temperature"].passed
    wrong = check_loss(loss_of(Steps(), 0.5), temperature=0.25, **QUICK)
    assert wrong["temperature"].found == "No: the loss multiplies them by 2; right is 4."
    report = check_loss(lambda *_: np.float32(1), **QUICK)
    assert [check.name for check in report.checks] == ["value"]
    assert "It must be floats [batch_size], here [16], got float32 []." in str(report)


def test_a_report_is_true_prints_and_raises():
    good, bad = Check("ids", True, "Right?", "Yes."), Check("claim", False, "Right?", "No: 3.", 3.0)
    report = Report("a sampler", (good, bad))
    assert not report
    assert (report.failures, report["claim"].size) == ((bad,), 3.0)
    assert str(report) == repr(report) == "a sampler: 1 of 2 checks passed\n" + "\n".join([str(good), str(bad)])
    with pytest.raises(AssertionError, match="FAILED  claim: Right"):
        report.raise_if_failed()
    with pytest.raises(KeyError, match="no check 'other' ran: there are ids, claim"):
        report["other"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"loss": None}, TypeError, "loss must be a function, got NoneType None"),
        ({"gradient": 3}, TypeError, "gradient must be a function, got int 3"),
        ({"temperature": 0}, ValueError, "temperature must be above 0, got 0"),
        ({"normalize": "no"}, TypeError, "normalize must be True or False, got str 'no'"),
        ({"remove_accidental_hits": 1}, TypeError, "remove_accidental_hits must be True or False, got int 1"),
        ({"copies": None}, TypeError, "copies must be True or False, got NoneType None"),
        ({"large_ids": None}, TypeError, "large_ids must be True or False, got NoneType None"),
        ({"num_samples": 1}, ValueError, "num_samples must be at least 10, got 1"),
        ({"dtype": np.float16}, TypeError, "dtype must be float32 or float64, got float16"),
    ],
)
def test_arguments_are_checked_first(arguments, error, message):
    with pytest.raises(error) as raised:
        check_loss(**{"loss": print, **arguments})
    assert str(raised.value) == message
