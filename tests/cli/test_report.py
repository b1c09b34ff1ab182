import io
import os
import subprocess
import sys

import pytest

from sampledsoftmax.cli.report import Report
from sampledsoftmax.word2vec.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(epochs):
    report = Report()
    for epoch in range(1, epochs + 1):
        progress = Progress(epoch, epochs, 10 * epoch, 100 * epoch, 50 * epoch, 50 * epochs, 2.5)
        report.on_progress(progress)
        report.on_epoch(progress)
    report.close()


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(epochs=2)
    assert "epoch 2/2: 100%" in terminal.getvalue()
    assert "words/s, loss 2.500" in terminal.getvalue()


def test_a_few_plain_lines_elsewhere(capsys):
    run(epochs=2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2: loss 2.500, ")
    assert lines[0].endswith(" s left")
    run(epochs=95)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("epoch 95/95: ")


def test_a_bar_on_a_terminal_that_claims_no_size():
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    code = (
        "from sampledsoftmax.cli.report import Report\n"
        "from sampledsoftmax.word2vec.training.progress import Progress\n"
        "report = Report()\n"
        "report.on_progress(Progress(1, 2, 10, 100, 50, 100, 2.5))\n"
        "report.close()\n"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "epoch 1/2:  50%" in shown
