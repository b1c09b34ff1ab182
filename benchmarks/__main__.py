"""`python -m benchmarks`: see `benchmarks.cli`."""

if __name__ == "__main__":  # child processes import this module, and need nothing of it
    try:
        from benchmarks.cli import main
    except ModuleNotFoundError as error:
        raise SystemExit(f"benchmarks: {error.name} is not installed: pip install '.[bench]'") from None
    main()
