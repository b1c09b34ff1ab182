"""`python -m benchmarks`: see `benchmarks.cli`."""

import os
import sys


def restart_with_one_blas_thread() -> None:
    """Restart this process with BLAS limited to one thread, which is read when NumPy is imported."""
    from benchmarks.limits.sgemm import ONE_THREAD  # noqa: PLC0415 - worker processes import this module

    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [*sys.orig_argv], os.environ | ONE_THREAD)


if __name__ == "__main__":  # worker processes import this module and need nothing from it
    try:
        from benchmarks.cli import main
    except ModuleNotFoundError as error:
        raise SystemExit(f"benchmarks: {error.name} is not installed: pip install '.[bench]'") from None
    if sys.argv[1:2] == ["break-even"]:
        restart_with_one_blas_thread()
    main()
