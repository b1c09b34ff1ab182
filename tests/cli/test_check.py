"""`sampledsoftmax check`: its reports, its exit codes and its errors."""

import pytest

from sampledsoftmax.cli import main
from tests.cli.test_commands import failed
from tests.odd_inputs.test_commands import OWN_CODE

SAMPLER = ["check", "sampler", "own.py:draw", "--num-classes", "5", "--num-draws", "2000"]


@pytest.fixture(autouse=True)
def _own_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = "\n\ndef lower(ids):\n    return share(ids) / 2\n\n\ndef broken(*_):\n    return {}['key']\n"
    (tmp_path / "own.py").write_text(OWN_CODE + more)
    (tmp_path / "raises.py").write_text("1 / 0\n")


def test_reports_are_printed(capsys):
    assert main([*SAMPLER, "--probability", "own.py:share"]) == 0
    assert capsys.readouterr().out.startswith("own.py:draw, 2,000 draws of 5 classes: 5 of 5 checks passed\n")
    candidates = ["candidates", "own.py:sample", "--num-classes", "5", "--num-sampled", "2", "--with-replacement"]
    assert main(["check", *candidates, "--num-calls", "50"]) == 0
    assert "7 of 7 checks passed" in capsys.readouterr().out
    loss = ["loss", "own.py:loss", "--temperature", "0.5", "--num-samples", "10", "--no-large-ids"]
    assert main(["check", *loss]) == 0
    assert "10 of 10 checks passed" in capsys.readouterr().out


def test_a_failed_check_is_an_exit_code_and_a_line(capsys):
    assert main([*SAMPLER, "--probability", "own.py:lower"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "sampledsoftmax: 1 of 5 checks failed: claim\n"
    assert "FAILED  claim: " in captured.out


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("own.py", "--probability must be MODULE:FUNCTION or FILE.py:FUNCTION, got 'own.py'"),
        ("own.py:nothing", "--probability: own.py has no function 'nothing'"),
        ("nowhere.py:share", "--probability: nowhere.py cannot be imported: FileNotFoundError: there is no such file"),
        ("nothing:f", "--probability: nothing cannot be imported: ModuleNotFoundError: No module named 'nothing'"),
        ("raises.py:f", "--probability: raises.py cannot be imported: ZeroDivisionError: division by zero"),
        ("own.py:broken", "own.py:broken failed: KeyError: 'key'"),
    ],
)
def test_errors_of_functions_are_one_line(capsys, target, message):
    assert failed(capsys, *SAMPLER, "--probability", target) == message
