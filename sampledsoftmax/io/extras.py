"""Optional dependencies: imported on use; if one is missing, the error names the extra to install."""

import importlib
from typing import Any


class MissingExtraError(ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


def need(module: str, package: str, extra: str) -> Any:
    """Import an optional module, or raise `MissingExtraError` with the command that installs it.

    Examples
    --------
    >>> need("json", "json", "none").dumps([1])
    '[1]'
    >>> need("no_such_module", "no-such-package", "plot")
    Traceback (most recent call last):
    sampledsoftmax.io.extras.MissingExtraError: no-such-package is not installed: pip install 'sampledsoftmax[plot]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise MissingExtraError(f"{package} is not installed: pip install 'sampledsoftmax[{extra}]'") from None
