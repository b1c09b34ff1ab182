"""Without JAX everything else works, and the module that needs it names the extra."""

import subprocess
import sys


def test_importing_the_module_names_the_extra():
    program = """
import sys
sys.modules["jax"] = None  # as if it were not installed
import sampledsoftmax as ss
ss.SampledSoftmax(10, 2, 3, seed=1).pull([1])
try:
    import sampledsoftmax.jax
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert run.stdout == "jax is not installed: pip install 'sampledsoftmax[jax]'\n"


def test_importing_the_package_does_not_import_jax():
    program = "import sys, sampledsoftmax; print('jax' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert run.stdout == "False\n"
