"""Without PyTorch the package works, and its module for PyTorch names the extra; nothing imports PyTorch unasked."""

import subprocess
import sys


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_module_names_the_extra():
    program = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import sampledsoftmax as ss
assert ss.SampledSoftmax(10, 2, 3, seed=1).full_loss([[0.0, 0.0]] and __import__("numpy").zeros((1, 2), "f"), [1]).size
try:
    import sampledsoftmax.torch
except ImportError as error:
    print(error)
"""
    assert run(program) == "PyTorch is not installed: pip install 'sampledsoftmax[torch]'"


def test_importing_the_package_does_not_import_pytorch():
    assert run("import sys, sampledsoftmax; print('torch' in sys.modules)") == "False"
