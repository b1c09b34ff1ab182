"""Without Ray everything else works, and the module that needs it names the extra."""

import subprocess
import sys


def test_importing_the_module_names_the_extra():
    program = """
import sys
sys.modules["ray"] = None  # as if it were not installed
import sampledsoftmax
try:
    import sampledsoftmax.ray
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert run.stdout == "Ray is not installed: pip install 'sampledsoftmax[ray]'\n"


def test_importing_the_package_does_not_import_ray():
    program = "import sys, sampledsoftmax; print('ray' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert run.stdout == "False\n"
