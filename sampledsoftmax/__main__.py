"""`python -m sampledsoftmax`: the command line."""

import sys

from sampledsoftmax.cli import main

if __name__ == "__main__":
    sys.exit(main())
